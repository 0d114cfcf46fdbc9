"""Services for the sandbox tests: real workers, really confined, that then try what the request names."""

from __future__ import annotations

import contextlib
import ctypes
import encodings.idna  # noqa: F401 - a connection looks names up with it, and confined it is too late to import
import fcntl
import mmap
import os
import resource
import signal
import socket
import threading
import time
from pathlib import Path

from aivm.errors import AivmError
from aivm.execution.engine import ModelFailedError
from aivm.execution.frames import Frame
from aivm.execution.seccomp import SandboxUnavailableError


class Hostile:
    ready = Frame(header={"done": "setup"})

    def __init__(self):
        self.pipe = os.pipe()

    def handle(self, request: Frame) -> Frame:
        result = getattr(self, request.header["do"])(request)
        return result if isinstance(result, Frame) else Frame(header={"done": str(result)})

    def echo(self, request):
        return Frame(header={"done": "echo"}, payload=request.payload)

    # --- the network

    def connect(self, request):
        socket.create_connection(("127.0.0.1", request.header["port"]), timeout=1)

    def bind(self, _):
        socket.socket().bind(("127.0.0.1", 0))

    def unix_socket(self, _):
        socket.socketpair()

    # --- processes

    def fork(self, _):
        os.fork()

    def vfork(self, _):
        os.posix_spawn("/bin/true", ["true"], {})

    def exec(self, _):
        os.execv("/bin/true", ["true"])

    def kill_parent(self, _):
        os.kill(os.getppid(), signal.SIGTERM)

    def trace(self, _):
        ctypes.CDLL(None).ptrace(0, 0, None, None)

    def ring(self, _):
        ctypes.CDLL(None).syscall(ctypes.c_long(425), ctypes.c_long(8), ctypes.create_string_buffer(256))

    def kill_by_pipe(self, _):
        # No call of `kill`: the kernel signals the owner of a descriptor when there is something to read.
        reading, writing = self.pipe
        refused = []
        for command, argument in ((8, os.getppid()), (10, signal.SIGKILL), (4, os.O_ASYNC | os.O_NONBLOCK)):
            try:
                fcntl.fcntl(reading, command, argument)
            except PermissionError as error:
                refused.append(error.strerror)
        os.write(writing, b"now")
        return len(refused)

    def pin(self, _):
        try:
            os.sched_setaffinity(os.getppid(), {0})
        except PermissionError as error:
            return f"refused: {error.strerror}"

    def poison(self, _):
        libc, page = ctypes.CDLL(None, use_errno=True), mmap.mmap(-1, 4096)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        return libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(4096), 100), ctypes.get_errno()

    def raise_limits(self, _):
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    # --- files

    def write_file(self, request):
        Path(request.header["path"]).write_text("I was here")

    def remove_file(self, request):
        Path(request.header["path"]).unlink()

    def read_file(self, request):
        try:
            return Path(request.header["path"]).read_text()
        except PermissionError as error:
            return f"refused: {error.strerror}"

    def list_folder(self, _):
        try:
            return list(Path("/").iterdir())
        except PermissionError as error:
            return f"refused: {error.strerror}"

    def map_code(self, _):
        try:
            mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        except PermissionError as error:
            return f"refused: {error.strerror}"
        return "mapped"

    # --- resources

    def allocate(self, request):
        block = bytearray(request.header["bytes"])
        block[::4096] = b"x" * len(block[::4096])
        return len(block)

    def allocate_shared(self, request):
        try:
            memory = mmap.mmap(-1, request.header["bytes"])
        except OSError as error:
            raise MemoryError(str(error)) from error
        for start in range(0, request.header["touched"], 4096):
            memory[start] = 1
        return "mapped"

    def sleep(self, request):
        time.sleep(request.header["seconds"])

    def spin(self, _):
        while True:
            pass

    def reply(self, request):
        return Frame(header={"done": "reply"}, payload=bytes(request.header["bytes"]))

    # --- crashes

    def segfault(self, _):
        ctypes.string_at(0)

    def abort(self, _):
        os.abort()

    def leave(self, request):
        os._exit(request.header["status"])

    def fail(self, _):
        raise RuntimeError("an error that nobody foresaw")

    def rude_error(self, _):
        raise ModelFailedError("\x1b[2J\x1b]0;owned\x07 node 'x\rOK", hint="run: \x1b[8mrm -rf /")

    def unavailable(self, _):
        raise SandboxUnavailableError("I say so")

    def own_error(self, _):
        raise OwnError("made up", hint="none")

    def babble(self, request):
        # One of these is where replies go.
        for descriptor in range(3, 10):
            with contextlib.suppress(OSError):
                os.write(descriptor, bytes.fromhex(request.header["bytes"]))
        time.sleep(60)

    def complain(self, _):
        for _ in range(4096):
            os.write(2, b"\x1b[31mnoise\x1b[0m" * 64)

    # --- what a computation needs

    def thread(self, _):
        results = []
        thread = threading.Thread(target=lambda: results.append(threading.get_ident()))
        thread.start()
        thread.join()
        return len(results)

    def environment(self, _):
        return sorted(os.environ)


class OwnError(AivmError):
    """An error that no engine has."""


def open_hostile(_: Frame) -> Hostile:
    return Hostile()


def open_refusing(_: Frame) -> Hostile:
    from aivm.execution.engine import EngineUnavailableError  # noqa: PLC0415

    raise EngineUnavailableError("not here", hint="install it")


def open_slowly(_: Frame) -> Hostile:
    time.sleep(600)
    return Hostile()
