"""The filter program, run by an interpreter of classic BPF written from its manual."""

from __future__ import annotations

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.execution import seccomp
from aivm.execution.seccomp import ALLOW, KILL, SandboxUnavailableError, error
from aivm.execution.syscalls import ABSENT, ALLOWED, ARCHITECTURES, CONDITIONAL, FORBIDDEN, LOOKING

TABLES = [ALLOWED, CONDITIONAL, LOOKING, FORBIDDEN, ABSENT]
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PROCESS = 4242

architectures = pytest.mark.parametrize("architecture", ARCHITECTURES)


def interpret(program, data: bytes) -> int:
    """BPF on struct seccomp_data: the accumulator, forward jumps, and a return."""
    accumulator, at = 0, 0
    while True:
        code, yes, no, constant = program[at]
        at += 1
        match code:
            case 0x20:  # BPF_LD | BPF_W | BPF_ABS
                accumulator = int.from_bytes(data[constant : constant + 4], "little")
            case 0x54:  # BPF_ALU | BPF_AND | BPF_K
                accumulator &= constant
            case 0x15:  # BPF_JMP | BPF_JEQ | BPF_K
                at += yes if accumulator == constant else no
            case 0x35:  # BPF_JMP | BPF_JGE | BPF_K
                at += yes if accumulator >= constant else no
            case 0x06:  # BPF_RET | BPF_K
                return constant
            case _:
                raise AssertionError(f"instruction {code:#x}")


def call(number: int, *arguments: int, audit: int) -> bytes:
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = number.to_bytes(4, "little") + audit.to_bytes(4, "little") + bytes(8)
    return data + b"".join(word.to_bytes(8, "little") for word in words)


def decide(architecture: str, name: str, *arguments: int, devices: bool = False) -> int:
    numbers = {name: pair for table in TABLES for name, pair in table.items()}
    number = numbers[name][ARCHITECTURES.index(architecture)]
    program = seccomp.program(architecture, seccomp.policy(process=PROCESS, devices=devices))
    return interpret(program, call(number, *arguments, audit=AUDIT[architecture]))


def test_no_call_is_in_two_tables_and_no_number_has_two_names():
    names = [name for table in TABLES for name in table]
    assert len(names) == len(set(names))
    for column in range(2):
        numbers = [pair[column] for table in TABLES for pair in table.values() if pair[column] is not None]
        assert len(numbers) == len(set(numbers))


@architectures
def test_every_call_of_a_table_gets_the_tables_action(architecture):
    for table, action in [
        (ALLOWED, ALLOW),
        (FORBIDDEN, KILL),
        (LOOKING, error(errno.EACCES)),
        (ABSENT, error(errno.ENOSYS)),
    ]:
        for name, numbers in table.items():
            if numbers[ARCHITECTURES.index(architecture)] is not None:
                assert decide(architecture, name) == action, name


@architectures
@given(number=st.integers(0, 0x3FFFFFFF))
def test_an_unknown_call_fails(architecture, number):
    column = ARCHITECTURES.index(architecture)
    known = {pair[column] for table in TABLES for pair in table.values()}
    program = seccomp.program(architecture, seccomp.policy(process=PROCESS, devices=False))
    result = interpret(program, call(number, audit=AUDIT[architecture]))
    assert (result == error(errno.EPERM)) or number in known


@architectures
@given(number=st.integers(0, 500), audit=st.integers(0, 2**32 - 1))
def test_another_architectures_call_kills(architecture, number, audit):
    program = seccomp.program(architecture, seccomp.policy(process=PROCESS, devices=False))
    if audit != AUDIT[architecture]:
        assert interpret(program, call(number, audit=audit)) == KILL


@given(number=st.integers(0x40000000, 2**32 - 1))
def test_the_x32_calls_kill(number):
    program = seccomp.program("x86_64", seccomp.policy(process=PROCESS, devices=False))
    assert interpret(program, call(number, audit=AUDIT["x86_64"])) == KILL


@architectures
def test_clone_makes_threads_and_no_processes(architecture):
    thread = 0x3D0F00  # what the C library passes for a thread
    assert decide(architecture, "clone", thread) == ALLOW
    for flags in (17, 0x01200011, 0x4111):  # fork, the C library's fork, vfork
        assert decide(architecture, "clone", flags) == KILL


@architectures
@given(flags=st.integers(0, 2**32 - 1))
def test_opening_a_file_fails_and_opening_it_to_change_it_kills(architecture, flags):
    making = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000
    changing = making | os.O_RDWR
    result = decide(architecture, "openat", 0xFFFFFF9C, 1 << 40, flags)
    assert result == (KILL if flags & changing else error(errno.EACCES))
    # A driver opens its device to write, and makes no file.
    result = decide(architecture, "openat", 0xFFFFFF9C, 1 << 40, flags, devices=True)
    assert result == (KILL if flags & making else ALLOW)


@architectures
@pytest.mark.parametrize("name", ["mmap", "mprotect"])
def test_memory_becomes_executable_only_for_devices(architecture, name):
    assert decide(architecture, name, 0, 4096, 3) == ALLOW
    assert decide(architecture, name, 0, 4096, 7) == error(errno.EPERM)
    assert decide(architecture, name, 0, 4096, 5) == error(errno.EPERM)
    assert decide(architecture, name, 0, 4096, 5, devices=True) == ALLOW


@architectures
def test_limits_are_read_and_never_set(architecture):
    assert decide(architecture, "prlimit64", 0, 9, 0, 1 << 40) == ALLOW
    assert decide(architecture, "prlimit64", 0, 9, 1 << 40, 0) == KILL
    assert decide(architecture, "prlimit64", 0, 9, 16, 0) == KILL


@architectures
def test_a_worker_signals_only_itself(architecture):
    assert decide(architecture, "tgkill", PROCESS, 1, 6) == ALLOW
    assert decide(architecture, "tgkill", PROCESS + 1, 1, 6) == KILL
    assert decide(architecture, "tgkill", PROCESS + (1 << 32), 1, 6) == KILL


@architectures
def test_prctl_names_threads_and_nothing_else(architecture):
    assert decide(architecture, "prctl", 15) == ALLOW
    for option in (1, 4, 22, 38):
        assert decide(architecture, "prctl", option) == error(errno.EPERM)


@architectures
@pytest.mark.parametrize("devices", [False, True])
def test_no_descriptor_gets_an_owner_to_be_signalled(architecture, devices):
    for command in (8, 10, 15):  # F_SETOWN, F_SETSIG, F_SETOWN_EX
        assert decide(architecture, "fcntl", 3, command, 1, devices=devices) == error(errno.EPERM)
    for command in (1, 2, 3):  # F_GETFD, F_SETFD, F_GETFL
        assert decide(architecture, "fcntl", 3, command, devices=devices) == ALLOW


@architectures
def test_advice_about_memory_is_a_programs_and_not_roots(architecture):
    for advice in (0, 4, 8, 14, 23):  # normal, don't need, free, huge pages, populate
        assert decide(architecture, "madvise", 0, 4096, advice) == ALLOW
    for advice in (100, 101):  # poison, soft offline
        assert decide(architecture, "madvise", 0, 4096, advice) == error(errno.EPERM)


@architectures
def test_a_worker_chooses_processors_for_itself_alone(architecture):
    assert decide(architecture, "sched_setaffinity", 0, 128) == ALLOW
    assert decide(architecture, "sched_setaffinity", PROCESS + 1, 128) == error(errno.EPERM)


@architectures
def test_the_program_fits_and_every_jump_stays_inside(architecture):
    program = seccomp.program(architecture, seccomp.policy(process=PROCESS, devices=False))
    assert len(program) <= 4096  # BPF_MAXINSNS
    for at, (code, yes, no, _) in enumerate(program):
        if code & 7 == 5:
            assert at + 1 + max(yes, no) < len(program)
        assert max(yes, no) < 256


def test_an_architecture_without_tables_is_refused_by_name():
    with pytest.raises(SandboxUnavailableError, match="riscv64"):
        seccomp.program("riscv64", seccomp.policy(process=PROCESS, devices=False))


def test_another_system_is_refused_by_name(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(SandboxUnavailableError, match="darwin"):
        seccomp.install(devices=False)
