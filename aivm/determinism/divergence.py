"""Where environments part: the first case, the first operator, and how far apart the outputs are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from aivm import tensors
from aivm.arithmetic.diverge import diverge, ulps_between
from aivm.arithmetic.trace import Recording
from aivm.determinism.place import Place
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.arithmetic.trace import Entry
    from aivm.determinism.journal import Journal
    from aivm.determinism.matrix import Matrix, Tried
    from aivm.determinism.subject import Subject
    from aivm.tensors import Array

#: Tensors that are watched one at a time; each takes two sessions of ONNX Runtime.
_WATCHED: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far apart two outputs are, over all their elements.

    Attributes:
        elements: how many there are.
        differing: how many have other bits.
        median: ulps between those that differ, rounded down; None where none can be compared.
        largest: the most; None likewise.
    """

    elements: int
    differing: int
    median: int | None
    largest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstDivergence:
    """Where an environment parts from the reference, in the first case that differs.

    Attributes:
        environment: its name.
        axis: what was changed, such as `cpu=avx2`.
        case: the first that differs.
        cases: how many differ.
        operator: the first node whose output differs; None where none could be named, and `note` says why.
        operator_type: its ONNX operator.
        tensor: the name of its output.
        distance: of the case's outputs; None where one side gave none.
        note: what a reader should know about how it was found.
    """

    environment: str
    axis: str
    case: str
    cases: int
    operator: str | None = None
    operator_type: str | None = None
    tensor: str | None = None
    distance: Distance | None = None
    note: str = ""

    def data(self) -> dict[str, Any]:
        """As JSON can hold it; distances in ulp are texts, since they may be beyond what JSON's numbers hold."""
        apart = self.distance
        return {
            "environment": self.environment,
            "axis": self.axis,
            "case": self.case,
            "cases": self.cases,
            "operator": self.operator,
            "operator_type": self.operator_type,
            "tensor": self.tensor,
            "elements": None if apart is None else apart.elements,
            "differing": None if apart is None else apart.differing,
            "median_ulps": None if apart is None or apart.median is None else str(apart.median),
            "largest_ulps": None if apart is None or apart.largest is None else str(apart.largest),
            "note": self.note,
        }


#: Gives the trace of a case in an environment.
Record = Callable[["Tried", str], Recording]


def find(
    subject: Subject,
    matrix: Matrix,
    journal: Journal,
    *,
    on_each: Callable[[str], None] = lambda _: None,
    record: Record | None = None,
) -> tuple[FirstDivergence, ...]:
    """Traces the first differing case of each environment that parts from the reference.

    Args:
        subject: what was run.
        matrix: what came of it.
        journal: has the outputs.
        on_each: is told the names of environments as they are looked into.
        record: traces where the environments are; here, if None.
    """
    found = []
    for tried in matrix.alive:
        cases = matrix.differing(tried)
        if cases:
            on_each(tried.name)
            found.append(_look(subject, matrix, tried, cases, journal, record=record))
    return tuple(found)


def distance(a: bytes, b: bytes) -> Distance | None:
    """How far apart two outputs are, as tensor files; None if they have not the same tensors."""
    one, other = tensors.decode(a), tensors.decode(b)
    if {n: (x.dtype, x.shape) for n, x in one.items()} != {n: (x.dtype, x.shape) for n, x in other.items()}:
        return None
    elements, differing, apart = 0, 0, []
    for name, mine in one.items():
        kind = np.dtype(f"u{mine.itemsize}")
        unequal = mine.reshape(-1).view(kind) != other[name].reshape(-1).view(kind)
        elements += mine.size
        differing += int(unequal.sum())
        ulps, meaningful = ulps_between(mine.reshape(-1)[unequal], other[name].reshape(-1)[unequal])
        apart += [int(item) for item in ulps[meaningful]]
    apart.sort()
    return Distance(
        elements=elements,
        differing=differing,
        median=apart[len(apart) // 2] if apart else None,
        largest=apart[-1] if apart else None,
    )


def _look(
    subject: Subject,
    matrix: Matrix,
    tried: Tried,
    cases: tuple[str, ...],
    journal: Journal,
    *,
    record: Record | None,
) -> FirstDivergence:
    case = cases[0]
    axis = tried.planned.name
    here, there = matrix.reference.cells[case], tried.cells[case]
    if here.digest is None or there.digest is None:
        note = there.error if here.digest is not None else f"the reference gave no output: {here.error}"
        return FirstDivergence(environment=tried.name, axis=axis, case=case, cases=len(cases), note=note)
    mine, theirs = journal.output(here.digest), journal.output(there.digest)
    apart = None if mine is None or theirs is None else distance(mine, theirs)
    entry: Entry | None = None
    note = "a program has no operators"
    if subject.manifest is not None:
        try:
            if record is None:
                entry, note = _operator(subject, matrix, tried, case)
            else:
                entry, note = _compare(record(matrix.reference, case), record(tried, case))
        except AivmError as error:
            note = f"{type(error).__name__}: {error.message}"
    return FirstDivergence(
        environment=tried.name,
        axis=axis,
        case=case,
        cases=len(cases),
        operator=None if entry is None else entry.operator,
        operator_type=None if entry is None else entry.type,
        tensor=None if entry is None else entry.output,
        distance=apart,
        note=note,
    )


def _operator(subject: Subject, matrix: Matrix, tried: Tried, case: str) -> tuple[Entry | None, str]:
    """The first entry whose output differs, and how it was found."""
    with (
        Place(subject, matrix.reference.planned.setting) as reference,
        Place(subject, tried.planned.setting) as other,
    ):
        a, b = reference.record(case), other.record(case)
        entry, note = _compare(a, b)
        if entry is None and (a.note or b.note) and tried.planned.setting.batch is None:
            return _watched(reference, other, case, a)
        return entry, note


def _compare(a: Recording, b: Recording) -> tuple[Entry | None, str]:
    report = diverge(a, b)
    if report.divergence is not None:
        return report.divergence.entries[0], "; ".join(report.notes)
    if a.note or b.note:
        return None, "watched, both give the same: the difference comes of fused operators"
    return None, "the traces are the same: the outputs differ from run to run, or in what is not traced"


def _watched(reference: Place, other: Place, case: str, recording: Recording) -> tuple[Entry | None, str]:
    """Watches one tensor after the other: what is watched is not fused away, so all at once can hide the difference."""
    note = "found by watching one tensor at a time, since all at once are not fused and give the same"
    for entry in _tensors(recording):
        mine, theirs = reference.watch(case, entry.output), other.watch(case, entry.output)
        if not _same(mine, theirs):
            return entry, note
    return None, "watched one at a time, every tensor is the same: the difference comes of fused operators"


def _tensors(recording: Recording) -> Iterator[Entry]:
    """One entry for each tensor of the main graph."""
    yield from list({entry.output: entry for entry in recording.trace.entries}.values())[:_WATCHED]


def _same(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
