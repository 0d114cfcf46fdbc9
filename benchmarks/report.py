"""Tables of what was measured, for people and as data."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness

from aivm.arithmetic import _core

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness import Case


def machine() -> dict[str, Any]:
    """What the figures are of; nothing that would name this very machine."""
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "isa": _core.isa(""),
        "system": platform.system(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "numpy": version("numpy"),
    }


def machine_text(found: dict[str, Any]) -> str:
    """The same in one line."""
    return (
        f"{found['processor']}, {found['processors']} processors, {found['isa']}; "
        f"onnxruntime {found['onnxruntime']}, Python {found['python']}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def timed(group: str, cases: Iterable[Case], *, threads: int, rounds: int) -> dict[str, Any]:
    """Times a group, with a line for each case as soon as it is known."""
    print(f"\n{group}, {_threads(threads)}")
    print(f"{'':42} {'aivm':>10} {'onnxruntime':>12} {'ratio':>7}   quartiles")
    rows = []
    for row in harness.compare(cases, threads=threads, rounds=rounds):
        rate = f"   {row.work / row.ours / 1e9:6.1f} GFLOP/s" if row.work else ""
        print(
            f"{row.name:42} {_time(row.ours):>10} {_time(row.theirs):>12} {row.ratio:7.2f}"
            f"   {row.low:.2f} to {row.high:.2f}{rate}",
            flush=True,
        )
        rows.append(asdict(row))
    mean = summary([row["ratio"] for row in rows])
    return {"group": group, "threads": threads, "rounds": rounds, "geometric_mean": mean, "rows": rows}


def summary(ratios: Sequence[float]) -> float:
    """The line under a table."""
    if not ratios:
        return 1.0
    mean = statistics.geometric_mean(ratios)
    print(f"geometric mean {mean:.2f}, least {min(ratios):.2f}, of {len(ratios)}", flush=True)
    return mean


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"
