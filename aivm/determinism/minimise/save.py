"""A reproducer in a folder: the model, its inputs, and a line that says how to see the difference again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from aivm import tensors
from aivm.determinism.minimise.cut import MinimiseError

if TYPE_CHECKING:
    from pathlib import Path

    from aivm.determinism.minimise.reduce import Reproducer

MODEL, INPUTS, README = "model.onnx", "inputs.safetensors", "README.md"


def save(found: Reproducer, folder: Path, *, a: str, b: str, command: str = "") -> None:
    """Writes `model.onnx`, `inputs.safetensors` and `README.md`; equal reproducers give equal files.

    Args:
        found: what is left.
        folder: made if it is not there.
        a: one of the computations, as `aivm diverge` takes it.
        b: the other one.
        command: what shows the difference, if `aivm diverge` does not take them.

    Raises:
        MinimiseError: the folder cannot be written.
    """
    onnx.checker.check_model(found.case.model)
    command = command or f"aivm diverge '{a}' '{b}' --model {MODEL} --input {INPUTS}"
    text = (
        f"{len(found.operators)} of {found.nodes[0]} nodes ({', '.join(found.operators)}) and {found.elements[1]} of "
        f"{found.elements[0]} elements, on which `{a}` and `{b}` give different bits:\n\n    {command}\n"
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MODEL).write_bytes(found.case.model.SerializeToString(deterministic=True))
        (folder / INPUTS).write_bytes(tensors.encode(found.case.inputs))
        (folder / README).write_text(text, encoding="utf-8")
    except OSError as error:
        raise MinimiseError(f"{folder} cannot be written: {error.strerror}") from error
