"""Input tensors from the files that people have: `.safetensors`, `.npz`, `.json`."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm import tensors
from aivm.execution.inputs import InputDtypeError, InputError, InputShapeError
from aivm.nesting import is_deeper

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aivm.manifest import Manifest
    from aivm.tensors import Array

_FORMATS = 'Give a canonical .safetensors file, an .npz archive, or a .json file: {"input name": [[1, 2], [3, 4]]}.'


def dtypes_of(manifest: Manifest) -> dict[str, np.dtype[Any]]:
    """The dtypes of a kernel's inputs, by name."""
    return {spec.name: tensors.DTYPES[spec.dtype] for spec in manifest.inputs}


def read_inputs(path: Path, dtypes: Mapping[str, np.dtype[Any]]) -> dict[str, Array]:
    """Reads input tensors by name.

    Args:
        path: its suffix names the format. JSON holds an object of nested lists, to which `dtypes` gives theirs.
        dtypes: those of the inputs, by name.

    Raises:
        aivm.tensors.TensorFileError: a `.safetensors` file that is not a canonical tensor file.
        InputError: any other file that holds no tensors for this model, naming the input at fault.
    """
    match path.suffix:
        case ".safetensors":
            return dict(tensors.decode(path.read_bytes()))
        case ".npz":
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    return {name: arrays[name] for name in arrays.files}
            except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
                raise InputError(f"{path} is no .npz archive of plain arrays: {error}", hint=_FORMATS) from error
        case ".json":
            return _from_json(path, dtypes)
        case suffix:
            raise InputError(f"{path}: {suffix or 'no suffix'} is no format of tensors", hint=_FORMATS)


def _from_json(path: Path, dtypes: Mapping[str, np.dtype[Any]]) -> dict[str, Array]:
    try:
        text = path.read_text(encoding="utf-8")
        if is_deeper(text, 64):
            raise InputShapeError(f"{path} is nested deeper than 64 levels", hint=_FORMATS)
        values = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}", hint=_FORMATS) from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no JSON object", hint=_FORMATS)
    return {name: _array(name, value, dtypes.get(name)) for name, value in values.items()}


def _array(name: str, value: Any, dtype: np.dtype[Any] | None) -> Array:
    """Nested lists as an array, without any change of value: 300 is no U8, 0.5 no integer."""
    try:
        found = np.array(value)
    except ValueError as error:
        raise InputShapeError(f"input {name!r} is no rectangular list of numbers: {error}", hint=_FORMATS) from error
    if found.dtype.kind not in "biuf":
        raise InputDtypeError(f"input {name!r} holds something else than numbers", hint=_FORMATS)
    if dtype is None:
        return found  # not an input of the kernel, which is said elsewhere
    with np.errstate(all="ignore"):
        typed = found.astype(dtype)
    exact = dtype.kind == "f" or bool(np.all(typed == found))
    if not exact:
        raise InputDtypeError(
            f"input {name!r} holds numbers that {dtype} cannot", hint=f"its elements have to be {dtype}"
        )
    return typed
