"""The errors of the reproducible arithmetic: each names the operator and the tensor."""

from __future__ import annotations

from aivm.errors import AivmError


class ArithmeticEngineError(AivmError):
    """Base of every error of :mod:`aivm.arithmetic`."""


class PlanError(ArithmeticEngineError):
    """A plan that makes no sense, values that a step cannot compute with, or a machine that cannot run it.

    Raised by the core, with the names of the step (the ONNX node) and of the tensor.
    """


class MalformedModelError(ArithmeticEngineError):
    """A graph that the ONNX standard does not allow."""


class UnsupportedOperatorError(ArithmeticEngineError):
    """An operator, or a version, an attribute or a dtype of one, that the engine does not have."""


class GraphMemoryError(ArithmeticEngineError):
    """A graph that needs more memory than it is allowed."""

    #: What can be done about it.
    ALLOW_MORE = (
        "allow the model more memory (limits=aivm.arithmetic.Limits(memory_bytes=…); in a kernel's manifest, "
        "limits.memory_bytes), or give it smaller inputs"
    )


class LoopLimitError(ArithmeticEngineError):
    """A loop that runs longer, or graphs that are nested deeper, than the session allows."""


class SettingError(ArithmeticEngineError):
    """A setting of a session that makes no sense, or something that no model can be loaded from."""


class DefectError(ArithmeticEngineError):
    """The engine tripped over a graph that it should have run, or refused by another name: a mistake of the engine."""


class FeedError(ArithmeticEngineError):
    """An input that the model does not take."""


class MissingFeedError(FeedError):
    """An input that was not given."""


class UnexpectedFeedError(FeedError):
    """An input that the model does not have."""


class FeedDtypeError(FeedError):
    """An input of another dtype than the model says."""


class FeedRankError(FeedError):
    """An input of another rank than the model says."""


class FeedShapeError(FeedError):
    """An input of another extent than the model says, or that disagrees with another input about a free one."""


class FeedLayoutError(FeedError):
    """An input that is not contiguous in C order, aligned, and of this machine's byte order."""
