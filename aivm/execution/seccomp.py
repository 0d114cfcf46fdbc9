"""The system call filter of a worker: a classic BPF program, installed for every thread for good.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; the program's structures are those of `linux/filter.h`
and `linux/seccomp.h`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.errors import AivmError
from aivm.execution.syscalls import ABSENT, ALLOWED, ARCHITECTURES, CONDITIONAL, FORBIDDEN, LOOKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant

KILL = 0x80000000
ALLOW = 0x7FFF0000
_ERRNO = 0x00050000

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
_X32 = 0x40000000  # the numbers of the x32 ABI begin here

# Equal on both architectures.
_MAKING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000  # the last is __O_TMPFILE
_WRITING = _MAKING | os.O_RDWR
_CLONE_THREAD, _PROT_EXEC, _PR_SET_NAME = 0x10000, 4, 15
_ABOVE_3, _ABOVE_63 = 0xFFFFFFFC, 0xFFFFFFC0  # the bits that a number up to 3, or 63, does not have
_PR_SET_NO_NEW_PRIVS, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 38, 1, 1


class SandboxUnavailableError(AivmError):
    """This machine cannot confine a worker."""


def error(number: int) -> int:
    """The action that makes a call fail with an errno."""
    return _ERRNO | number


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An action that depends on an argument of the call.

    Attributes:
        argument: its position, from 0.
        mask: the bits that are looked at; None compares all 64.
        value: what they must be.
        then: the action if they are.
        otherwise: the action if they are not.
    """

    argument: int
    mask: int | None
    value: int
    then: int
    otherwise: int


def policy(*, process: int, devices: bool) -> dict[str, int | Condition]:
    """What happens at each call of the tables; a call that is in none fails with EPERM.

    Args:
        process: the worker's own process id, which it may signal (to abort itself).
        devices: whether an accelerator's driver must work: it opens its devices for reading and writing, loads
            libraries, maps code and controls the device. Files are then protected by their size limit alone.
    """
    denied, looking = error(errno.EPERM), ALLOW if devices else error(errno.EACCES)
    writing = _MAKING if devices else _WRITING
    executable = Condition(argument=2, mask=_PROT_EXEC, value=0, then=ALLOW, otherwise=ALLOW if devices else denied)
    actions: dict[str, int | Condition] = {
        **dict.fromkeys(ALLOWED, ALLOW),
        **dict.fromkeys(LOOKING, looking),
        **dict.fromkeys(FORBIDDEN, KILL),
        **dict.fromkeys(ABSENT, error(errno.ENOSYS)),
        "mmap": executable,
        "mprotect": executable,
        # Threads, but no processes.
        "clone": Condition(argument=0, mask=_CLONE_THREAD, value=_CLONE_THREAD, then=ALLOW, otherwise=KILL),
        # Thread names.
        "prctl": Condition(argument=0, mask=None, value=_PR_SET_NAME, then=ALLOW, otherwise=denied),
        # Reading the limits; a worker of root could raise them otherwise.
        "prlimit64": Condition(argument=2, mask=None, value=0, then=ALLOW, otherwise=KILL),
        "tgkill": Condition(argument=0, mask=None, value=process, then=ALLOW, otherwise=KILL),
        "open": Condition(argument=1, mask=writing, value=0, then=looking, otherwise=KILL),
        "openat": Condition(argument=2, mask=writing, value=0, then=looking, otherwise=KILL),
        # Duplicating, and looking at flags. F_SETOWN and F_SETSIG (both have bit 3) make a pipe send any signal to any
        # process of the same user: a worker could kill the one that started it without ever calling `kill`.
        "fcntl": Condition(argument=1, mask=8 if devices else _ABOVE_3, value=0, then=ALLOW, otherwise=denied),
        # Advice that a program may give; from 100 on, it is root's way to declare memory of the machine broken.
        "madvise": Condition(argument=2, mask=_ABOVE_63, value=0, then=ALLOW, otherwise=denied),
        # The calling thread's own processors, not those of another process.
        "sched_setaffinity": Condition(argument=0, mask=None, value=0, then=ALLOW, otherwise=denied),
    }
    assert actions.keys() == {**ALLOWED, **CONDITIONAL, **LOOKING, **FORBIDDEN, **ABSENT}.keys()
    return actions


def program(architecture: str, actions: dict[str, int | Condition]) -> list[Instruction]:
    """The filter as instructions: the architecture, then one comparison for each call in turn.

    Raises:
        SandboxUnavailableError: no tables for this architecture.
    """
    if architecture not in ARCHITECTURES:
        raise SandboxUnavailableError(
            f"there is no system call filter for {architecture}", hint=f"run on {' or '.join(ARCHITECTURES)} Linux"
        )
    column = ARCHITECTURES.index(architecture)
    numbers = {**ALLOWED, **CONDITIONAL, **LOOKING, **FORBIDDEN, **ABSENT}
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, _AUDIT[architecture]),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if architecture == "x86_64":
        code += [(_JUMP_GREATER_EQUAL, 0, 1, _X32), (_RETURN, 0, 0, KILL)]
    for name, action in actions.items():
        number = numbers[name][column]
        if number is not None:
            block = list(_block(action))
            code += [(_JUMP_EQUAL, 0, len(block), number), *block]
    return [*code, (_RETURN, 0, 0, error(errno.EPERM))]


def _block(action: int | Condition) -> Iterator[Instruction]:
    """What follows when the number is the call's: always ends in a return."""
    if isinstance(action, int):
        yield (_RETURN, 0, 0, action)
        return
    low = _ARGUMENTS + 8 * action.argument  # both architectures are little-endian
    yield (_LOAD, 0, 0, low)
    if action.mask is not None:
        yield (_AND, 0, 0, action.mask)
        yield (_JUMP_EQUAL, 0, 1, action.value)
    else:
        yield (_JUMP_EQUAL, 0, 3, action.value & 0xFFFFFFFF)
        yield (_LOAD, 0, 0, low + 4)
        yield (_JUMP_EQUAL, 0, 1, action.value >> 32)
    yield (_RETURN, 0, 0, action.then)
    yield (_RETURN, 0, 0, action.otherwise)


class _SockFprog(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(*, devices: bool) -> None:
    """Confines this process and all its threads; there is no way back.

    Raises:
        SandboxUnavailableError: another system or architecture, or a kernel without seccomp filters.
    """
    if sys.platform != "linux":
        raise SandboxUnavailableError(f"there is no sandbox on {sys.platform}", hint="run on Linux")
    apply(program(platform.machine(), policy(process=os.getpid(), devices=devices)))


def apply(code: list[Instruction]) -> None:
    """Installs a program for this process and all its threads.

    Raises:
        SandboxUnavailableError: the kernel refuses it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    zero, one = ctypes.c_ulong(0), ctypes.c_ulong(1)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) != 0:
        raise _unavailable("prctl(PR_SET_NO_NEW_PRIVS)")
    data = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in code))
    fprog = _SockFprog(len(code), ctypes.cast(data, ctypes.c_void_p))
    result = libc.syscall(
        ctypes.c_long(_SECCOMP_CALL[platform.machine()]),
        ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER),
        ctypes.c_ulong(_SECCOMP_FILTER_FLAG_TSYNC),
        ctypes.byref(fprog),
    )
    if result != 0:  # -1, or the thread that could not be confined
        raise _unavailable("seccomp(SECCOMP_SET_MODE_FILTER)")


def _unavailable(call: str) -> SandboxUnavailableError:
    return SandboxUnavailableError(
        f"{call} failed: {os.strerror(ctypes.get_errno())}",
        hint="run where Linux seccomp filters are available; some emulators and containers do not have them",
    )
