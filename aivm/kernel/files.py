"""The files of a kernel folder, and reading and writing them without surprises."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from typing import TYPE_CHECKING

from aivm.kernel.types import KernelError
from aivm.lint.rules.external_data import path_trick

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MODEL = "model.onnx"
MANIFEST = "manifest.json"
CALIBRATION = "calibration.json"
CASES = "cases"
EXPECTED = "expected"
TENSORS = ".safetensors"

#: The most bytes of the tensor files of all cases together, and so of one; of a model card. All of them are in memory.
MAX_CASE_BYTES = 2**28
MAX_CARD_BYTES = 2**22

_CASE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


def read_file(directory: Path, name: str, *, limit: int) -> bytes:
    """Reads a regular file inside the folder.

    Raises:
        KernelError: if the name leaves the folder, by its text or by a symbolic link, if there is no such regular
            file, or if it has more than `limit` bytes.
    """
    trick = path_trick(name)
    if trick is not None:
        raise KernelError(f"{name!r}: {trick}", hint="Name a file inside the kernel's folder.")
    at = directory
    for part in name.split("/"):
        at /= part
        if at.is_symlink():
            raise KernelError(f"{name!r}: {part!r} is a symbolic link", hint="Put the file itself into the folder.")
    try:
        # Not following links here closes the gap between the look above and the opening.
        descriptor = os.open(at, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        hint = "Run `aivm kernel pack`: it writes the manifest." if name == MANIFEST else ""
        raise KernelError(f"{at} cannot be read: {error.strerror}", hint=hint) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KernelError(f"{name} is not a regular file")
        if status.st_size > limit:
            raise KernelError(f"{name} has {status.st_size} bytes, at most {limit} are allowed")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            # It may have grown since; one byte more than allowed shows that.
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise KernelError(f"{name} has more than {limit} bytes")
    return data


def is_case_name(name: str) -> bool:
    """Whether a case may have this name."""
    return _CASE_NAME.fullmatch(name) is not None


def case_names(directory: Path) -> list[str]:
    """The names of the cases in the folder, sorted.

    Raises:
        KernelError: for a file that is no tensor file, or whose name is no case name.
    """
    folder = directory / CASES
    if folder.is_symlink() or not folder.is_dir():
        return []
    names = []
    for path in folder.iterdir():
        name = path.name.removesuffix(TENSORS)
        if path.name == name or not is_case_name(name):
            hint = f"Cases are named in lower case, digits, - and _, and end in {TENSORS}."
            raise KernelError(f"{CASES}/{path.name} is no case", hint=hint)
        names.append(name)
    return sorted(names)


def write_folder(directory: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Replaces a folder of files by another: a reader sees the old one or the new one, or none for a moment.

    Raises:
        KernelError: if the disk refuses; what was there stays.
    """
    token = secrets.token_hex(8)
    new, old, target = directory / f".{name}-{token}.new", directory / f".{name}-{token}.old", directory / name
    try:
        new.mkdir()
        for file, data in files.items():
            _write(new / file, data)
        if target.exists():
            target.rename(old)
        new.rename(target)
    except OSError as error:
        if old.exists() and not target.exists():
            old.rename(target)
        raise KernelError(f"{name}/ cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_file(directory: Path, name: str, data: bytes) -> None:
    """Replaces a file at once: a reader sees the old bytes or the new ones.

    Raises:
        KernelError: if the disk refuses; what was there stays.
    """
    temporary = directory / f".{name}-{secrets.token_hex(8)}"
    try:
        _write(temporary, data)
        temporary.replace(directory / name)
    except OSError as error:
        raise KernelError(f"{name} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
