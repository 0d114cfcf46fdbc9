"""Helia nodes as child processes, which end with the test."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent
READY_SECONDS = 60


def node():
    """Node 22 or newer: the one that our npm set-up installs, else the system's."""
    candidates = [str(path) for path in HERE.parents[1].glob("node_modules/node-*/bin/node")]
    for candidate in [*candidates, shutil.which("node")]:
        if candidate is not None:
            version = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=True).stdout
            if int(version.lstrip("v").split(".")[0]) >= 22:
                return candidate
    pytest.fail("Helia needs Node 22: run `make test`, or `npm ci --ignore-scripts` here, which installs it")


@pytest.fixture(scope="module")
def helia(tmp_path_factory):
    """Start a node: `helia(gateway=None) -> url`; it asks that gateway, if any, for blocks that it lacks."""
    if not (HERE / "node_modules" / "helia").is_dir():
        pytest.fail("Helia is not installed: run `make test`, or `npm ci --ignore-scripts --prefix tests/interop`")
    with contextlib.ExitStack() as stack:

        def start(gateway=None):
            log = tmp_path_factory.mktemp("helia") / "stderr"
            command = [node(), "helia_node.mjs", *([] if gateway is None else ["--gateway", gateway])]
            child = stack.enter_context(
                subprocess.Popen(
                    command,
                    cwd=HERE,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stack.enter_context(log.open("w")),
                    text=True,
                )
            )
            stack.callback(child.kill)
            late = threading.Timer(READY_SECONDS, child.kill)
            late.start()
            line = child.stdout.readline().split()
            late.cancel()
            if line[:1] != ["ready"]:
                pytest.fail(f"the Helia node did not start: {log.read_text()[-2000:]}")
            return line[1]

        yield start
