"""The journal: nothing that was promised is forgotten, and nobody promises twice."""

from __future__ import annotations

import multiprocessing
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.contracts.types import Attestation
from registry.validator.journal import (
    BothWaysError,
    DoubleCommitError,
    DoubleListError,
    Journal,
    JournalError,
    JournalLockedError,
    Opening,
)
from registry.validator.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

ME = {"validator": "0x" + "11" * 20, "chain_id": 31337, "market": "0x" + "22" * 20}
JOB = b"\x01" * 32
word = st.binary(min_size=32, max_size=32)
attestations = st.builds(Attestation, digest=word, answer=word, sketch=word, environment=word)


def opening(**changes: Any) -> Opening:
    attestation = Attestation(digest=b"\x02" * 32, answer=bytes(32), sketch=bytes(32), environment=b"\x03" * 32)
    return Opening(**{"job": JOB, "round": 0, "attestation": attestation, "salt": b"\x04" * 32} | changes)


def test_an_opening_is_there_after_a_restart(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        journal.write_opening(opening())
    with Journal(tmp_path, **ME) as journal:
        assert journal.opening(JOB, 0) == opening()
        assert journal.opening(JOB, 1) is None


def test_the_same_opening_can_be_written_again_and_another_one_cannot(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        journal.write_opening(opening())
        journal.write_opening(opening())
        with pytest.raises(DoubleCommitError, match="0x" + "01" * 32):
            journal.write_opening(opening(salt=b"\x05" * 32))
        assert journal.opening(JOB, 0) == opening()
        journal.write_opening(opening(round=1, salt=b"\x05" * 32))


@given(st.lists(st.tuples(word, st.integers(0, 2), attestations, word), max_size=6, unique_by=lambda each: each[:2]))
def test_every_opening_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows: Any):
    openings = [Opening(job=job, round=n, attestation=said, salt=salt) for job, n, said, salt in rows]
    with Journal(tmp_path_factory.mktemp("journal"), **ME) as journal:
        for each in openings:
            journal.write_opening(each)
        assert [journal.opening(each.job, each.round) for each in openings] == openings


def _hold(folder: Path, ready: Any, done: Any) -> None:
    with Journal(folder, **ME):
        ready.set()
        done.wait(30)


def test_a_second_process_is_refused_while_the_first_one_lives_and_welcome_when_it_was_killed(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(30)
    with pytest.raises(JournalLockedError, match="in use by another process"):
        Journal(tmp_path, **ME)
    other.kill()
    other.join()
    with Journal(tmp_path, **ME):
        pass


@pytest.mark.parametrize("change", [{"validator": "0x" + "33" * 20}, {"chain_id": 1}, {"market": "0x" + "44" * 20}])
def test_a_journal_of_another_validator_or_deployment_is_refused(tmp_path: Path, change: dict[str, Any]):
    with Journal(tmp_path, **ME):
        pass
    with pytest.raises(JournalError, match="belongs to validator"):
        Journal(tmp_path, **ME | change)
    with Journal(tmp_path, **ME):
        pass


def test_a_damaged_journal_is_refused_and_left_as_it_is(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        path = journal.path
    damaged = b"not a database" * 100
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match="cannot be read"):
        Journal(tmp_path, **ME)
    assert path.read_bytes() == damaged


def test_a_journal_of_a_newer_release_is_refused(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        path = journal.path
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(JournalError, match="newer release"):
        Journal(tmp_path, **ME)


def test_only_its_owner_can_read_it(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        assert journal.path.stat().st_mode & 0o077 == 0


def test_jobs_are_followed_once_and_in_order_until_they_are_dropped(tmp_path: Path):
    jobs = [bytes([n]) * 32 for n in (3, 1, 2)]
    with Journal(tmp_path, **ME) as journal:
        assert journal.next_block == 0
        journal.follow(jobs, next_block=7)
        journal.follow(jobs[:1], next_block=9)
    with Journal(tmp_path, **ME) as journal:
        assert journal.open_jobs() == jobs
        assert journal.next_block == 9
        journal.drop(jobs[1])
        assert journal.open_jobs() == [jobs[0], jobs[2]]


def test_one_round_keeps_an_opening_for_each_subject_that_a_reorganisation_left(tmp_path: Path):
    first, second = opening(subject=b"\x06" * 32), opening(subject=b"\x07" * 32, salt=b"\x08" * 32)
    with Journal(tmp_path, **ME) as journal:
        journal.write_opening(first)
        journal.write_opening(second)
        assert journal.openings(JOB, 0) == [first, second]
        assert journal.opening(JOB, 0, b"\x07" * 32) == second
        with pytest.raises(DoubleCommitError):
            journal.write_opening(opening(subject=b"\x07" * 32))


def test_an_opening_of_the_first_schema_is_still_there(tmp_path: Path):
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    database.executescript(f"BEGIN; {MIGRATIONS[0]} PRAGMA user_version = 1; COMMIT;")
    said = opening().attestation
    row = (JOB, 0, said.digest, said.answer, said.sketch, said.environment, opening().salt)
    database.execute("INSERT INTO opening VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    database.commit()
    database.close()
    with Journal(tmp_path, **ME) as journal:
        assert journal.openings(JOB, 0) == [opening()]


def test_a_full_disk_is_an_error_of_ours_and_what_was_kept_stays(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        journal.write_opening(opening())
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count = {pages}")

        def fill() -> None:
            for number in range(1000):
                journal.write_opening(opening(round=number + 1))

        with pytest.raises(JournalError, match="disk is full"):
            fill()
        with pytest.raises(JournalError, match="disk is full"):
            journal.follow([bytes([i, j]) * 16 for i in range(256) for j in range(8)], next_block=9)
        assert journal.next_block == 0
        assert journal.opening(JOB, 0) == opening()


# --- what was signed in a round


SEED = b"\x0a" * 32
LISTED = (b"\x11" * 32, b"\x12" * 32, b"\x13" * 32)


def test_one_list_is_signed_for_a_round_and_it_is_there_after_a_restart(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        assert journal.list_of(JOB, 0, SEED) is None
        journal.write_list(JOB, 0, SEED, LISTED)
    with Journal(tmp_path, **ME) as journal:
        journal.write_list(JOB, 0, SEED, LISTED)
        for other in (LISTED[:2], (*LISTED[:2], b"\x14" * 32), LISTED[::-1], ()):
            with pytest.raises(DoubleListError, match="0x" + "01" * 32):
                journal.write_list(JOB, 0, SEED, other)
        assert journal.list_of(JOB, 0, SEED) == LISTED


def test_another_round_and_another_seed_have_lists_of_their_own(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        journal.write_list(JOB, 0, SEED, LISTED)
        journal.write_list(JOB, 1, SEED, LISTED[:2])
        journal.write_list(JOB, 0, b"\x0b" * 32, LISTED[::-1])
        assert journal.list_of(JOB, 0, SEED) == LISTED
        assert journal.list_of(JOB, 1, SEED) == LISTED[:2]
        assert journal.list_of(JOB, 0, b"\x0b" * 32) == LISTED[::-1]


def test_who_has_shown_its_opening_never_signs_for_a_batch_and_the_other_way_round(tmp_path: Path):
    with Journal(tmp_path, **ME) as journal:
        assert journal.way_of(JOB, 0, SEED) is None
        journal.choose_way(JOB, 0, SEED, b"\x01" * 192)
        journal.choose_way(JOB, 1, SEED)
    with Journal(tmp_path, **ME) as journal:
        journal.choose_way(JOB, 0, SEED, b"\x02" * 192)
        journal.choose_way(JOB, 1, SEED)
        assert journal.way_of(JOB, 0, SEED) == b"\x01" * 192, "the signatures that the opening was shown for"
        assert journal.way_of(JOB, 1, SEED) == b""
        with pytest.raises(BothWaysError, match="has shown its opening"):
            journal.choose_way(JOB, 0, SEED)
        with pytest.raises(BothWaysError, match="has signed its commitment by itself"):
            journal.choose_way(JOB, 1, SEED, b"\x01" * 192)


def test_a_journal_from_before_there_were_lists_goes_on(tmp_path: Path):
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    database.executescript(f"BEGIN; {MIGRATIONS[0]} {MIGRATIONS[1]} PRAGMA user_version = 2; COMMIT;")
    database.close()
    with Journal(tmp_path, **ME) as journal:
        assert journal.list_of(JOB, 0, SEED) is None
        journal.write_list(JOB, 0, SEED, LISTED)
