"""The journal: what has been run already, so that a suite goes on where it was stopped.

A row is keyed by the subject, the case and the digest of the place (`Place.digest`), which holds the environment record
and whatever a setting does beside it. Another processor, another release of a library, another option: another digest,
and the case is run again. So a journal can be kept for ever, and shared by all the suites of one machine.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Final, Self

from aivm import records
from aivm.determinism.matrix import Cell
from aivm.digests import Digest
from aivm.environment import Environment
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE environment (digest BLOB PRIMARY KEY, record BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE cell (
    subject BLOB NOT NULL, case_name TEXT NOT NULL, place BLOB NOT NULL,
    digest BLOB, error TEXT NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (subject, case_name, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE output (digest BLOB PRIMARY KEY, tensors BLOB NOT NULL) STRICT;
"""


class JournalError(AivmError):
    """A file that is no journal of this version, or cannot be written."""


class Journal:
    """A journal in an SQLite file; several threads may use it. Close it, or use it with `with`."""

    def __init__(self, path: Path) -> None:
        """Opens the journal, or begins one.

        Raises:
            JournalError: the file is something else, or of another version.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=60)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # What a crash of the machine may lose is computed again.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._prepare(path)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"{path.name} cannot be used as a journal: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def known(self, subject: Digest, place: Digest) -> dict[str, Cell]:
        """What is known about a subject in a place, by case."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT case_name, digest, error, seconds FROM cell WHERE subject = ? AND place = ?",
                (bytes(subject), bytes(place)),
            ).fetchall()
        return {row[0]: _cell(*row) for row in rows}

    def all_cells(self, subject: Digest) -> dict[Digest, dict[str, Cell]]:
        """What is known about a subject, by place and case."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT place, case_name, digest, error, seconds FROM cell WHERE subject = ?", (bytes(subject),)
            ).fetchall()
        found: dict[Digest, dict[str, Cell]] = {}
        for place, *row in rows:
            found.setdefault(Digest(place), {})[row[0]] = _cell(*row)
        return found

    def add(self, subject: Digest, place: Digest, cells: Iterable[Cell]) -> None:
        """Writes down what cases came to, all of them or none."""
        rows = [
            (
                bytes(subject),
                cell.case,
                bytes(place),
                None if cell.digest is None else bytes(cell.digest),
                cell.error,
                cell.seconds,
            )
            for cell in cells
        ]
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO cell VALUES (?, ?, ?, ?, ?, ?)", rows)

    def add_environment(self, environment: Environment) -> None:
        """Keeps an environment record by its digest."""
        with self._lock:
            self._connection.execute(
                "INSERT OR IGNORE INTO environment VALUES (?, ?)",
                (bytes(environment.digest()), environment.record()),
            )

    def environment(self, digest: Digest) -> Environment | None:
        """An environment record, if it is here."""
        with self._lock:
            row = self._connection.execute(
                "SELECT record FROM environment WHERE digest = ?", (bytes(digest),)
            ).fetchone()
        return None if row is None else records.decode(row[0], Environment)

    def add_outputs(self, outputs: Mapping[Digest, bytes]) -> None:
        """Keeps outputs as tensor files by their digests, each once; all of them or none."""
        rows = [(bytes(digest), tensors) for digest, tensors in outputs.items()]
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR IGNORE INTO output VALUES (?, ?)", rows)

    def output(self, digest: Digest) -> bytes | None:
        """The tensor file of an output, if it is here."""
        with self._lock:
            row = self._connection.execute("SELECT tensors FROM output WHERE digest = ?", (bytes(digest),)).fetchone()
        return None if row is None else row[0]

    def outputs(self, subject: Digest) -> dict[str, set[Digest]]:
        """By case the digests of a subject's outputs that are here."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT DISTINCT case_name, cell.digest FROM cell JOIN output USING (digest) WHERE subject = ?",
                (bytes(subject),),
            ).fetchall()
        found: dict[str, set[Digest]] = {}
        for case, digest in rows:
            found.setdefault(case, set()).add(Digest(digest))
        return found

    def _prepare(self, path: Path) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == _VERSION:
            return
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version != 0 or tables:
            raise JournalError(
                f"{path.name} is no journal of version {_VERSION}", hint="name another file with --journal"
            )
        self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")


def _cell(name: str, digest: bytes | None, error: str, seconds: float) -> Cell:
    return Cell(case=name, digest=None if digest is None else Digest(digest), error=error, seconds=seconds)
