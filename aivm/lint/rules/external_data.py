"""External data: none in a model that stands alone, and otherwise only regular files inside the model's folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import onnx

from aivm.lint.errors import ExternalDataError
from aivm.lint.graphs import tensors
from aivm.lint.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.lint.context import Context

_REMEDY = "Save the model with its weights inside: onnx.save(model, path, save_as_external_data=False)."
_KEYS = frozenset({"location", "offset", "length", "checksum", "basepath"})


def check(context: Context) -> Iterator[Finding]:
    """Finds tensors that refer to other files where they must not."""
    for where, tensor in tensors(context.model):
        message = _problem(tensor, context.directory)
        if message is not None:
            yield Finding(error=ExternalDataError, where=where, message=message, remedy=_REMEDY)


def has_external_data(model: onnx.ModelProto) -> bool:
    """Whether any tensor's values are in another file."""
    return any(tensor.data_location == onnx.TensorProto.EXTERNAL for _, tensor in tensors(model))


def _problem(tensor: onnx.TensorProto, directory: Path | None) -> str | None:
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return "names external data, but does not use it" if tensor.external_data else None
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if len(entries) != len(tensor.external_data) or not _KEYS.issuperset(entries):
        return "describes its external data by unknown or repeated members"
    trick = path_trick(location)
    if trick is not None:
        return f"external data at {location!r}: {trick}"
    if directory is None:
        return f"external data at {location!r}, where the model must be one file"
    return _file_problem(directory, location, entries)


def path_trick(location: str) -> str | None:
    """What is wrong with a relative path as far as its text shows, on any system; None if nothing."""
    if not location or "\0" in location:
        return "it names no file"
    if PurePosixPath(location).is_absolute() or PureWindowsPath(location).drive or location[0] in "\\~":
        return "the path is absolute"
    if ".." in PurePosixPath(location).parts or ".." in PureWindowsPath(location).parts:
        return "the path leaves its folder"
    if "\\" in location:
        return "the path holds a backslash, which separates folders on some systems only"
    return None


def link_trick(directory: Path, location: str) -> str | None:
    """What is wrong with a path on this disk: a symbolic link on the way, or no regular file at its end."""
    at = directory
    for part in PurePosixPath(location).parts:
        at /= part
        if at.is_symlink():
            return f"{at.name!r} is a symbolic link"
    return None if at.is_file() else "there is no such file"


def _file_problem(directory: Path, location: str, entries: dict[str, str]) -> str | None:
    trick = link_trick(directory, location)
    if trick is not None:
        return f"external data at {location!r}: {trick}"
    offset, length = entries.get("offset", "0"), entries.get("length", "0")
    if not (offset.isdecimal() and length.isdecimal() and len(offset) < 20 and len(length) < 20):
        return f"external data at {location!r}: offset {offset!r} and length {length!r} are no byte counts"
    size = (directory / location).stat().st_size
    if int(offset) + int(length) > size:
        return f"external data at {location!r}: bytes {offset} + {length} lie beyond the file's {size}"
    return None
