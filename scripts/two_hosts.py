"""Runs a command on a Dask cluster of two hosts, which are two network namespaces of this machine.

    python scripts/two_hosts.py .venv/bin/aivm suite run kernels/digits --axis threads

Each host has a network stack, a loopback and an address of its own, 10.77.0.1 and 10.77.0.2; a virtual cable joins them
(veth), and nothing else is reachable. The scheduler, one worker and the command run on the first, another worker on the
second. The command finds the scheduler by AIVM_SCHEDULER. No rights are needed where the system lets users have
namespaces of their own (user_namespaces(7)); where it does not, this ends with code 3 and says what is refused.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESSES = ("10.77.0.1", "10.77.0.2")
PORT = 8786
#: The exit code where namespaces are refused.
UNAVAILABLE = 3
_TOOLS = ("unshare", "nsenter", "ip")
_ENTER = ("unshare", "--user", "--map-root-user", "--net")
_SECONDS = 30


def missing() -> str:
    """What keeps this machine from having two hosts; empty if nothing does.

    It is tried, not guessed: a system can refuse at each of three places, and has a setting for each.
    """
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if absent:
        return f"there is no {', '.join(absent)}; install util-linux and iproute2"
    cable = "ip link add here type veth peer name there"
    for what, command in (("a network of one's own", ("true",)), ("a virtual cable (veth)", ("sh", "-c", cable))):
        done = subprocess.run([*_ENTER, *command], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"the system refuses {what}: {done.stderr.strip()}"
    return ""


def main() -> int:
    """Checks, enters the first host, and starts over there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run on the first host")
    options = parser.parse_args()
    if not options.command:
        parser.error("name a command")
    if options.inside:
        return _run(options.command)
    if reason := missing():
        sys.stderr.write(f"two hosts cannot be had here: {reason}\n")
        return UNAVAILABLE
    inside = [*_ENTER, sys.executable, str(Path(__file__).resolve()), "--inside", *options.command]
    return subprocess.run(inside, check=False).returncode


def _run(command: list[str]) -> int:
    scheduler = f"tcp://{ADDRESSES[0]}:{PORT}"
    dask = [sys.executable, "-m", "dask"]
    worker = [*dask, "worker", scheduler, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host"]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        second = running.enter_context(_started(["unshare", "--net", "cat"], folder))
        _join(second)
        over = ["nsenter", "--target", str(second), "--net"]
        starts = [
            [*dask, "scheduler", "--host", scheduler, "--no-dashboard", "--no-jupyter"],
            [*worker, ADDRESSES[0]],
            [*over, *worker, ADDRESSES[1]],
        ]
        for start in starts:
            running.enter_context(_started(start, folder))
        _wait(scheduler)
        return subprocess.run(command, env={**os.environ, "AIVM_SCHEDULER": scheduler}, check=False).returncode


@contextlib.contextmanager
def _started(command: list[str], folder: str) -> Iterator[int]:
    """The id of a process that ends with the block; what it says is in the folder's file `log`."""
    with (Path(folder) / "log").open("ab") as log:
        # A process that reads, such as the second host's first one, ends with this one, however that ends.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _join(second: int) -> None:
    """Lays the cable between this host and the one of a process, and gives both their addresses."""
    here = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + _SECONDS
    while Path(f"/proc/{second}/ns/net").readlink() == here:
        if time.monotonic() > deadline:
            raise TimeoutError("the second host does not come to life")
        time.sleep(0.01)
    over = ["nsenter", "--target", str(second), "--net"]
    _call("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(second))
    for host, address in zip(([], over), ADDRESSES, strict=True):
        _call(*host, "ip", "address", "add", f"{address}/24", "dev", "cable")
        for device in ("lo", "cable"):
            _call(*host, "ip", "link", "set", device, "up")


def _call(*command: str) -> None:
    subprocess.run(command, check=True)


def _wait(scheduler: str) -> None:
    """Until both workers have come."""
    distributed = importlib.import_module("distributed")
    with distributed.Client(scheduler, timeout=_SECONDS, set_as_default=False) as client:
        client.wait_for_workers(len(ADDRESSES), timeout=_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
