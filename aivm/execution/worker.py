"""The worker process: reads requests from its standard input, and answers them confined.

Started by `aivm.execution.sandbox` as `python -I … <entry>`. The first frame sets it up, with everything that must be
imported or opened; then it gives up what it will not need (`confinement`), says so, and serves.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Protocol, cast

from aivm.errors import AivmError
from aivm.execution import frames
from aivm.execution.confinement import Confinement, confine
from aivm.execution.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

# The parent kills a worker that is late. This much later the kernel does, should the parent be gone.
_GRACE_SECONDS = 1.0


class Service(Protocol):
    """What a worker does."""

    @property
    def ready(self) -> Frame:
        """What the worker says when it is confined."""

    def handle(self, request: Frame) -> Frame:
        """The reply to one request.

        Raises:
            AivmError: the request cannot be served; the worker goes on.
            MemoryError: memory ran out; the worker goes on.
        """


def main(entry: str) -> None:
    """Serves until the input ends.

    Args:
        entry: `module:function`, which makes a `Service` from the set-up frame.
    """
    # Replies go where nothing else writes: what libraries print is sent to the error stream.
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    setup = frames.read(requests)
    if setup is None:
        return
    try:
        service = _resolve(entry)(setup)
        limits = setup.header["confinement"]
        meter = confine(Confinement(**limits)) if limits else None
    except AivmError as error:
        frames.write(replies, _error(type(error).__name__, error.message, error.hint))
        return
    frames.write(replies, service.ready)
    memory = limits["memory_bytes"] if limits else None
    while (request := frames.read(requests)) is not None:
        signal.setitimer(signal.ITIMER_REAL, request.header["time_ms"] / 1000 + _GRACE_SECONDS)
        reply = _serve(service, request, memory)
        if meter is not None and memory is not None and meter.peak() > memory:
            reply = _error("MemoryLimitError", f"the worker used {meter.peak()} bytes of {memory} allowed")
        frames.write(replies, reply)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _serve(service: Service, request: Frame, memory: int | None) -> Frame:
    try:
        return service.handle(request)
    except AivmError as error:
        return _error(type(error).__name__, error.message, error.hint)
    except MemoryError as error:
        text = str(error).strip() or "memory ran out"
        allowed = "there are" if memory is None else f"the {memory} bytes allowed"
        return _error("MemoryLimitError", f"the worker needed more than {allowed}: {text}")


def _error(kind: str, message: str, hint: str = "") -> Frame:
    return Frame(header={"error": kind, "message": _text(message), "hint": _text(hint)})


def _text(message: str) -> str:
    # JSON takes no lone surrogates, and a header has a limit.
    return message[:8000].encode("utf-8", "replace").decode()


def _resolve(entry: str) -> Callable[[Frame], Service]:
    module, _, name = entry.partition(":")
    return cast("Callable[[Frame], Service]", getattr(importlib.import_module(module), name))


if __name__ == "__main__":
    main(sys.argv[1])
