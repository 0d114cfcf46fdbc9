"""Running all cases in one environment, in as few processes as it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from aivm.determinism.matrix import Cell, Tried
from aivm.determinism.place import Place
from aivm.digests import Digest
from aivm.errors import AivmError
from aivm.execution.sandbox import WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aivm.determinism.plan import Planned
    from aivm.determinism.subject import Subject
    from aivm.environment import Environment

#: Seconds between two notes in the journal: what a crash can cost.
_NOTE_SECONDS: Final = 0.5
_LONGEST: Final = 300
#: Digests that a worker is told of for a case; those that are not among them it sends again.
_TOLD: Final = 16

#: By case, the digests of outputs that are at hand. Several threads add to it.
Known = dict[str, set[Digest]]


class Keeper(Protocol):
    """What remembers cells; a `Journal` is one."""

    def known(self, subject: Digest, place: Digest) -> dict[str, Cell]: ...
    def add(self, subject: Digest, place: Digest, cells: Iterable[Cell]) -> None: ...
    def add_environment(self, environment: Environment) -> None: ...
    def add_output(self, digest: Digest, tensors: bytes) -> None: ...


class StoppedError(AivmError):
    """Somebody stopped the suite; what was run is in the journal."""


def run_environment(
    subject: Subject,
    planned: Planned,
    keeper: Keeper,
    known: Known,
    *,
    on_cells: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Tried:
    """Runs every case that the keeper does not have from the same place, and gives all of them.

    Args:
        subject: what is run.
        planned: where.
        keeper: remembers cells, environments and outputs.
        known: by case the digests of outputs that it has; added to.
        on_cells: is told of cells as they are done.
        stopped: whether to stop.

    Raises:
        StoppedError: as `stopped` said.
    """
    try:
        place = Place(subject, planned.setting)
    except AivmError as error:
        on_cells(len(subject.cases))
        return Tried(planned=planned, error=_text(error))
    try:
        keeper.add_environment(place.environment)
        cells = keeper.known(subject.digest, place.digest)
        on_cells(len(cells))
        notes = _Notes(keeper, subject.digest, place.digest)
        for case in subject.cases:
            if case in cells:
                continue
            if stopped():
                notes.write()
                raise StoppedError("the suite was stopped", hint="start it again: it goes on where it was")
            if not place.alive:
                place.close()
                place = Place(subject, planned.setting)
            cells[case] = _cell(place, case, keeper, known)
            notes.add(cells[case])
            on_cells(1)
        notes.write()
    except WorkerLostError as error:
        notes.write()
        return Tried(planned=planned, error=_text(error))
    finally:
        place.close()
    return Tried(
        planned=planned,
        environment=place.environment,
        digest=place.digest,
        differences=tuple(subject.differences(place.environment)),
        cells={case: cells[case] for case in subject.cases},
    )


def _cell(place: Place, case: str, keeper: Keeper, known: Known) -> Cell:
    mine = known.setdefault(case, set())
    try:
        outcome = place.run(case, list(mine)[:_TOLD])
    except WorkerLostError:
        raise
    except AivmError as error:
        return Cell(case=case, digest=None, error=_text(error))
    if outcome.digest not in mine and outcome.tensors:
        keeper.add_output(outcome.digest, outcome.tensors)
        mine.add(outcome.digest)
    return Cell(case=case, digest=outcome.digest, seconds=outcome.seconds)


def _text(error: AivmError) -> str:
    return f"{type(error).__name__}: {error.message}"[:_LONGEST]


class _Notes:
    """Cells on their way to the keeper, some at a time: a transaction takes longer than a small kernel."""

    def __init__(self, keeper: Keeper, subject: Digest, place: Digest) -> None:
        self._keeper, self._subject, self._place = keeper, subject, place
        self._cells: list[Cell] = []
        self._last = time.monotonic()

    def add(self, cell: Cell) -> None:
        self._cells.append(cell)
        if time.monotonic() - self._last >= _NOTE_SECONDS:
            self.write()

    def write(self) -> None:
        if self._cells:
            self._keeper.add(self._subject, self._place, self._cells)
        self._cells, self._last = [], time.monotonic()
