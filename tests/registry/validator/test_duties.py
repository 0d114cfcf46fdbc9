"""What is due, from what the chain shows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.contracts.types import (
    ZERO_ADDRESS,
    Attestation,
    Job,
    JobKind,
    JobStatus,
    RandomnessRequest,
    RandomnessStatus,
    Seat,
)
from registry.validator.duties import Duty, Situation, duty

DEADLINE = 1000
BEFORE, AFTER = DEADLINE, DEADLINE + 1
CONSUMER = "0x" + "77" * 20


def job(**changes: Any) -> Job:
    plain: dict[str, Any] = {
        "kind": JobKind.INFERENCE,
        "status": JobStatus.REQUESTED,
        "round": 0,
        "committee_size": 3,
        "committed": 3,
        "revealed": 0,
        "delivered": False,
        "delivery_paid": False,
        "request_block": 5,
        "deadline": DEADLINE,
        "callback_gas": 0,
        "requester": CONSUMER,
        "consumer": ZERO_ADDRESS,
        "refund_to": CONSUMER,
        "escrow": 0,
        **dict.fromkeys(("kernel", "input", "randomness", "seed", "digest", "answer"), bytes(32)),
    }
    return Job(**plain | changes)


def seat(*, round_: int = 0, committed: bool = False, revealed: bool = False) -> Seat:
    nothing = Attestation(digest=bytes(32), answer=bytes(32), sketch=bytes(32), environment=bytes(32))
    return Seat(round=round_, committed=committed, revealed=revealed, commitment=bytes(32), attestation=nothing)


def randomness(status: RandomnessStatus = RandomnessStatus.PENDING, deadline: int = 500) -> RandomnessRequest:
    return RandomnessRequest(
        status=status,
        block_number=5,
        deadline=deadline,
        attempt=0,
        operator_count=1,
        fee=1,
        refund_to=CONSUMER,
        block_hash=bytes(32),
        output=bytes(32),
    )


def due(status: JobStatus, now: int = BEFORE, **facts: Any) -> Duty:
    mine = facts.pop("seat", None)
    seed = facts.pop("randomness", None)
    turn = facts.pop("my_turn_to_prove", False)
    return duty(Situation(job=job(**facts), status=status, now=now, seat=mine, randomness=seed, my_turn_to_prove=turn))


REQUESTED, COMMITTING, REVEALING = JobStatus.REQUESTED, JobStatus.COMMITTING, JobStatus.REVEALING
SETTLED, FINALISED = JobStatus.SETTLED, JobStatus.FINALISED


def test_the_operator_whose_turn_it_is_opens_and_others_wait_until_it_is_late():
    assert due(REQUESTED, now=400, randomness=randomness(), my_turn_to_prove=True) is Duty.OPEN
    assert due(REQUESTED, now=500, randomness=randomness()) is Duty.WAIT
    assert due(REQUESTED, now=501, randomness=randomness()) is Duty.REASSIGN


def test_a_stalled_request_is_moved_on_even_before_its_deadline_and_still_answered_by_whom_it_concerns():
    stalled = randomness(RandomnessStatus.STALLED)
    assert due(REQUESTED, now=400, randomness=stalled) is Duty.REASSIGN
    assert due(REQUESTED, now=501, randomness=stalled, my_turn_to_prove=True) is Duty.OPEN
    assert due(REQUESTED, now=AFTER, randomness=stalled, my_turn_to_prove=True) is Duty.REASSIGN


def test_a_seed_that_is_there_is_drawn_with_and_one_that_never_comes_expires_the_job():
    assert due(REQUESTED, randomness=randomness(RandomnessStatus.FULFILLED)) is Duty.OPEN
    assert due(REQUESTED, randomness=randomness(RandomnessStatus.EXPIRED)) is Duty.EXPIRE
    assert due(REQUESTED, now=AFTER, randomness=randomness(RandomnessStatus.FULFILLED)) is Duty.EXPIRE


def test_a_silent_operator_is_slashed_even_when_the_job_cannot_be_saved_any_more():
    assert due(REQUESTED, now=AFTER, randomness=randomness(), my_turn_to_prove=True) is Duty.REASSIGN
    assert due(REQUESTED, now=AFTER, randomness=randomness(RandomnessStatus.EXPIRED)) is Duty.EXPIRE


def test_only_a_silent_member_of_this_round_commits():
    assert due(COMMITTING, seat=seat()) is Duty.COMMIT
    assert due(COMMITTING, seat=seat(committed=True)) is Duty.WAIT
    assert due(COMMITTING, seat=seat(round_=0), round=1) is Duty.WAIT
    assert due(COMMITTING) is Duty.WAIT


def test_only_a_member_that_committed_in_this_round_reveals_and_only_in_time():
    assert due(REVEALING, seat=seat(committed=True)) is Duty.REVEAL
    assert due(REVEALING, seat=seat(committed=True, revealed=True)) is Duty.WAIT
    assert due(REVEALING, seat=seat()) is Duty.WAIT
    assert due(REVEALING, seat=seat(committed=True), round=1) is Duty.WAIT
    assert due(REVEALING, now=AFTER, seat=seat(committed=True)) is Duty.SETTLE


def test_a_job_is_settled_when_everyone_has_revealed_or_the_window_is_over():
    assert due(REVEALING, revealed=3) is Duty.SETTLE
    assert due(REVEALING, revealed=2) is Duty.WAIT
    assert due(REVEALING, now=AFTER, revealed=2) is Duty.SETTLE
    assert due(REVEALING, committed=0) is Duty.SETTLE


def test_a_result_is_delivered_once_and_finalised_after_the_challenge_window():
    assert due(SETTLED, consumer=CONSUMER) is Duty.DELIVER
    assert due(SETTLED, consumer=CONSUMER, delivery_paid=True) is Duty.WAIT
    assert due(SETTLED) is Duty.WAIT
    assert due(SETTLED, now=AFTER) is Duty.FINALISE
    assert due(FINALISED, consumer=CONSUMER) is Duty.DELIVER
    assert due(FINALISED, consumer=CONSUMER, delivery_paid=True) is Duty.DROP


@pytest.mark.parametrize("status", [JobStatus.FINALISED, JobStatus.FAILED, JobStatus.UNKNOWN])
def test_nothing_is_left_to_do_for_a_job_that_is_over(status: JobStatus):
    assert due(status) is Duty.DROP


@given(
    status=st.sampled_from(JobStatus),
    now=st.integers(0, 2 * DEADLINE),
    seated=st.none() | st.builds(seat, round_=st.integers(0, 2), committed=st.booleans(), revealed=st.booleans()),
    round_=st.integers(0, 2),
    committed=st.integers(0, 3),
    revealed=st.integers(0, 3),
)
def test_nobody_is_ever_asked_to_commit_or_reveal_twice(
    *, status: JobStatus, now: int, seated: Seat | None, round_: int, committed: int, revealed: int
):
    what = due(status, now, seat=seated, round=round_, committed=committed, revealed=revealed, randomness=randomness())
    if what is Duty.COMMIT:
        assert seated is not None
        assert not seated.committed
        assert seated.round == round_
    if what is Duty.REVEAL:
        assert seated is not None
        assert seated.committed
        assert not seated.revealed
