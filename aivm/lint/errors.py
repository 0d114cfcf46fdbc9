"""What can be wrong with a kernel's graph: one class for each rule, so that a caller can tell them apart."""

from __future__ import annotations

from aivm.errors import AivmError


class KernelLintError(AivmError):
    """Base of everything that the linter refuses.

    Attributes:
        where: the place in the model, such as `graph/node[3]:Loop 'decode'/body/node[0]:RandomNormal`.
    """

    #: The rule's short name, for reports.
    rule = "lint"

    def __init__(self, message: str, *, where: str = "model", hint: str = "") -> None:
        super().__init__(f"{where}: {message}", hint=hint)
        self.where = where


class TruncatedModelError(KernelLintError):
    """The bytes are no ONNX model, or not all of one."""

    rule = "truncated-model"


class InvalidGraphError(KernelLintError):
    """The model breaks a rule of ONNX itself."""

    rule = "invalid-graph"


class UnknownOperatorError(KernelLintError):
    """An operator, an operator set or a domain that ONNX does not define."""

    rule = "unknown-operator"


class HiddenRandomnessError(KernelLintError):
    """Randomness that does not come from a graph input."""

    rule = "hidden-randomness"


class ExternalDataError(KernelLintError):
    """Weights outside the file, or outside the model's folder."""

    rule = "external-data"


class ShapeMismatchError(KernelLintError):
    """Shapes or types that contradict each other."""

    rule = "shape-mismatch"


class EndlessLoopError(KernelLintError):
    """A Loop whose number of rounds has no constant bound."""

    rule = "endless-loop"


class RecursiveFunctionError(KernelLintError):
    """A function of the model that calls itself."""

    rule = "recursive-function"


class NestingError(KernelLintError):
    """Graphs nested too deeply."""

    rule = "nesting"


class OversizedModelError(KernelLintError):
    """More bytes, nodes or elements than any kernel may have: a bomb, or a mistake."""

    rule = "oversized-model"


class UnspecifiedResultError(KernelLintError):
    """An operator whose attributes leave part of its result open."""

    rule = "unspecified-result"


class UnsupportedOperatorError(KernelLintError):
    """Something that ONNX has, and the engine that is to run the graph has not."""

    rule = "unsupported-operator"


class ManifestDisagreementError(KernelLintError):
    """The graph is not what the manifest says."""

    rule = "manifest-disagreement"
