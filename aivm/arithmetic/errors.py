"""The errors of the reproducible arithmetic: each names the operator and the tensor."""

from __future__ import annotations

from aivm.errors import AivmError


class ArithmeticEngineError(AivmError):
    """Base of every error of :mod:`aivm.arithmetic`."""


class PlanError(ArithmeticEngineError):
    """A plan that makes no sense, an input that is not what it says, or a machine that cannot run it.

    Raised by the core, with the names of the step (the ONNX node) and of the tensor.
    """


class MalformedModelError(ArithmeticEngineError):
    """A graph that the ONNX standard does not allow."""


class UnsupportedOperatorError(ArithmeticEngineError):
    """An operator, or a use of one, that the engine does not have."""


class GraphMemoryError(ArithmeticEngineError):
    """A graph that needs more memory than it is allowed."""
