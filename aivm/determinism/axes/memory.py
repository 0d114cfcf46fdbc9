"""Axes of memory: where inputs lie, and what is in memory that nobody has written."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final

from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

#: One float32 behind a cache line's start, and one before its end.
_OFFSETS: Final = (4, 60)
#: glibc fills what it gives out with the complement of the byte, and what it takes back with the byte.
_BYTES: Final = (85, 255)


def alignment(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """Loops over vectors begin and end elsewhere."""
    del subject, wishes
    for offset in _OFFSETS:
        yield Choice(axis="alignment", value=str(offset), setting=Setting(offset=offset))


def fill(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """Shows who reads memory before it is written."""
    del subject, wishes
    if platform.libc_ver()[0] != "glibc":
        yield Absence(axis="fill", reason="only glibc fills memory on demand (mallopt M_PERTURB)")
        return
    for byte in _BYTES:
        setting = Setting(variables={"MALLOC_PERTURB_": str(byte)})
        yield Choice(axis="fill", value=str(byte), setting=setting)
