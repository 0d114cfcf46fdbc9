"""What is due, from what the chain shows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.contracts.types import (
    ZERO_ADDRESS,
    Attestation,
    JobProgress,
    JobStatus,
    JobTerms,
    RandomnessRequest,
    RandomnessStatus,
    Result,
    pack_rules,
)
from registry.jobs import Job, Seat
from registry.validator.duties import Duty, Situation, duty

if TYPE_CHECKING:
    from collections.abc import Sequence

DEADLINE = 1000
BEFORE, AFTER = DEADLINE, DEADLINE + 1
CONSUMER = "0x" + "77" * 20


MEMBERS = ["0x" + f"{number:02x}" * 20 for number in range(1, 8)]
ME = MEMBERS[0]
WINDOW = 100
SAID = Attestation(digest=b"d" * 32, answer=bytes(32), sketch=bytes(32), environment=bytes(32))


def seat(*, round_: int = 0, committed: bool = False, revealed: bool = False, member: str = ME) -> Seat:
    return Seat(
        member=member,
        round=round_,
        commitment=b"c" * 32 if committed else None,
        attestation=SAID if revealed else None,
    )


def terms(**changes: Any) -> JobTerms:
    words = ("kernel", "input", "randomness")
    people = ("refund_to", "publisher")
    plain: dict[str, Any] = {field.name: 0 for field in dataclasses.fields(JobTerms)}
    plain |= {"rules": pack_rules(commit_window=WINDOW, reveal_window=WINDOW), "consumer": ZERO_ADDRESS}
    return JobTerms(**plain | dict.fromkeys(words, bytes(32)) | dict.fromkeys(people, CONSUMER) | changes)


def job(status: JobStatus, *, round_: int = 0, seats: Sequence[Seat] = (), batch: bool = False, **changes: Any) -> Job:
    """A job in a round whose seats are these; those of earlier rounds come first."""
    first = sum(each.round < round_ for each in seats)
    delivered = changes.pop("delivery_paid", False)
    progress = JobProgress(
        seed=bytes(32),
        round=round_,
        first_seat=first,
        reveal_window=WINDOW,
        seats=tuple(int(each.member, 16) for each in seats),
        batch=tuple(each.commitment or bytes(32) for each in seats[first:]) if batch else (),
        votes=(),
        outcomes=0,
        result=Result(digest=bytes(32), answer=bytes(32), sketch=bytes(32)),
    )
    return Job(
        id=b"j" * 32,
        status=status,
        deadline=DEADLINE,
        requester=CONSUMER,
        terms=terms(**changes),
        progress=progress,
        seats=tuple(seats),
        block=5,
        delivery_paid=delivered,
    )


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
    )


GIVEN = ("ahead", "early", "handed_in", "listed", "opened", "relayed")


def due(status: JobStatus, now: int = BEFORE, **facts: Any) -> Duty:
    """What is due for the validator ME, which sits where one of `seats` is its own."""
    given = {name: facts.pop(name) for name in GIVEN if name in facts}
    seed, turn = facts.pop("randomness", None), facts.pop("my_turn_to_prove", False)
    state = job(status, **facts)
    own = given.get("ahead", state).seat_of(ME)
    return duty(Situation(job=state, now=now, seat=own, randomness=seed, my_turn_to_prove=turn, **given))


def committee(*, committed: int = 0, revealed: int = 0, size: int = 3, round_: int = 0) -> list[Seat]:
    """A round of which the first ones have committed, and the first of those revealed; the first seat is ME."""
    return [
        seat(round_=round_, committed=place < committed, revealed=place < revealed, member=MEMBERS[place])
        for place in range(size)
    ]


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
    assert due(COMMITTING, seats=committee()) is Duty.COMMIT
    assert due(COMMITTING, seats=committee(committed=1)) is Duty.WAIT
    later = [seat(round_=0), *(seat(round_=1, member=member) for member in MEMBERS[1:4])]
    assert due(COMMITTING, seats=later, round_=1) is Duty.WAIT
    assert due(COMMITTING, seats=committee()[1:]) is Duty.WAIT


def test_only_a_member_that_committed_in_this_round_reveals_and_only_in_time():
    assert due(REVEALING, seats=committee(committed=3)) is Duty.REVEAL
    assert due(REVEALING, seats=committee(committed=3, revealed=1)) is Duty.WAIT
    assert due(REVEALING, seats=committee()) is Duty.SETTLE, "nobody committed"
    assert due(REVEALING, now=AFTER, seats=committee(committed=3)) is Duty.SETTLE


def test_a_job_is_settled_when_everyone_who_committed_has_revealed_or_the_window_is_over():
    assert due(REVEALING, seats=committee(committed=3, revealed=3)) is Duty.SETTLE
    assert due(REVEALING, seats=committee(committed=2, revealed=2)) is Duty.SETTLE
    assert due(REVEALING, seats=committee(committed=3, revealed=2)) is Duty.WAIT
    assert due(REVEALING, now=AFTER, seats=committee(committed=3, revealed=2)) is Duty.SETTLE


# --- with the proof in hand, before the chain has drawn anybody


def ahead(*, mine: bool = True) -> Job:
    """The job as its proof draws it."""
    return job(COMMITTING, seats=committee() if mine else committee(size=4)[1:])


def test_members_do_their_round_on_the_proof_while_it_is_early_and_the_operator_waits_for_them():
    facts = {"now": 400, "randomness": randomness(), "relayed": True}
    assert due(REQUESTED, **facts, ahead=ahead(), early=True) is Duty.AGREE
    assert due(REQUESTED, **facts, ahead=ahead(), early=True, my_turn_to_prove=True) is Duty.AGREE
    assert due(REQUESTED, **facts, ahead=ahead(mine=False), early=True, my_turn_to_prove=True) is Duty.HAND_IN
    assert due(REQUESTED, **facts, ahead=ahead(mine=False), early=True) is Duty.WAIT


def test_when_it_is_early_no_more_the_operator_opens_and_then_whoever_else_has_the_proof():
    facts = {"now": 400, "randomness": randomness(), "relayed": True}
    for mine in (False, True):
        for listed in (False, True):
            known = {"ahead": ahead(mine=mine), "early": False, "listed": listed and mine}
            assert due(REQUESTED, **facts, **known, my_turn_to_prove=True) is Duty.OPEN
            assert due(REQUESTED, **facts, **known) is Duty.OPEN_FOR
    late = facts | {"now": 501, "randomness": randomness(RandomnessStatus.STALLED)}
    assert due(REQUESTED, **late, ahead=ahead()) is Duty.OPEN_FOR, "before another operator gives another seed"
    assert due(REQUESTED, **late) is Duty.REASSIGN


def test_whoever_has_all_openings_opens_and_settles_at_any_time_while_the_job_can_be_opened():
    everyone = frozenset(MEMBERS[:3])
    known = {"ahead": ahead(), "listed": True, "opened": everyone, "relayed": True}
    for early in (False, True):
        for status in (RandomnessStatus.PENDING, RandomnessStatus.STALLED):
            facts = known | {"randomness": randomness(status), "early": early}
            assert due(REQUESTED, now=BEFORE, **facts) is Duty.OPEN_TOGETHER
            assert due(REQUESTED, now=AFTER, **facts) is Duty.REASSIGN, "too late to be opened at all"
    one_short = known | {"opened": everyone - {ME}, "randomness": randomness(), "early": True}
    assert due(REQUESTED, now=400, **one_short) is Duty.AGREE
    unsigned = known | {"listed": False, "randomness": randomness(), "early": True}
    assert due(REQUESTED, now=400, **unsigned) is Duty.AGREE


# --- with a relay: what all have handed in goes in one transaction, and nobody depends on it


@pytest.mark.parametrize(
    ("handed_in", "left", "want"),
    [
        (0, 100, Duty.AGREE),  # the first half of the time is for the list of all
        (3, 51, Duty.AGREE),  # whatever others have handed in
        (0, 50, Duty.HAND_IN),
        (2, 50, Duty.HAND_IN),  # a strict majority, but the third may still come
        (3, 50, Duty.BATCH),  # at once, if all are there
        (2, 38, Duty.HAND_IN),
        (2, 37, Duty.BATCH),  # who did not come by then commits alone
        (1, 37, Duty.HAND_IN),  # no majority, no batch
        (1, 26, Duty.HAND_IN),
        (1, 25, Duty.COMMIT),  # the last quarter is for oneself
        (3, 25, Duty.COMMIT),
    ],
)
def test_commitments_go_in_a_batch_in_the_second_half_of_the_time_and_alone_in_the_last_quarter(
    handed_in: int, left: int, want: Duty
):
    now, here = DEADLINE - left, frozenset(MEMBERS[:handed_in])
    assert due(COMMITTING, now, seats=committee(), relayed=True, handed_in=here) is want


@pytest.mark.parametrize(
    ("opened", "left", "want"),
    [
        (0, 100, Duty.AGREE),  # show the opening, and wait for those of the others
        (2, 38, Duty.AGREE),
        (3, 100, Duty.TOGETHER),
        (3, 51, Duty.TOGETHER),
        (3, 25, Duty.TOGETHER),  # it does not commit otherwise: its opening can be known
        (2, 37, Duty.TOGETHER),  # who holds an opening back is held to the list all the same
        (0, 37, Duty.TOGETHER),
        (1, 13, Duty.TOGETHER),
        (1, 12, Duty.COMMIT),  # should that fail again and again: better copied than absent
        (3, 12, Duty.COMMIT),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_whoever_has_everybody_s_signature_of_the_list_brings_it_in_time_whatever_the_others_do(
    opened: int, left: int, want: Duty, *, batch: bool
):
    here = frozenset(MEMBERS[:opened])
    others = frozenset(MEMBERS[1:3])
    seats = [seat(), *(seat(committed=batch, member=member) for member in MEMBERS[1:3])]
    facts = {"seats": seats, "relayed": True, "listed": True, "opened": here, "handed_in": others, "batch": batch}
    assert due(COMMITTING, DEADLINE - left, **facts) is want


@pytest.mark.parametrize("window", [1, 2, 3, 5, 8, 60, 3600])
def test_no_window_is_too_short_for_a_member_to_commit_alone_in_it(window: int):
    """Whatever the others say or do not say, there is a second in which a silent member acts by itself."""
    rules = pack_rules(commit_window=window, reveal_window=WINDOW)
    for listed in (False, True):
        facts = {"seats": committee(), "relayed": True, "listed": listed, "rules": rules}
        dues = [due(COMMITTING, DEADLINE - left, **facts) for left in range(window, -1, -1)]
        assert dues[-1] is Duty.COMMIT
        order = [Duty.AGREE, Duty.HAND_IN, Duty.TOGETHER, Duty.COMMIT]
        assert [order.index(each) for each in dues] == sorted(order.index(each) for each in dues)


def test_who_was_left_out_of_the_batch_commits_alone_at_once():
    seats = [seat(), *(seat(committed=True, member=member) for member in MEMBERS[1:3])]
    assert due(COMMITTING, 900, seats=seats, relayed=True, batch=True, handed_in=frozenset({ME})) is Duty.COMMIT


def test_whoever_committed_alone_is_not_waited_for_in_the_batch():
    seats = [*committee(size=4), seat(committed=True, member=MEMBERS[4])]
    assert due(COMMITTING, 900, seats=seats, relayed=True, handed_in=frozenset(MEMBERS[:4])) is Duty.BATCH


def test_openings_are_handed_in_for_half_of_the_window_and_then_revealed_alone():
    seats = committee(committed=3)
    assert due(REVEALING, DEADLINE - 51, seats=seats, relayed=True) is Duty.HAND_IN
    assert due(REVEALING, DEADLINE - 50, seats=seats, relayed=True, opened=frozenset({ME})) is Duty.HAND_IN
    assert due(REVEALING, DEADLINE - 49, seats=seats, relayed=True, opened=frozenset({ME})) is Duty.REVEAL
    assert due(REVEALING, DEADLINE - 49, seats=committee(committed=3, revealed=1), relayed=True) is Duty.WAIT


def test_whoever_has_every_opening_settles_and_may_mix_them_with_what_was_revealed_alone():
    everyone = frozenset(MEMBERS[:3])
    assert due(REVEALING, 950, seats=committee(committed=3), relayed=True, opened=everyone) is Duty.SETTLE
    some = frozenset(MEMBERS[1:3])
    assert due(REVEALING, 950, seats=committee(committed=3, revealed=1), relayed=True, opened=some) is Duty.SETTLE
    assert due(REVEALING, 940, seats=committee(committed=3), relayed=True, opened=some) is Duty.HAND_IN


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
    mine=st.none() | st.builds(seat, round_=st.integers(0, 2), committed=st.booleans(), revealed=st.booleans()),
    others=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6),
    round_=st.integers(0, 2),
    relayed=st.booleans(),
    listed=st.booleans(),
    handed_in=st.frozensets(st.sampled_from(MEMBERS)),
    opened=st.frozensets(st.sampled_from(MEMBERS)),
    batch=st.booleans(),
)
def test_nobody_is_ever_asked_to_commit_or_reveal_twice(
    *,
    status: JobStatus,
    now: int,
    mine: Seat | None,
    others: list[tuple[bool, bool]],
    round_: int,
    relayed: bool,
    listed: bool,
    handed_in: frozenset[str],
    opened: frozenset[str],
    batch: bool,
):
    around = [
        seat(round_=round_, committed=committed or revealed, revealed=revealed, member=MEMBERS[place + 1])
        for place, (committed, revealed) in enumerate(others)
    ]
    seats = sorted([*around, *([mine] if mine and mine.round <= round_ else [])], key=lambda each: each.round)
    listed = listed and relayed
    given = {"relayed": relayed, "listed": listed, "handed_in": handed_in, "opened": opened, "batch": batch}
    what = due(status, now, seats=seats, round_=round_, randomness=randomness(), **given)
    own = [each for each in seats if each.member == ME and each.round == round_]
    if what in {Duty.COMMIT, Duty.BATCH, Duty.AGREE, Duty.TOGETHER} or (what is Duty.HAND_IN and status is COMMITTING):
        assert [each.commitment for each in own] == [None]
    if what is Duty.REVEAL or (what is Duty.HAND_IN and status is REVEALING):
        assert [(bool(each.commitment), each.attestation) for each in own] == [(True, None)]
    if not relayed:
        assert what not in {Duty.AGREE, Duty.TOGETHER, Duty.HAND_IN, Duty.BATCH}
    if listed:
        assert what is not Duty.BATCH
