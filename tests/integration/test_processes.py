"""The same job with real separate processes: a chain, a gateway, five validators, and people with a command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aivm.arithmetic import _core

ROOT = Path(__file__).resolve().parents[2]
AIVM = [sys.executable, "-m", "registry.cli"]
PATIENCE = 120  # seconds that anything may take before the test gives up


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class World:
    """The processes of one test, all of which end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []
        self.ready: dict[str, str] = {}
        self.gateway = ""

    def start(self, *arguments: str, log: str) -> subprocess.Popen[str]:
        with (self.folder / f"{log}.log").open("a") as errors:
            process = subprocess.Popen(
                [*AIVM, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, env=self.environment()
            )
        self.processes.append(process)
        return process

    def environment(self) -> dict[str, str]:
        return {**os.environ, "AIVM_LOG_LEVEL": "info", "NO_COLOR": "1", "COLUMNS": "200"}

    def aivm(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [*AIVM, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=self.environment(),
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def key(self, name: str) -> str:
        return f"{self.ready['keys']}/{name}.key"

    def network(self, store: str, *gateways: str) -> list[str]:
        options = [
            "--rpc",
            self.ready["rpc"],
            "--deployment",
            self.ready["deployment"],
            "--store",
            str(self.folder / store),
        ]
        return options + [part for url in gateways for part in ("--gateway", url)]

    def validator(self, number: int, port: int) -> subprocess.Popen[str]:
        name = f"validator-{number}"
        operator = ["--vrf-key-file", self.key(f"vrf-{number}")] if number <= 2 else []
        return self.start(
            *("validator", "run", "--state", str(self.folder / name), "--key-file", self.key(name)),
            *self.network(f"{name}-blocks", self.gateway),
            *operator,
            *self.held(number),
            *("--listen", f"127.0.0.1:{port}", "--interval", "0.3", "--patience", "1"),
            log=name,
        )

    def held(self, number: int) -> list[str]:
        """Every second validator is of another environment class: its engine is held to other instructions."""
        return ["--worker-variable", f"AIVM_ISA={_core.isas()[-1 if number % 2 else 0]}"]

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()[-1500:]}" for log in sorted(self.folder.glob("*.log")))

    def end(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def world(tmp_path: Path):
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.end()


def wait_until(world: World, what, description: str):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (value := what()) is not None:
            return value
        time.sleep(0.2)
    raise AssertionError(f"{description}: not within {PATIENCE} s\n{world.logs()}")


def open_for_business(world: World) -> list[tuple[subprocess.Popen[str], int]]:
    """A chain, a gateway over the publisher's blocks, and five staked validators, each a process."""
    devnet = world.start("chain", "devnet", str(world.folder / "devnet"), "--port", "0", log="devnet")
    assert devnet.stdout is not None
    world.ready = json.loads(devnet.stdout.readline() or "{}")
    gateway = world.start(
        "content", "serve", "--store", str(world.folder / "people"), "--listen", "127.0.0.1:0", log="gateway"
    )
    assert gateway.stdout is not None
    world.gateway = gateway.stdout.readline().strip()
    validators = []
    for number in range(1, 6):
        port, options = free_port(), world.network("people")
        key = ["--key-file", world.key(f"validator-{number}")]
        endpoint = ["--endpoint", f"http://127.0.0.1:{port}"]
        world.aivm("validator", "stake", "1ether", *endpoint, *world.held(number), *key, *options)
        if number <= 2:
            world.aivm("validator", "operate", "--vrf-key-file", world.key(f"vrf-{number}"), *key, *options)
        validators.append((world.validator(number, port), port))
    world.aivm("chain", "next-epoch", *world.network("people"))
    return validators


def job_of(world: World, job: str) -> dict:
    return json.loads(world.aivm("job", "show", job, "--json", *world.network("people")))


def test_a_job_is_done_by_separate_processes_though_a_validator_is_killed_in_the_middle(world: World, tmp_path: Path):
    validators = open_for_business(world)
    people = world.network("people")

    published = json.loads(
        world.aivm(
            "kernel",
            "publish",
            "kernels/digits",
            "--handle",
            "alice",
            "--key-file",
            world.key("publisher"),
            *people,
            "--json",
        )
    )
    world.aivm("job", "watch", published["admission_job"], "--timeout", str(PATIENCE), *people)

    def approved():
        shown = json.loads(world.aivm("kernel", "show", published["kernel"], "--json", *people))
        return shown if shown["status"] == "approved" else None

    wait_until(world, approved, "the kernel is approved")

    image = tmp_path / "four.json"
    rows = [
        [0, 0, 0, 4, 12, 0, 0, 0],
        [0, 0, 1, 14, 8, 0, 0, 0],
        [0, 0, 8, 15, 1, 0, 0, 0],
        [0, 2, 15, 7, 4, 12, 0, 0],
        [0, 9, 16, 12, 15, 15, 0, 0],
        [0, 5, 12, 13, 16, 10, 0, 0],
        [0, 0, 0, 4, 15, 2, 0, 0],
        [0, 0, 0, 6, 12, 0, 0, 0],
    ]
    image.write_text(json.dumps({"image": [[rows]]}))
    name = "alice/digits@1.0.0"
    asked = json.loads(
        world.aivm(
            *("job", "request", name, "--input", str(image), "--committee", "5", "--key-file", world.key("requester")),
            *people,
            "--json",
        )
    )
    job = asked["job"]

    # All five are seated. One of them is killed, without warning, as soon as it has bound itself to the list of all.
    def bound():
        logs = [(world.folder / f"validator-{number + 1}.log").read_text() for number in range(len(validators))]
        return next((place for place, log in enumerate(logs) if f"{job}: signs the list" in log), None)

    victim = wait_until(world, bound, "somebody signs the list")
    log = (world.folder / f"validator-{victim + 1}.log").read_text()
    first = log.split("validating as ", 1)[1].split()[0]
    process, port = validators[victim]
    process.kill()
    process.wait()
    world.validator(victim + 1, port)

    result = json.loads(world.aivm("job", "watch", job, "--timeout", str(PATIENCE), "--json", *people))
    assert int(result["answer"], 16) == 4

    # The requester has none of the output's blocks: it finds them at the validators' own gateways.
    fetched = json.loads(world.aivm("job", "result", job, "--json", *people))
    assert fetched["verified"]
    assert fetched["digest"] == result["digest"]
    assert max(range(10), key=fetched["outputs"]["logits"][0].__getitem__) == 4

    def finalised():
        shown = job_of(world, job)
        return shown if shown["status"] == "finalised" else None

    shown = wait_until(world, finalised, "the job is finalised")
    states = {seat["validator"]: seat["state"] for seat in shown["committee"]}
    assert len(states) == 5
    assert states[first] == f"revealed {result['digest']}", "the restarted validator opened its own commitment"
    assert set(states.values()) == {f"revealed {result['digest']}"}
