"""What ONNX itself refuses, declared shapes that do not follow from the operators, and tensors of absurd size.

Done by `aivm.lint.inspector` in a limited process of its own, after the rules that need no trust.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from onnx import external_data_helper

from aivm.lint.errors import InvalidGraphError, OversizedModelError, ShapeMismatchError
from aivm.lint.report import Finding
from aivm.lint.rules.external_data import has_external_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

    from aivm.lint.context import Context

#: The most bytes of one tensor if no manifest says less.
MAX_TENSOR_BYTES = 2**32
SECONDS = 120

_PROGRAM = Path(__file__).parents[1] / "inspector.py"
_REMEDIES = {
    InvalidGraphError: "Export the model again; `onnx.checker.check_model` says the same.",
    ShapeMismatchError: "Export the model again, or correct the declared shape.",
    OversizedModelError: "Make the tensors smaller, or raise limits.memory_bytes in the manifest.",
}
_ERRORS = {error.rule: error for error in _REMEDIES}


def check(context: Context) -> Iterator[Finding]:
    """Finds what ONNX's checker refuses, contradictory shapes and types, and tensors of absurd size."""
    limit = context.manifest.limits.memory_bytes if context.manifest else MAX_TENSOR_BYTES
    command = [sys.executable, "-P", str(_PROGRAM), str(limit)]
    data = self_contained(context.model, context.directory).SerializeToString()
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        yield _finding("oversized-model", "graph", f"ONNX's shape inference did not end in {SECONDS} s")
        return
    if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
        yield _finding("oversized-model", "graph", "ONNX's shape inference used too much time or memory")
    elif done.returncode != 0:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        yield _finding("invalid-graph", "graph", f"ONNX's checker or shape inference broke on it ({how})")
    else:
        for rule, where, message in json.loads(done.stdout):
            yield _finding(rule, where, message)


def self_contained(model: onnx.ModelProto, directory: Path | None) -> onnx.ModelProto:
    """The model with its weights inside; where they come from has been checked before."""
    if directory is None or not has_external_data(model):
        return model
    copy = type(model)()
    copy.CopyFrom(model)
    external_data_helper.load_external_data_for_model(copy, str(directory))
    return copy


def _finding(rule: str, where: str, message: str) -> Finding:
    error = _ERRORS[rule]
    return Finding(error=error, where=where, message=message, remedy=_REMEDIES[error])
