"""The most memory that a process takes to load and run a model, in one process for each engine and model."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench_models
import report
from harness import ENGINES, Case, store

if TYPE_CHECKING:
    from collections.abc import Iterator


def cases() -> Iterator[Case]:
    """The models."""
    return bench_models.cases()


def measure(cases: list[Case], *, threads: int, rounds: int) -> dict[str, Any]:
    """A row for each model; the ratio is ONNX Runtime's peak by ours, so that 0.77 means 1.3 times as much."""
    del rounds  # nothing here is a matter of chance
    print(f"\nmemory, {threads} thread{'s' if threads > 1 else ''}; megabytes")
    print(f"{'':42} {'aivm':>10} {'onnxruntime':>12} {'ratio':>7}   grown by, of either")
    rows = []
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            store(case, Path(folder))
            ours, theirs = (_probe(engine, threads, folder) for engine in ENGINES)
        ratio = theirs["peak"] / ours["peak"]
        grown = [found["peak"] - found["before"] for found in (ours, theirs)]
        rows.append({"name": case.name, "aivm": ours, "onnxruntime": theirs, "ratio": ratio})
        print(
            f"{case.name:42} {ours['peak'] / 1024:10.1f} {theirs['peak'] / 1024:12.1f} {ratio:7.2f}"
            f"   {grown[0] / 1024:.1f} {grown[1] / 1024:.1f}",
            flush=True,
        )
    mean = report.summary([row["ratio"] for row in rows])
    return {"group": "memory", "threads": threads, "geometric_mean": mean, "rows": rows}


def _probe(engine: str, threads: int, folder: str) -> dict[str, int]:
    command = [sys.executable, str(Path(__file__).with_name("memory_probe.py")), engine, str(threads), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found
