"""What a worker gives up before it touches a model: applied from inside, for good."""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass

from aivm.execution import seccomp

_PAGE = resource.getpagesize()
# Address space that is reserved, not used: the C library's heap for each thread.
_RESERVE = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """The limits of a worker.

    Attributes:
        memory_bytes: what it may use beyond what it uses when it is confined.
        devices: whether an accelerator's driver must work: files may be read, and address space is not limited.
    """

    memory_bytes: int
    devices: bool = False


class MemoryMeter:
    """Reads this process's memory through a descriptor that was opened before opening was forbidden."""

    __slots__ = ("_base", "_status")

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        self._base = self._read("VmHWM")

    def peak(self) -> int:
        """Bytes of memory used at the most, beyond those at the start."""
        return self._read("VmHWM") - self._base

    def _read(self, field: str) -> int:
        text = os.pread(self._status, 1 << 14, 0).decode("ascii", "replace")
        line = next(line for line in text.splitlines() if line.startswith(f"{field}:"))
        return int(line.split()[1]) * 1024


def confine(confinement: Confinement) -> MemoryMeter:
    """Confines this process.

    No core dumps, no writing of files, no more memory than allowed; then the system call filter.

    Raises:
        SandboxUnavailableError: the machine cannot do it. The process must not go on.
    """
    try:
        meter = MemoryMeter()
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - no paths needed for one line
            fields = statm.read().split()
    except OSError as cause:
        raise seccomp.SandboxUnavailableError(f"/proc cannot be read: {cause}", hint="mount /proc") from cause
    _volunteer()
    total, data = int(fields[0]) * _PAGE, int(fields[5]) * _PAGE
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    # Private writable memory, the heap and every thread's stack. Reservations that are not writable do not count.
    _limit(resource.RLIMIT_DATA, data + confinement.memory_bytes)
    if not confinement.devices:
        # Shared memory too, with room for reservations. Drivers reserve many times what they use.
        _limit(resource.RLIMIT_AS, total + confinement.memory_bytes + _RESERVE)
    seccomp.install(devices=confinement.devices)
    return meter


def _volunteer() -> None:
    """When the machine itself is out of memory, the worker is ended, and not the process that it works for."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:  # noqa: PTH123 - as above
        file.write(b"1000")


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))
