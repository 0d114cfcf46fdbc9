"""Two engines on one machine, taking turns: each in a process of its own, the order reversed every round.

A case is a model and its inputs. Its ratio is the median over the rounds of ONNX Runtime's time by ours, turn by turn:
above one we are quicker. What slows the machine down for a while slows both turns of a round, and leaves their ratio
much as it is. A case counts only if both engines compute the same, as far as floating-point numbers do.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ENGINES = ("aivm", "onnxruntime")
#: Seconds of a turn, at one thread and at several: there a run has to get the other threads going first.
_TURN = {1: 0.01}
_TURN_OF_SEVERAL = 0.05
#: Seconds between turns, in which the threads of the engine before go to sleep: ONNX Runtime's look out for more work
#: for 32 ms after a run, and would keep a processor from the engine whose turn it is.
_PAUSE = {1: 0.005}
_PAUSE_OF_SEVERAL = 0.06


class DisagreementError(AssertionError):
    """The engines do not compute the same, so that comparing their times says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What both engines are given.

    Attributes:
        name: for people.
        make: gives the model and its inputs by name.
        work: floating-point operations of a run, or 0 if nobody counts them.
        tolerance: by how much of the greatest element results may differ.
    """

    name: str
    make: Callable[[], tuple[bytes, dict[str, Any]]]
    work: float = 0
    tolerance: float = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came out.

    Attributes:
        name: the case's.
        ours: median seconds of a run of ours.
        theirs: the same of ONNX Runtime.
        ratio: the median of the rounds' ratios, ONNX Runtime's time by ours.
        low: a quarter of the rounds had less.
        high: a quarter of the rounds had more.
        work: the case's.
    """

    name: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    work: float = 0


_UNDER_MASK = Path(__file__).resolve().parents[1] / "scripts" / "arithmetic" / "under_mask.py"


class Engine:
    """A worker process; a mask, if one is named, hides features of the processor from it."""

    def __init__(self, name: str, threads: int, mask: str | None = None) -> None:
        masked = [] if mask is None else [str(_UNDER_MASK), mask]
        command = [sys.executable, *masked, str(Path(__file__).with_name("worker.py")), name, str(threads)]
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, and the reply to it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"the process of {self.name} ended: its last words are above")
        reply: dict[str, Any] = json.loads(line)
        return reply


def compare(cases: Iterable[Case], *, threads: int, rounds: int) -> Iterator[Row]:
    """Times every case.

    Raises:
        DisagreementError: the engines do not compute the same.
    """
    with Engine("aivm", threads) as ours, Engine("onnxruntime", threads) as theirs:
        for case in cases:
            with tempfile.TemporaryDirectory() as folder:
                store(case, Path(folder))
                for engine in (ours, theirs):
                    engine.ask(open=folder)
                _check(case, Path(folder))
            yield _measured(case, ours, theirs, threads, rounds)


def store(case: Case, folder: Path) -> None:
    """Writes a case where workers find it."""
    model, inputs = case.make()
    (folder / "model.onnx").write_bytes(model)
    np.savez(folder / "inputs.npz", **inputs)


def turn_seconds(threads: int) -> float:
    """How long a turn is."""
    return _TURN.get(threads, _TURN_OF_SEVERAL)


def pause_seconds(threads: int) -> float:
    """How long both engines rest between turns."""
    return _PAUSE.get(threads, _PAUSE_OF_SEVERAL)


def _measured(case: Case, ours: Engine, theirs: Engine, threads: int, rounds: int) -> Row:
    order = [ours, theirs]
    times: dict[str, list[float]] = {engine.name: [] for engine in order}
    for _ in range(rounds):
        order.reverse()
        for engine in order:
            time.sleep(pause_seconds(threads))
            times[engine.name].append(engine.ask(turn=turn_seconds(threads))["seconds"])
    mine, other = times[ours.name], times[theirs.name]
    ratios = [b / a for a, b in zip(mine, other, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4) if rounds > 1 else ratios * 3
    return Row(
        name=case.name,
        ours=statistics.median(mine),
        theirs=statistics.median(other),
        ratio=ratio,
        low=low,
        high=high,
        work=case.work,
    )


def _check(case: Case, folder: Path) -> None:
    with np.load(folder / "aivm.npz") as ours, np.load(folder / "onnxruntime.npz") as theirs:
        for name in theirs.files:
            mine, other = ours[name], theirs[name]
            if mine.dtype != other.dtype or mine.shape != other.shape:
                raise DisagreementError(f"{case.name}: {mine.dtype}{mine.shape} against {other.dtype}{other.shape}")
            a, b = mine.astype(np.float64), other.astype(np.float64)
            scale = float(np.max(np.abs(b[np.isfinite(b)]), initial=0))
            if not np.allclose(a, b, rtol=case.tolerance, atol=case.tolerance * scale, equal_nan=True):
                worst = float(np.nanmax(np.abs(a - b)))
                raise DisagreementError(f"{case.name}: results differ by up to {worst:.3g}, and go up to {scale:.3g}")
