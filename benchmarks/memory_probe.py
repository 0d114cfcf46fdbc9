"""How much memory one engine takes for one model.

    python benchmarks/memory_probe.py ENGINE THREADS FOLDER

Loads the model, runs it three times, and prints kilobytes as JSON: `before` is what the process held with the engine
imported and the inputs read, `peak` the most that it ever held, `after` what it holds at the end.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
from worker import open_session


def resident(field: str) -> int:
    """A figure of Linux about this process, in kilobytes: VmRSS, or VmHWM, the greatest that it was."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise OSError(f"/proc/self/status says nothing of {field}")


def main() -> None:
    """Loads, runs, prints."""
    engine, threads, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    importlib.import_module("aivm.arithmetic.session" if engine == "aivm" else "onnxruntime")
    with np.load(folder / "inputs.npz") as stored:
        inputs = dict(stored)
    before = resident("VmRSS")
    session = open_session(engine, folder / "model.onnx", threads)
    for _ in range(3):
        session.run(inputs) if engine == "aivm" else session.run(None, inputs)
    print(json.dumps({"before": before, "peak": resident("VmHWM"), "after": resident("VmRSS")}))


if __name__ == "__main__":
    main()
