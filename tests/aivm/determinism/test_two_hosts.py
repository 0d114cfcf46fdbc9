"""The suite on two hosts that have a network each (`scripts/two_hosts.py`).

Needs `unshare`, `nsenter` and `ip`, and a system that lets users have network namespaces. `missing` tries that; where
it is refused, the refusal and its reason are what is tested, and the reason is printed.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from subjects import DIGITS

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "two_hosts.py"
AIVM = Path(sys.executable).with_name("aivm")
#: Prints each worker's address, network and whether its own loopback has the scheduler, then runs the command.
PROGRAM = """
import json, os, socket, sys
from distributed import Client

def look():
    probe = socket.socket()
    return [os.readlink("/proc/self/ns/net"), probe.connect_ex(("127.0.0.1", 8786)) == 0]

with Client(os.environ["AIVM_SCHEDULER"], set_as_default=False) as client:
    print(json.dumps(client.run(look)), flush=True)
os.execv(sys.argv[1], sys.argv[1:])
"""


def script():
    spec = importlib.util.spec_from_file_location("two_hosts", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_on_two_hosts(*command):
    return subprocess.run([sys.executable, SCRIPT, *command], capture_output=True, text=True, timeout=240, check=False)


def test_the_suite_runs_on_two_hosts_with_a_network_each(tmp_path):
    two_hosts = script()
    suite = ["suite", "run", ROOT / "kernels" / "digits", "--axis", "threads", "--json", "--cache", tmp_path]
    done = run_on_two_hosts(sys.executable, "-c", PROGRAM, AIVM, *suite)
    if reason := two_hosts.missing():
        sys.stdout.write(f"{reason}\n")
        assert done.returncode == two_hosts.UNAVAILABLE
        assert done.stderr == f"two hosts cannot be had here: {reason}\n"
        return
    assert done.returncode == 0, done.stderr
    line, _, rest = done.stdout.partition("\n")
    workers = {address.split("//")[1].split(":")[0]: found for address, found in json.loads(line).items()}
    assert tuple(sorted(workers)) == two_hosts.ADDRESSES
    networks = {network for network, _ in workers.values()} | {str(Path("/proc/self/ns/net").readlink())}
    assert len(networks) == 3
    assert not any(shared for _, shared in workers.values())
    found = json.loads(rest)
    names = [each["name"] for each in found["environments"]]
    assert {"host 1 reference", "host 1 threads=2", "host 2 reference", "host 2 threads=2"} <= set(names)
    assert found["determinism_class"] == "bitwise"
    assert found["digests"] == {case: [digest.hex()] for case, digest in DIGITS.expected.items()}


def test_without_its_tools_it_says_which_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run_on_two_hosts("true")
    assert done.returncode == script().UNAVAILABLE
    assert "there is no unshare, nsenter, ip; install util-linux and iproute2" in done.stderr


def test_the_code_of_the_command_is_passed_on():
    two_hosts = script()
    done = run_on_two_hosts("sh", "-c", "exit 7")
    assert done.returncode == (two_hosts.UNAVAILABLE if two_hosts.missing() else 7)
