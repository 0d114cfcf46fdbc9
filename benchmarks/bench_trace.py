"""What it costs to trace a run, that is, to compute the digest of every operator's output."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench_models
import report
from harness import Case, Engine, pause_seconds, store, turn_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator


def cases() -> Iterator[Case]:
    """The models."""
    return bench_models.cases()


def measure(cases: list[Case], *, threads: int, rounds: int) -> dict[str, Any]:
    """A row for each model; the ratio is a plain run's time by a traced one's, so that 0.5 means twice as long."""
    print(f"\ntrace, {threads} thread{'s' if threads > 1 else ''}")
    print(f"{'':42} {'run':>10} {'traced':>12} {'ratio':>7}")
    rows = []
    with Engine("aivm", threads) as engine:
        for case in cases:
            with tempfile.TemporaryDirectory() as folder:
                store(case, Path(folder))
                engine.ask(open=folder)
            plain, traced = [], []
            for _ in range(rounds):
                time.sleep(pause_seconds(threads))
                plain.append(engine.ask(turn=turn_seconds(threads))["seconds"])
                traced.append(engine.ask(trace=turn_seconds(threads))["seconds"])
            ratio = statistics.median(a / b for a, b in zip(plain, traced, strict=True))
            row = {"name": case.name, "run": statistics.median(plain), "traced": statistics.median(traced)}
            rows.append({**row, "ratio": ratio})
            print(f"{case.name:42} {row['run'] * 1e3:7.2f} ms {row['traced'] * 1e3:9.2f} ms {ratio:7.2f}", flush=True)
    mean = report.summary([row["ratio"] for row in rows])
    return {"group": "trace", "threads": threads, "rounds": rounds, "geometric_mean": mean, "rows": rows}
