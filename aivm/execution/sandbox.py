"""Runs a service in a worker process that can compute and do nothing else.

    with Sandbox(entry="aivm.execution.service:open_service", setup=frame, confinement=limits) as sandbox:
        reply = sandbox.call({"do": "run"}, payload, time_ms=1000, reply_bytes=65536)

The worker has no network, starts no process, opens and writes no file, and has bounded memory, time and output. What
ends it is a named error here; the process that asked goes on, and no process is left behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aivm.errors import AivmError
from aivm.execution import engine, frames
from aivm.execution.frames import PREFIX, Frame, FrameError
from aivm.execution.seccomp import SandboxUnavailableError
from aivm.execution.service import OutputLimitError
from aivm.tensors import TensorFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.execution.confinement import Confinement

#: Seconds that a worker may take to import what it needs and to confine itself.
START_SECONDS = 60.0
#: This interpreter with no PYTHON* variables, no user packages and no current folder.
ISOLATED = (sys.executable, "-I")
_MAX_SETUP_REPLY = 1 << 20
_CHUNK = 1 << 20
_LAST_WORDS = 2000
_BOOT = "import sys; sys.path[:0] = sys.argv[2:]; from aivm.execution.worker import main; main(sys.argv[1])"
_ROOT = str(Path(__file__).resolve().parents[2])


class SandboxError(AivmError):
    """A worker that was stopped, or ended before it had answered."""


class TimeLimitError(SandboxError):
    """The worker took longer than allowed and was killed."""


class MemoryLimitError(SandboxError):
    """The worker needed more memory than allowed."""


class WorkerCrashedError(SandboxError):
    """The worker ended, or said something that it never says."""


class WorkerLostError(AivmError):
    """This machine ended the worker or could not start it: no SandboxError, since it says nothing about the kernel."""


class ForbiddenCallError(SandboxError):
    """The worker asked the system for something forbidden and was killed."""


# What a worker may raise here. It is not believed about anything else: a hostile one can only choose among these.
_ERRORS: dict[str, type[AivmError]] = {
    error.__name__: error
    for error in (
        MemoryLimitError,
        OutputLimitError,
        SandboxUnavailableError,
        TensorFileError,
        engine.ConflictingDistributionsError,
        engine.EngineError,
        engine.EngineUnavailableError,
        engine.EngineVersionError,
        engine.ForeignRuntimeError,
        engine.ModelFailedError,
        engine.ModelMemoryError,
        engine.ModelRejectedError,
        engine.OptionMismatchError,
        engine.ProviderUnavailableError,
    )
}


class Sandbox:
    """A worker process, started, set up and confined. It serves one call at a time, from one thread."""

    def __init__(
        self,
        *,
        entry: str,
        setup: Frame,
        confinement: Confinement | None,
        variables: Mapping[str, str] | None = None,
        paths: tuple[str, ...] = (),
        program: tuple[str, ...] = (),
        start_seconds: float = START_SECONDS,
        descriptors: tuple[int, ...] = (),
    ) -> None:
        """Starts the worker and waits until it is confined.

        Args:
            entry: `module:function` that makes the worker's service from the set-up frame.
            setup: the first frame.
            confinement: the worker's limits; None runs it with limits of time and output alone, for a processor that
                cannot be confined, such as an emulated one: only for models that are trusted.
            variables: its whole environment, beside what fixes locale, time zone and threads.
            paths: folders of modules, beside this package's own and those that are installed.
            program: the interpreter and its options, if it is not this one, isolated.
            start_seconds: how long it may take to import what it needs.
            descriptors: open files that it keeps, by the same numbers; it can read from them when it is confined.

        Raises:
            SandboxUnavailableError: this machine cannot confine it.
            WorkerLostError: it did not get so far.
            AivmError: the service refused the set-up.
        """
        if sys.platform != "linux":
            raise SandboxUnavailableError(f"there is no sandbox on {sys.platform}", hint="run on Linux")
        # `site` has put installed packages on the path already; a source tree it has not.
        installed = () if program else sys.path
        roots = [root for root in (*paths, _ROOT) if root not in installed or not root.endswith("-packages")]
        self._confined = False
        self._words = b""
        self._buffer = b""
        command = [*(program or ISOLATED), "-B", "-X", "utf8", "-c", _BOOT, entry, *roots]
        environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1", **(variables or {})}
        try:
            self._process = _start(command, environment, descriptors)
        except OSError as error:
            raise WorkerLostError(f"the worker cannot be started: {error}") from error
        try:
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
                with contextlib.suppress(OSError):  # the user may have as many large pipes as the system allows
                    fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _CHUNK)
            limits = confinement and {"memory_bytes": confinement.memory_bytes, "devices": confinement.devices}
            frame = Frame(header={**setup.header, "confinement": limits}, payload=setup.payload)
            self.ready = self._set_up(frame, start_seconds)
            self._confined = True
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the worker can take another call; one that broke a limit or crashed cannot."""
        return self._process.poll() is None

    def call(self, header: Mapping[str, Any], payload: bytes = b"", *, time_ms: int, reply_bytes: int) -> Frame:
        """Asks the worker for something and waits for the reply.

        Args:
            header: what to do.
            payload: with what.
            time_ms: wall time from here to the whole reply.
            reply_bytes: the most payload that the reply may have.

        Raises:
            SandboxError: the worker broke a limit or crashed; it is gone.
            WorkerLostError: the machine ended it.
            OutputLimitError: the reply is longer than allowed.
            AivmError: what the service raised.
        """
        return self._exchange(
            Frame(header={**header, "time_ms": time_ms}, payload=payload), time_ms / 1000, reply_bytes
        )

    def close(self) -> None:
        """Kills the worker and reaps it; does nothing the second time."""
        if self._process.returncode is None:
            # The group too: it cannot have started anything, and this holds even if it could.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def _set_up(self, frame: Frame, seconds: float) -> Frame:
        try:
            return self._exchange(frame, seconds, _MAX_SETUP_REPLY)
        except (SandboxError, OutputLimitError) as error:
            # No model has been seen yet.
            raise WorkerLostError(f"the worker did not start: {error.message}", hint=error.hint) from error

    def _exchange(self, request: Frame, seconds: float, reply_bytes: int) -> Frame:
        if self._process.stdin is None or self._process.stdin.closed:
            raise WorkerCrashedError("the worker is gone", hint="start another")
        deadline = time.monotonic() + seconds
        try:
            reply = self._transfer(request, deadline, reply_bytes)
        except TimeoutError:
            self.close()
            raise TimeLimitError(
                f"the worker took longer than {seconds:g} s and was killed",
                hint="the kernel is too slow for this machine, or its limits are too tight",
            ) from None
        except EOFError:
            raise self._diagnose() from None
        except FrameError as error:
            self.close()
            raise WorkerCrashedError(f"the worker sent nonsense: {error.message}") from error
        except BaseException:
            self.close()
            raise
        if "error" in reply.header:
            raise self._raised(reply.header)
        return reply

    def _raised(self, header: Mapping[str, Any]) -> AivmError:
        kind = _ERRORS.get(str(header["error"]))
        message, hint = _plain(header.get("message", "")), _plain(header.get("hint", ""))
        if kind is SandboxUnavailableError and self._confined:
            kind = None  # it has confined itself already
        if kind is None:
            self.close()
            return WorkerCrashedError(f"the worker failed: {_plain(header['error'])}: {message}", hint=hint)
        if kind is MemoryLimitError:
            self.close()  # what it has used it may keep, and the next job must not pay for this one
        return kind(message, hint=hint)

    def _transfer(self, request: Frame, deadline: float, reply_bytes: int) -> Frame:
        """Sends while receiving: a worker that answers before it has read everything must not block us both."""
        pending = [memoryview(frames.encode(request)), memoryview(request.payload)]
        header_size, payload_size, announced = 0, 0, False
        received = bytearray(self._buffer)
        while True:
            if not announced and len(received) >= PREFIX.size:
                announced = True
                header_size, payload_size = self._announced(bytes(received[: PREFIX.size]), reply_bytes)
            end = PREFIX.size + header_size + payload_size
            if announced and len(received) >= end:
                break
            self._step(pending, received, deadline)
        self._buffer = bytes(received[end:])
        if self._buffer:
            raise FrameError("bytes after the reply")
        start = PREFIX.size + header_size
        header = frames.decode_header(bytes(received[PREFIX.size : start]))
        return Frame(header=header, payload=bytes(received[start:end]))

    def _announced(self, prefix: bytes, reply_bytes: int) -> tuple[int, int]:
        header_size, payload_size = frames.sizes(prefix, 1 << 63)
        if payload_size > reply_bytes:
            self.close()
            raise OutputLimitError(f"the worker announced {payload_size} bytes, more than the {reply_bytes} allowed")
        return header_size, payload_size

    def _step(self, pending: list[memoryview], received: bytearray, deadline: float) -> None:
        """Moves some bytes, or waits until some can move."""
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        while pending and not pending[0]:
            pending.pop(0)
        poll = select.poll()
        poll.register(stdout, select.POLLIN)
        poll.register(stderr, select.POLLIN)
        if pending:
            poll.register(stdin, select.POLLOUT)
        left = deadline - time.monotonic()
        events = dict(poll.poll(max(0.0, left * 1000))) if left > 0 else {}
        if not events:
            raise TimeoutError
        if stderr.fileno() in events:
            self._listen(stderr.fileno())
        if stdin.fileno() in events:
            try:
                pending[0] = pending[0][os.write(stdin.fileno(), pending[0][:_CHUNK]) :]
            except BrokenPipeError:
                pending.clear()
        if stdout.fileno() in events:
            data = os.read(stdout.fileno(), _CHUNK)
            if not data:
                raise EOFError
            received += data

    def _listen(self, descriptor: int) -> bool:
        """Keeps the end of what the worker writes to its error stream; whether there was anything."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        self._words = (self._words + data)[-_LAST_WORDS:]
        return bool(data)

    def _diagnose(self) -> AivmError:
        """Why the worker ended, by its exit status and its last words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        assert self._process.stderr is not None
        for _ in range(64):
            if not self._listen(self._process.stderr.fileno()):
                break
        self.close()
        status = self._process.returncode
        lines = _plain(self._words.decode("utf-8", "replace")).split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        words = f"; its last words: {last[:300]}" if last else ""
        if status == -signal.SIGSYS:
            return ForbiddenCallError(
                "the worker asked the system for network, processes, files or something else that is forbidden",
                hint="do not run this kernel: nothing that a model computes needs that",
            )
        if status == -signal.SIGKILL:
            return WorkerLostError(
                "the worker was ended by SIGKILL, which nothing that it computes can cause",
                hint="the machine ran out of memory, or somebody killed it",
            )
        if status == -signal.SIGALRM:
            return TimeLimitError("the worker took too long and the system killed it")
        if b"bad_alloc" in self._words or b"MemoryError" in self._words:
            return MemoryLimitError(f"the worker ran out of memory and ended{words}")
        if status < 0:
            name = signal.Signals(-status).name if -status in {*signal.Signals} else str(-status)
            return WorkerCrashedError(f"the worker was ended by {name}{words}")
        return WorkerCrashedError(f"the worker ended with status {status}{words}")


def _start(command: list[str], environment: dict[str, str], descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=descriptors,  # and no others
        cwd="/",
        env=environment,
        start_new_session=True,
    )


def _plain(text: object) -> str:
    """A worker's text, which may quote a hostile model, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\n" for c in str(text))
