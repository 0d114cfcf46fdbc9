"""The linter: what a kernel's graph must not have, found without running it.

>>> lint(Path("model.onnx")).findings
()
>>> require_clean(b"not a model")
Traceback (most recent call last):
aivm.lint.errors.TruncatedModelError: model: not an ONNX file, or cut off: …

Every rule has its error class in `errors` and its file in `rules`.
"""

from aivm.lint.errors import (
    EndlessLoopError,
    ExternalDataError,
    HiddenRandomnessError,
    InvalidGraphError,
    KernelLintError,
    ManifestDisagreementError,
    NestingError,
    OversizedModelError,
    RecursiveFunctionError,
    ShapeMismatchError,
    TruncatedModelError,
    UnknownOperatorError,
    UnspecifiedResultError,
    UnsupportedOperatorError,
)
from aivm.lint.lift import Lifted, lift_randomness
from aivm.lint.linter import lint, require_clean, signature
from aivm.lint.report import Finding, LintReport
from aivm.lint.signature import Port, Signature

__all__ = [
    "EndlessLoopError",
    "ExternalDataError",
    "Finding",
    "HiddenRandomnessError",
    "InvalidGraphError",
    "KernelLintError",
    "Lifted",
    "LintReport",
    "ManifestDisagreementError",
    "NestingError",
    "OversizedModelError",
    "Port",
    "RecursiveFunctionError",
    "ShapeMismatchError",
    "Signature",
    "TruncatedModelError",
    "UnknownOperatorError",
    "UnspecifiedResultError",
    "UnsupportedOperatorError",
    "lift_randomness",
    "lint",
    "require_clean",
    "signature",
]
