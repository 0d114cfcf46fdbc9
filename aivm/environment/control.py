"""The floating-point control register of this thread: MXCSR on x86-64, FPCR on AArch64.

Read and written through fegetenv and fesetenv of the C library, whose `fenv_t` holds it: its last word on x86-64 (glibc
and musl alike), its first on AArch64. A new thread inherits the state of the one that starts it.
"""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from typing import Final

from aivm.errors import AivmError


class ControlError(AivmError):
    """A register that this system gives no access to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the register is in fenv_t, and what of it decides a result: the rest are flags and traps."""

    name: str
    word: int
    flush: int
    matters: int


# Intel SDM volume 1, 10.2.3: FTZ bit 15, rounding bits 14:13, DAZ bit 6. Arm ARM, FPCR: AHP 26, DN 25, FZ 24, rounding
# 23:22, FZ16 19, NEP 2, AH 1, FIZ 0.
_LAYOUTS: Final = {
    "x86_64": _Layout(name="mxcsr", word=7, flush=0x8040, matters=0xE040),
    "aarch64": _Layout(name="fpcr", word=0, flush=1 << 24, matters=0x07C80007),
}
_WORDS: Final = 8


def read_control() -> str | None:
    """The bits that decide results, such as `mxcsr 0x0000`; None where the register cannot be read."""
    layout = _LAYOUTS.get(platform.machine())
    if layout is None:
        return None
    return f"{layout.name} {_environment()[layout.word] & layout.matters:#06x}"


def flush_subnormals() -> None:
    """Has this thread, and those that it starts from now on, take subnormal numbers for zeros.

    Raises:
        ControlError: the register cannot be written, or does not read back.
    """
    layout = _LAYOUTS.get(platform.machine())
    if layout is None:
        raise ControlError(f"flushing of subnormals cannot be set on {platform.machine()}")
    words = _environment()
    words[layout.word] |= layout.flush
    if _library().fesetenv(words) != 0 or _environment()[layout.word] & layout.flush != layout.flush:
        raise ControlError(f"{layout.name} does not take the flags that flush subnormals")


def _environment() -> ctypes.Array[ctypes.c_uint32]:
    words = (ctypes.c_uint32 * _WORDS)()
    if _library().fegetenv(words) != 0:
        raise ControlError("the C library does not give its floating-point environment")
    return words


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)  # the interpreter is linked with the mathematical library
