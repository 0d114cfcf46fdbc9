"""What a validator must not forget: every opening it owes, every list it signed, and how far it has read the chain.

The journal lies beside the keys and is written before anything is sent, so that a restart neither commits twice, nor
signs another list, nor loses the salt that opens a commitment. The operating system holds its lock, and releases it
however the process ends: a second process with the same directory is refused, and a crash leaves nothing behind to
clean up.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from typing import IO, TYPE_CHECKING, Any, Self

import msgspec

from registry.contracts.types import Attestation
from registry.errors import RegistryError
from registry.validator.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from registry.network import Network


class JournalError(RegistryError):
    """The journal cannot be used as it is."""


class JournalLockedError(JournalError):
    """Another process works with this journal."""


class JournalMissingError(JournalError):
    """The chain shows a commitment whose opening this journal does not hold."""


class DoubleCommitError(JournalError):
    """A second, different commitment for the same job and round was about to be made."""


class DoubleListError(JournalError):
    """A second, different list of commitments for the same round was about to be signed."""


class BothWaysError(JournalError):
    """A member was about to show its opening and to sign its commitment for a batch, in the same round."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What opens one commitment.

    Attributes:
        job: the job's id.
        round: in which the commitment was made.
        attestation: what was committed to.
        salt: 32 secret bytes.
        subject: what was computed, as 32 bytes: a reorganisation of the chain can give a job another seed or input.
    """

    job: bytes
    round: int
    attestation: Attestation
    salt: bytes
    subject: bytes = bytes(32)


class Journal:
    """One validator's journal, open and locked; a context manager.

    Args:
        directory: where the journal lies, normally beside the validator's key; made if missing.
        validator: the validator's address, checked against the one the journal was made for.
        chain_id: the chain's id, likewise.
        market: the JobMarket's address, likewise.

    Raises:
        JournalLockedError: another process holds it.
        JournalError: it belongs to another validator or chain, or is damaged.
    """

    def __init__(self, directory: Path, *, validator: str, chain_id: int, market: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "journal.sqlite"
        self._lock: IO[bytes] = (directory / "journal.lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise JournalLockedError(
                f"{self.path} is in use by another process",
                hint="Two processes with one key would commit twice and be slashed. Stop the other one first.",
            ) from error
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            os.chmod(self.path, 0o600)  # noqa: PTH101 - Path.chmod would be the same call
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # a commitment is on disk before it is on chain
            self._migrate()
            self._identify(validator, chain_id, market)
        except sqlite3.DatabaseError as error:
            self.close()
            raise JournalError(
                f"{self.path} cannot be read: {error}",
                hint="Restore it from a backup. Do not delete it while the validator has unfinished jobs.",
            ) from error
        except JournalError:
            self.close()
            raise

    @classmethod
    def of(cls, network: Network, validator: str, directory: Path) -> Self:
        """The journal of a validator in a deployment."""
        return cls(directory, validator=validator, chain_id=network.chain.chain_id, market=network.market.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the journal and releases its lock."""
        if hasattr(self, "_db"):
            self._db.close()
        self._lock.close()

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise JournalError(
                f"{self.path} was written by a newer release (schema {version}, this one knows {len(MIGRATIONS)})",
                hint="Upgrade aivm.",
            )
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            self._db.executescript(f"BEGIN; {statements} PRAGMA user_version = {number}; COMMIT;")

    def _identify(self, validator: str, chain_id: int, market: str) -> None:
        mine = (validator.lower(), chain_id, market.lower())
        self._db.execute("INSERT OR IGNORE INTO identity VALUES (1, ?, ?, ?)", mine)
        theirs = self._db.execute("SELECT validator, chain_id, market FROM identity").fetchone()
        if theirs != mine:
            raise JournalError(
                f"{self.path} belongs to validator {theirs[0]} on chain {theirs[1]}, market {theirs[2]}; "
                f"this is {mine[0]} on chain {mine[1]}, market {mine[2]}",
                hint="Use one directory per validator and deployment.",
            )

    # --- openings ---

    def write_opening(self, opening: Opening) -> None:
        """Keeps an opening for ever, before its commitment is sent; writing the same one again does nothing.

        Raises:
            DoubleCommitError: another opening is kept for that job, round and subject.
            JournalError: the disk refuses; nothing must be sent.
        """
        kept = self.opening(opening.job, opening.round, opening.subject)
        if kept is None:
            attestation = opening.attestation
            self._execute(
                "INSERT INTO opening_by_subject VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    opening.job,
                    opening.round,
                    opening.subject,
                    attestation.digest,
                    attestation.answer,
                    attestation.sketch,
                    attestation.environment,
                    opening.salt,
                ),
            )
        elif kept != opening:
            raise DoubleCommitError(
                f"job 0x{opening.job.hex()}, round {opening.round}: this validator is already bound to the output "
                f"0x{kept.attestation.digest.hex()} and was about to commit to 0x{opening.attestation.digest.hex()}",
                hint="The kept opening will be revealed. If the outputs differ, the kernel is not deterministic here.",
            )

    def opening(self, job: bytes, round_: int, subject: bytes = bytes(32)) -> Opening | None:
        """The opening kept for a job's round and subject, if any."""
        return next((each for each in self.openings(job, round_) if each.subject == subject), None)

    def openings(self, job: bytes, round_: int) -> list[Opening]:
        """Everything that was kept for a job's round: more than one if the chain was reorganised meanwhile."""
        rows = self._execute(
            "SELECT subject, digest, answer, sketch, environment, salt FROM opening_by_subject "
            "WHERE job = ? AND round = ? ORDER BY rowid",
            (job, round_),
        )
        return [
            Opening(
                job=job,
                round=round_,
                attestation=Attestation(digest=digest, answer=answer, sketch=sketch, environment=environment),
                salt=salt,
                subject=subject,
            )
            for subject, digest, answer, sketch, environment, salt in rows
        ]

    # --- rounds ---

    def write_list(self, job: bytes, round_: int, seed: bytes, commitments: tuple[bytes, ...]) -> None:
        """Keeps the list of a round's commitments for ever, before it is signed; the same one again does nothing.

        Raises:
            DoubleListError: another list is kept for that round under that seed.
            JournalError: the disk refuses; nothing must be signed.
        """
        kept = self.list_of(job, round_, seed)
        if kept is None:
            values = (job, round_, seed, b"".join(commitments))
            self._execute("INSERT INTO round_list VALUES (?, ?, ?, ?)", values)
        elif kept != commitments:
            raise DoubleListError(
                f"job 0x{job.hex()}, round {round_}: this validator has signed another list of commitments",
                hint="Somebody told it another commitment than before. It signs no second list; the round goes on.",
            )

    def list_of(self, job: bytes, round_: int, seed: bytes) -> tuple[bytes, ...] | None:
        """The list that was signed for a round, if any: a commitment of 32 bytes for each seat."""
        query = "SELECT commitments FROM round_list WHERE job = ? AND round = ? AND seed = ?"
        rows = self._execute(query, (job, round_, seed))
        return tuple(rows[0][0][at : at + 32] for at in range(0, len(rows[0][0]), 32)) if rows else None

    def choose_way(self, job: bytes, round_: int, seed: bytes, signatures: bytes = b"") -> None:
        """Keeps how this member goes through a round: the first choice stands, and the same one again does nothing.

        Args:
            job: the job's id.
            round_: of the job.
            seed: the job's.
            signatures: of all members over the list, before this one shows its opening; none, before it signs its own
                commitment for a batch, or sends it alone.

        Raises:
            BothWaysError: the other way was chosen.
            JournalError: the disk refuses; nothing must be sent.
        """
        kept = self.way_of(job, round_, seed)
        if kept is None:
            self._execute("INSERT INTO round_way VALUES (?, ?, ?, ?)", (job, round_, seed, signatures))
        elif bool(kept) != bool(signatures):
            way = "shown its opening to all who signed the list" if kept else "signed its commitment by itself"
            raise BothWaysError(
                f"job 0x{job.hex()}, round {round_}: this validator has {way}",
                hint="Whoever does both can have its answer copied. The round goes on the way that was chosen first.",
            )

    def way_of(self, job: bytes, round_: int, seed: bytes) -> bytes | None:
        """What was chosen: the signatures of the list, or none of them; None if nothing was."""
        query = "SELECT signatures FROM round_way WHERE job = ? AND round = ? AND seed = ?"
        rows = self._execute(query, (job, round_, seed))
        return rows[0][0] if rows else None

    # --- jobs under way ---

    def follow(self, jobs: list[bytes], *, next_block: int) -> None:
        """Adds jobs to the ones under way and moves the cursor, both or neither."""
        try:
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany("INSERT OR IGNORE INTO open_job VALUES (?)", [(job,) for job in jobs])
                self._db.execute("UPDATE cursor SET next_block = ?", (next_block,))
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def drop(self, job: bytes) -> None:
        """Forgets a finished job; its opening stays."""
        self._execute("DELETE FROM open_job WHERE job = ?", (job,))

    def open_jobs(self) -> list[bytes]:
        """The jobs under way, in the order in which they were found."""
        return [job for (job,) in self._execute("SELECT job FROM open_job ORDER BY rowid")]

    @property
    def next_block(self) -> int:
        """The first block that has not been read for new jobs."""
        ((block,),) = self._execute("SELECT next_block FROM cursor")
        return int(block)

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of one statement; a full or broken disk is an error of ours, so that other jobs go on."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error) -> JournalError:
        return JournalError(f"{self.path} cannot be used: {error}", hint="Check the disk's space and permissions.")
