"""Running all cases in one environment, in as few processes as it takes."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from aivm.determinism.matrix import Cell, Tried
from aivm.determinism.notes import Notes
from aivm.determinism.place import Place
from aivm.digests import Digest
from aivm.errors import AivmError
from aivm.execution.sandbox import SandboxError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aivm.determinism.feeds import Feeds
    from aivm.determinism.notes import Keeper
    from aivm.determinism.place import Outcome
    from aivm.determinism.plan import Planned
    from aivm.determinism.subject import Subject

_LONGEST: Final = 300
#: Cases in one request.
_MOST: Final = 64
#: Digests that a worker is told of for a case; outputs that are not among them it sends again.
_TOLD: Final = 8

#: By case, the digests of outputs that are at hand. Several threads add to it.
Known = dict[str, set[Digest]]


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
    until: float | None = None,
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
        until: when to stop, by the monotonic clock; a case under way is ended then, and no cell.

    Raises:
        StoppedError: as `stopped` or `until` said.
    """
    if stopped() or (until is not None and time.monotonic() >= until):
        raise _stopped()
    try:
        place = Place(subject, planned.setting, feeds, until=until)
    except AivmError as error:
        on_cells(len(subject.cases))
        return Tried(planned=planned, error=_text(error))
    notes = Notes(keeper, subject.digest, place.digest)
    try:
        keeper.add_environment(place.environment)
        cells = keeper.known(subject.digest, place.digest)
        on_cells(len(cells))
        left = _Left(case for case in subject.cases if case not in cells)
        while left:
            if stopped() or place.late:
                raise _stopped()
            if not place.alive:
                place.close()
                place = Place(subject, planned.setting, feeds, until=until)
            found = _run(place, left, notes, known)
            cells |= {cell.case: cell for cell in found}
            on_cells(len(found))
    except WorkerLostError as error:
        return Tried(planned=planned, error=_text(error))
    finally:
        place.close()
        notes.close()
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


def _run(place: Place, left: _Left, notes: Notes, known: Known) -> list[Cell]:
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
        if place.late:
            raise _stopped() from error
        if isinstance(error, SandboxError) and len(cases) > 1:
            left.separate(len(cases))
            return []
        cells, outputs = [Cell(case=cases[0], digest=None, error=_text(error))], {}
    else:
        pairs = list(zip(cases, outcomes, strict=False))  # the worker may have left some for the next request
        cells = [Cell(case=case, digest=item.digest, seconds=item.seconds) for case, item in pairs]
        outputs = _fresh(pairs, known)
    notes.add(cells, outputs)
    left.done(len(cells))
    return cells


def _fresh(pairs: Sequence[tuple[str, Outcome]], known: Known) -> dict[Digest, bytes]:
    """The outputs that nobody had, which are known from now on."""
    fresh = {item.digest: item.tensors for case, item in pairs if item.tensors and item.digest not in known[case]}
    for case, item in pairs:
        if item.tensors:
            known[case].add(item.digest)
    return fresh


def _stopped() -> StoppedError:
    return StoppedError("the suite was stopped", hint="start it again: it goes on where it was")


def _text(error: AivmError) -> str:
    return f"{type(error).__name__}: {error.message}"[:_LONGEST]
