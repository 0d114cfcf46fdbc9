"""One engine in a process of its own: opens models and times runs, as the harness asks for it, one line at a time.

    python benchmarks/worker.py ENGINE THREADS

Requests and replies are lines of JSON. `{"open": FOLDER}` loads `FOLDER/model.onnx`, runs it on `FOLDER/inputs.npz` and
keeps the results beside them; `{"turn": SECONDS}` runs it for about so long and replies how long one run takes;
`{"trace": SECONDS}` does so for traces.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def open_session(engine: str, model: Path, threads: int) -> Any:
    """A session of either engine; both are used as their documentation says, without private interfaces."""
    if engine == "aivm":
        import aivm

        return aivm.load(model, threads=threads)
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


class Worker:
    """What is open, and how long it takes."""

    def __init__(self, engine: str, threads: int) -> None:
        self.engine = engine
        self.threads = threads
        # One thread: the time that the processor spent on it, which other processes do not lengthen. More: the wall's.
        self.clock = time.thread_time if threads == 1 else time.perf_counter
        self.session: Any = None
        self.inputs: dict[str, Any] = {}

    def run(self) -> Any:
        """One run."""
        return self.session.run(self.inputs) if self.engine == "aivm" else self.session.run(None, self.inputs)

    def trace(self) -> Any:
        """One run with the digest of every operator's output."""
        return self.session.trace(self.inputs)

    def open(self, folder: Path) -> dict[str, Any]:
        """Loads a model, and keeps what it gives."""
        self.session = None
        with np.load(folder / "inputs.npz") as stored:
            self.inputs = dict(stored)
        self.session = open_session(self.engine, folder / "model.onnx", self.threads)
        results = self.run()
        values = list(results.values()) if isinstance(results, dict) else results
        np.savez(folder / f"{self.engine}.npz", *values)
        return {}

    def timed(self, run: Callable[[], Any], wanted: float) -> dict[str, Any]:
        """How long a run takes, over about so many seconds."""
        repeats = 0
        start = self.clock()
        run()
        first = self.clock() - start
        repeats = max(round(wanted / max(first, 1e-7)), 1)
        start = self.clock()
        for _ in range(repeats):
            run()
        return {"seconds": (self.clock() - start) / repeats}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what a request says."""
        if "open" in request:
            return self.open(Path(request["open"]))
        if "trace" in request:
            return self.timed(self.trace, request["trace"])
        return self.timed(self.run, request["turn"])


def main() -> None:
    """Answers until there are no more requests."""
    engine, threads = sys.argv[1], int(sys.argv[2])
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    worker = Worker(engine, threads)
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
