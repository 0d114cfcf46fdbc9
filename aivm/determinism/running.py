"""Running all cases in one environment, in as few processes as it takes."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from aivm.determinism.matrix import Cell, Tried
from aivm.determinism.place import Place
from aivm.digests import Digest
from aivm.errors import AivmError
from aivm.execution.sandbox import SandboxError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aivm.determinism.feeds import Feeds
    from aivm.determinism.place import Outcome
    from aivm.determinism.plan import Planned
    from aivm.determinism.subject import Subject
    from aivm.environment import Environment

#: Seconds between two notes in the journal: what a crash can cost.
_NOTE_SECONDS: Final = 0.5
_LONGEST: Final = 300
#: Cases in one request.
_MOST: Final = 64
#: Digests that a worker is told of for a case; outputs that are not among them it sends again.
_TOLD: Final = 8

#: By case, the digests of outputs that are at hand. Several threads add to it.
Known = dict[str, set[Digest]]


class Keeper(Protocol):
    """What remembers cells; a `Journal` is one."""

    def known(self, subject: Digest, place: Digest) -> dict[str, Cell]: ...
    def add(self, subject: Digest, place: Digest, cells: Iterable[Cell]) -> None: ...
    def add_environment(self, environment: Environment) -> None: ...
    def add_outputs(self, outputs: Mapping[Digest, bytes]) -> None: ...


class StoppedError(AivmError):
    """Somebody stopped the suite; what was run is in the journal."""


def run_environment(
    subject: Subject,
    planned: Planned,
    keeper: Keeper,
    known: Known,
    *,
    feeds: Feeds | None = None,
    on_cells: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Tried:
    """Runs every case that the keeper does not have from the same place, and gives all of them.

    Args:
        subject: what is run.
        planned: where.
        keeper: remembers cells, environments and outputs.
        known: by case the digests of outputs that it has; added to.
        feeds: the inputs of the subject, for the worker to read by itself.
        on_cells: is told of cells as they are done.
        stopped: whether to stop.

    Raises:
        StoppedError: as `stopped` said.
    """
    try:
        place = Place(subject, planned.setting, feeds)
    except AivmError as error:
        on_cells(len(subject.cases))
        return Tried(planned=planned, error=_text(error))
    notes = _Notes(keeper, subject.digest, place.digest)
    try:
        keeper.add_environment(place.environment)
        cells = keeper.known(subject.digest, place.digest)
        on_cells(len(cells))
        left = _Left(case for case in subject.cases if case not in cells)
        while left:
            if stopped():
                raise StoppedError("the suite was stopped", hint="start it again: it goes on where it was")
            if not place.alive:
                place.close()
                place = Place(subject, planned.setting, feeds)
            found = _run(place, left, keeper, known)
            cells |= {cell.case: cell for cell in found}
            notes.add(found)
            on_cells(len(found))
    except WorkerLostError as error:
        return Tried(planned=planned, error=_text(error))
    finally:
        notes.write()
        place.close()
    return Tried(
        planned=planned,
        environment=place.environment,
        digest=place.digest,
        differences=tuple(subject.differences(place.environment)),
        cells={case: cells[case] for case in subject.cases},
    )


class _Left:
    """The cases that are still to be run, in order; those of a request that ended its worker one at a time."""

    def __init__(self, cases: Iterable[str]) -> None:
        self._cases = dict.fromkeys(cases)
        self._alone = 0

    def __bool__(self) -> bool:
        return bool(self._cases)

    def next(self) -> list[str]:
        """The next ones."""
        return list(islice(self._cases, 1 if self._alone else _MOST))

    def done(self, count: int) -> None:
        """Takes the first of them away."""
        for case in list(islice(self._cases, count)):
            del self._cases[case]
        self._alone = max(0, self._alone - count)

    def separate(self, count: int) -> None:
        """Has the first of them run alone."""
        self._alone = count


def _run(place: Place, left: _Left, keeper: Keeper, known: Known) -> list[Cell]:
    """What the next cases came to; none of them if the worker ended, and nobody knows yet by whose fault."""
    cases = left.next()
    try:
        if place.reads and len(cases) > 1:
            told = [digest for case in cases for digest in list(known.setdefault(case, set()))[:_TOLD]]
            outcomes = place.run_some(cases, told)
        else:
            cases = cases[:1]
            outcomes = [place.run(cases[0], list(known.setdefault(cases[0], set()))[:_TOLD])]
    except WorkerLostError:
        raise
    except AivmError as error:
        if isinstance(error, SandboxError) and len(cases) > 1:
            left.separate(len(cases))
            return []
        cells = [Cell(case=cases[0], digest=None, error=_text(error))]
    else:
        cells = _kept(cases, outcomes, keeper, known)
    left.done(len(cells))
    return cells


def _kept(cases: Sequence[str], outcomes: Sequence[Outcome], keeper: Keeper, known: Known) -> list[Cell]:
    pairs = list(zip(cases, outcomes, strict=False))  # the worker may have left some for the next request
    fresh = {item.digest: item.tensors for case, item in pairs if item.tensors and item.digest not in known[case]}
    if fresh:
        keeper.add_outputs(fresh)
    for case, item in pairs:
        if item.tensors:
            known[case].add(item.digest)
    return [Cell(case=case, digest=item.digest, seconds=item.seconds) for case, item in pairs]


def _text(error: AivmError) -> str:
    return f"{type(error).__name__}: {error.message}"[:_LONGEST]


class _Notes:
    """Cells on their way to the keeper, some at a time: a transaction takes longer than a small kernel."""

    def __init__(self, keeper: Keeper, subject: Digest, place: Digest) -> None:
        self._keeper, self._subject, self._place = keeper, subject, place
        self._cells: list[Cell] = []
        self._last = time.monotonic()

    def add(self, cells: Iterable[Cell]) -> None:
        self._cells += cells
        if time.monotonic() - self._last >= _NOTE_SECONDS:
            self.write()

    def write(self) -> None:
        if self._cells:
            self._keeper.add(self._subject, self._place, self._cells)
        self._cells, self._last = [], time.monotonic()
