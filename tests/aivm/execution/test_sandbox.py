"""What a worker cannot do, tried inside a real worker under the real confinement."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aivm.execution import frames
from aivm.execution.confinement import Confinement
from aivm.execution.engine import EngineUnavailableError, ModelFailedError
from aivm.execution.frames import Frame
from aivm.execution.sandbox import (
    ForbiddenCallError,
    MemoryLimitError,
    Sandbox,
    TimeLimitError,
    WorkerCrashedError,
    WorkerLostError,
)
from aivm.execution.service import OutputLimitError

HERE = str(Path(__file__).parent)
MEMORY = 64 << 20


def start(entry="hostile:open_hostile", **options):
    return Sandbox(
        entry=entry, setup=Frame(header={}), confinement=Confinement(memory_bytes=MEMORY), paths=(HERE,), **options
    )


@pytest.fixture
def sandbox():
    with start() as worker:
        yield worker
        assert_gone(worker)


def ask(worker, what, *, time_ms=20_000, reply_bytes=1 << 16, payload=b"", **members):
    return worker.call({"do": what, **members}, payload, time_ms=time_ms, reply_bytes=reply_bytes)


def assert_gone(worker):
    """After close, neither the process nor a zombie of it is there."""
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker._process.pid, 0)


def assert_usable():
    """The process that asked is as it was: another worker answers."""
    with start() as worker:
        assert ask(worker, "echo", payload=b"still here").payload == b"still here"


FORBIDDEN = [
    "bind",
    "unix_socket",
    "fork",
    "vfork",
    "exec",
    "kill_parent",
    "trace",
    "ring",
    "raise_limits",
]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_forbidden_call_kills_the_worker_by_name(sandbox, what):
    with pytest.raises(ForbiddenCallError):
        ask(sandbox, what)
    assert not sandbox.alive


def test_a_worker_cannot_have_the_kernel_signal_its_parent(sandbox):
    assert ask(sandbox, "kill_by_pipe").header["done"] == "3"
    assert_usable()


def test_a_worker_does_not_move_its_parent_to_another_processor(sandbox):
    before = os.sched_getaffinity(0)
    assert ask(sandbox, "pin").header["done"].startswith("refused")
    assert os.sched_getaffinity(0) == before


def test_a_worker_of_root_does_not_declare_memory_broken(sandbox):
    assert ask(sandbox, "poison").header["done"] == f"(-1, {errno.EPERM})"


def test_the_machine_ends_the_worker_first_when_it_is_out_of_memory(sandbox):
    assert Path(f"/proc/{sandbox._process.pid}/oom_score_adj").read_text().strip() == "1000"


def test_what_a_worker_says_does_not_control_a_terminal(sandbox):
    with pytest.raises(ModelFailedError) as caught:
        ask(sandbox, "rude_error")
    assert set(caught.value.diagnostics()) & {"\x1b", "\x07", "\r"} == set()


def test_a_worker_that_is_confined_cannot_say_that_it_is_not(sandbox):
    with pytest.raises(WorkerCrashedError, match="I say so"):
        ask(sandbox, "unavailable")


def test_nothing_arrives_at_a_listening_port(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        with pytest.raises(ForbiddenCallError):
            ask(sandbox, "connect", port=server.getsockname()[1])
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_file_is_neither_written_nor_made(sandbox, tmp_path):
    with pytest.raises(ForbiddenCallError):
        ask(sandbox, "write_file", path=str(tmp_path / "new"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_removed(sandbox, tmp_path):
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(ForbiddenCallError):
        ask(sandbox, "remove_file", path=str(tmp_path / "kept"))
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_file_is_not_read_and_a_folder_not_listed(sandbox, tmp_path):
    (tmp_path / "key").write_text("secret")
    assert ask(sandbox, "read_file", path=str(tmp_path / "key")).header["done"].startswith("refused")
    assert ask(sandbox, "list_folder").header["done"].startswith("refused")


def test_new_machine_code_cannot_be_mapped(sandbox):
    assert ask(sandbox, "map_code").header["done"].startswith("refused")


def test_threads_are_allowed(sandbox):
    assert ask(sandbox, "thread").header["done"] == "1"


def test_the_worker_sees_none_of_our_variables(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    with start(variables={"SEEN": "yes"}) as worker:
        seen = ask(worker, "environment").header["done"]
    assert "SEEN" in seen
    assert "SECRET" not in seen
    assert "HOME" not in seen


def test_the_worker_leads_its_own_process_group(sandbox):
    assert os.getpgid(sandbox._process.pid) == sandbox._process.pid == os.getsid(sandbox._process.pid)


def test_no_descriptor_of_ours_reaches_the_worker(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(descriptor, True)  # noqa: FBT003
    try:
        with start() as worker:
            ask(worker, "echo")
            targets = {str(entry.readlink()) for entry in Path(f"/proc/{worker._process.pid}/fd").iterdir()}
            assert str(tmp_path) not in targets
            assert sum("pipe:" not in target for target in targets) <= 2  # /dev/null and /proc/…/status
    finally:
        os.close(descriptor)


def test_memory_within_the_limit_is_there(sandbox):
    assert ask(sandbox, "allocate", bytes=MEMORY // 2).header["done"] == str(MEMORY // 2)


@pytest.mark.parametrize("size", [MEMORY * 5 // 4, MEMORY * 10, 1 << 45])
def test_memory_beyond_the_limit_is_refused_by_name(sandbox, size):
    with pytest.raises(MemoryLimitError, match=f"{MEMORY}"):
        ask(sandbox, "allocate", bytes=size)


def test_shared_memory_is_limited_too(sandbox):
    with pytest.raises(MemoryLimitError):
        ask(sandbox, "allocate_shared", bytes=MEMORY + (2 << 30), touched=0)


def test_memory_that_is_only_reserved_does_not_count_and_what_is_used_does(sandbox):
    assert ask(sandbox, "allocate_shared", bytes=MEMORY * 2, touched=0).header["done"] == "mapped"
    with pytest.raises(MemoryLimitError, match="the worker used"):
        ask(sandbox, "allocate_shared", bytes=MEMORY * 2, touched=MEMORY * 2)


def test_a_worker_that_ran_out_of_memory_is_ended(sandbox):
    with pytest.raises(MemoryLimitError):
        ask(sandbox, "allocate", bytes=MEMORY * 10)
    assert not sandbox.alive


@pytest.mark.parametrize("what", ["sleep", "spin"])
def test_a_worker_that_is_late_is_killed_by_name(sandbox, what):
    started = time.monotonic()
    with pytest.raises(TimeLimitError, match=r"0\.3 s"):
        ask(sandbox, what, time_ms=300, seconds=600)
    assert time.monotonic() - started < 10
    assert not sandbox.alive


def test_a_worker_whose_parent_is_gone_ends_by_itself():
    program = (
        f"import sys, os; sys.path[:0] = [{str(Path(HERE).parents[2])!r}, {HERE!r}]\n"
        "from test_sandbox import start, ask\n"
        "worker = start()\n"
        "print(worker._process.pid, flush=True)\n"
        "ask(worker, 'spin', time_ms=1000)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and running(worker):
        time.sleep(0.05)
    assert not running(worker)


def running(process: int) -> bool:
    """Whether it runs; a zombie, whom nobody may be there to reap, does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_reply_over_the_limit_is_refused_before_it_is_read(sandbox):
    assert len(ask(sandbox, "reply", bytes=1000, reply_bytes=1000).payload) == 1000
    with pytest.raises(OutputLimitError, match="1001 bytes"):
        ask(sandbox, "reply", bytes=1001, reply_bytes=1000)
    assert not sandbox.alive


@pytest.mark.parametrize(
    ("what", "members", "text"),
    [
        ("segfault", {}, "SIGSEGV"),
        ("abort", {}, "SIGABRT"),
        ("leave", {"status": 3}, "status 3"),
        ("leave", {"status": 0}, "status 0"),
        ("fail", {}, "nobody foresaw"),
        ("own_error", {}, "OwnError: made up"),
    ],
)
def test_a_crash_is_an_error_that_says_how_the_worker_ended(sandbox, what, members, text):
    with pytest.raises(WorkerCrashedError, match=text):
        ask(sandbox, what, **members)
    assert not sandbox.alive
    assert_usable()


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 12,
        frames.PREFIX.pack(2, 0) + b"[]",
        frames.PREFIX.pack(3, 0) + b"{ }",
        frames.PREFIX.pack(2, 0) + b"\xff\xff",
        frames.PREFIX.pack(2, 0) + b"{}" + b"and more",
        frames.PREFIX.pack(frames.MAX_HEADER + 1, 0),
    ],
)
def test_nonsense_from_a_worker_is_a_named_error(sandbox, data):
    with pytest.raises((WorkerCrashedError, OutputLimitError)):
        ask(sandbox, "babble", bytes=data.hex())
    assert not sandbox.alive


def test_a_worker_that_fills_its_error_stream_is_not_stuck(sandbox):
    assert ask(sandbox, "complain").header["done"] == "None"


def test_a_dead_worker_says_so(sandbox):
    sandbox.close()
    with pytest.raises(WorkerCrashedError, match="gone"):
        ask(sandbox, "echo")


def test_a_worker_that_the_machine_ended_is_lost_and_not_the_kernels_fault(sandbox):
    os.kill(sandbox._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerLostError, match="SIGKILL"):
        ask(sandbox, "echo")


def test_large_payloads_go_both_ways(sandbox):
    data = os.urandom(1 << 16) * 64
    assert ask(sandbox, "echo", payload=data, reply_bytes=len(data)).payload == data


def test_a_worker_started_by_a_thread_outlives_the_thread():
    started = []
    thread = threading.Thread(target=lambda: started.append(start()))
    thread.start()
    thread.join()
    with started[0] as worker:
        assert ask(worker, "echo", payload=b"x").payload == b"x"


def test_a_service_that_refuses_its_set_up_ends_with_its_own_error():
    with pytest.raises(EngineUnavailableError, match="not here") as caught:
        start("hostile:open_refusing")
    assert caught.value.hint == "install it"


def test_an_entry_that_does_not_exist_is_no_fault_of_a_kernel():
    with pytest.raises(WorkerLostError, match="nowhere"):
        start("nowhere:nothing")


def test_a_machine_without_system_call_filters_is_refused_and_nothing_runs_unconfined():
    # A real one: a filter around everything that lets a program do all but install a filter.
    program = f"""
import errno, platform, sys
sys.path[:0] = [{str(Path(HERE).parents[2])!r}, {HERE!r}]
from aivm.execution import seccomp
call = {{"x86_64": 317, "aarch64": 277}}[platform.machine()]
seccomp.apply([(0x20, 0, 0, 0), (0x15, 0, 1, call), (6, 0, 0, seccomp.error(errno.ENOSYS)), (6, 0, 0, seccomp.ALLOW)])
from test_sandbox import start
try:
    start()
except seccomp.SandboxUnavailableError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Function not implemented" in result.stdout


def test_a_service_that_never_starts_is_stopped(monkeypatch):
    monkeypatch.setattr("aivm.execution.sandbox.START_SECONDS", 0.5)
    with pytest.raises(WorkerLostError, match="longer"):
        start("hostile:open_slowly")
