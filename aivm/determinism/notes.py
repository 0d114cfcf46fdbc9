"""What a suite remembers, on its way to where it is kept, while the worker computes the next cases."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from aivm.determinism.journal import Journal
    from aivm.determinism.matrix import Cell
    from aivm.digests import Digest
    from aivm.environment import Environment

#: Seconds between two notes in the journal: with the request under way, what a crash can cost.
_NOTE_SECONDS: Final = 0.5


class Keeper(Protocol):
    """What remembers cells; a `Journal` is one."""

    def known(self, subject: Digest, place: Digest) -> dict[str, Cell]: ...
    def add(self, subject: Digest, place: Digest, cells: Iterable[Cell]) -> None: ...
    def add_environment(self, environment: Environment) -> None: ...
    def add_outputs(self, outputs: Mapping[Digest, bytes]) -> None: ...


@dataclass(slots=True)
class Memory:
    """A keeper in memory: what is known of one subject, and what is new.

    Attributes:
        done: cells that are known, by place.
        cells: new ones, by place.
        environments: their records.
        outputs: tensor files by digest.
    """

    done: dict[Digest, dict[str, Cell]] = field(default_factory=dict)
    cells: list[tuple[Digest, Digest, list[Cell]]] = field(default_factory=list)
    environments: list[Environment] = field(default_factory=list)
    outputs: dict[Digest, bytes] = field(default_factory=dict)

    def known(self, subject: Digest, place: Digest) -> dict[str, Cell]:
        """What is known of the one subject in a place."""
        del subject
        return dict(self.done.get(place, {}))

    def add_environment(self, environment: Environment) -> None:
        """Keeps it."""
        self.environments.append(environment)

    def add_outputs(self, outputs: Mapping[Digest, bytes]) -> None:
        """Keeps them."""
        self.outputs.update(outputs)

    def add(self, subject: Digest, place: Digest, cells: Iterable[Cell]) -> None:
        """Keeps them."""
        self.cells.append((subject, place, list(cells)))

    def write(self, journal: Journal) -> None:
        """Writes what is new into a journal."""
        for environment in self.environments:
            journal.add_environment(environment)
        journal.add_outputs(self.outputs)
        for subject, place, cells in self.cells:
            journal.add(subject, place, cells)


class Notes:
    """Cells and outputs of one place for a keeper; close it, or nobody waits for the last of them.

    Cells go some at a time: a transaction takes longer than a small kernel. Of what is written one thing at a time is
    under way, so that outputs do not pile up in memory, and in order: an output before the cell that names it.
    """

    def __init__(self, keeper: Keeper, subject: Digest, place: Digest) -> None:
        self._keeper, self._subject, self._place = keeper, subject, place
        self._cells: list[Cell] = []
        self._last = time.monotonic()
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None

    def add(self, cells: Iterable[Cell], outputs: Mapping[Digest, bytes]) -> None:
        """Takes cells, and the outputs that are new.

        Raises:
            Exception: what the keeper raised when it wrote what was taken before.
        """
        if outputs:
            self._write(lambda: self._keeper.add_outputs(outputs))
        self._cells += cells
        if time.monotonic() - self._last >= _NOTE_SECONDS:
            self._write_cells()

    def close(self) -> None:
        """Writes the rest, and waits until it is written.

        Raises:
            Exception: what the keeper raised.
        """
        try:
            self._write_cells()
            self._wait()
        finally:
            self._writer.shutdown()

    def _write_cells(self) -> None:
        cells, self._cells, self._last = self._cells, [], time.monotonic()
        if cells:
            self._write(lambda: self._keeper.add(self._subject, self._place, cells))

    def _write(self, work: Callable[[], None]) -> None:
        self._wait()
        self._writing = self._writer.submit(work)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
