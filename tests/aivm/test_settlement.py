from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.digests import Digest
from aivm.settlement import (
    LARGEST_COMMITTEE,
    REFUSAL,
    Fault,
    SettlementError,
    Vote,
    fault_of,
    largest_committee,
    next_size,
    quote,
    settle_exact,
)

A = Vote(Digest(b"\x0a" * 32), bytes(32))
B = Vote(Digest(b"\x0b" * 32), bytes(32))
A_OTHERWISE = Vote(A.digest, b"\x01" * 32)
VOTES = st.lists(st.sampled_from([A, B, A_OTHERWISE, REFUSAL, None]), max_size=15)


@pytest.mark.parametrize("size", [-1, 0, 1, 2, 4, 6, 8, 9, 15])
def test_a_committee_that_cannot_be_asked_for_is_refused(size):
    with pytest.raises(SettlementError, match=str(size)):
        largest_committee(size)
    with pytest.raises(SettlementError):
        quote(size, vrf_fee=1, author_fee=1, seat_fee=1, delivery_fee_per_gas=1, callback_gas=1)


def test_more_votes_than_seats_are_refused():
    with pytest.raises(SettlementError, match="4 votes of 3 seats"):
        settle_exact(3, [A] * 4)


def test_a_committee_grows_twice_and_never_beyond_fifteen():
    assert [largest_committee(size) for size in (3, 5, 7)] == [15, 15, 15]
    assert [next_size(size) for size in (3, 5, 7, 11, 15)] == [7, 11, 15, 15, None]
    assert next_size(LARGEST_COMMITTEE - 1) == LARGEST_COMMITTEE


@pytest.mark.parametrize(
    ("seats", "votes", "want"),
    [
        (3, [A, A, B], A),
        (3, [A, A], A),  # of all seats, not of those who came
        (3, [A], None),
        (5, [A, A, B, B], None),
        (4, [A, A], None),  # half is no majority
        (3, [A, A_OTHERWISE, B], None),  # a vote is the pair
        (3, [REFUSAL, REFUSAL, A], REFUSAL),
        (3, [], None),
        (3, [None, None, None], None),
    ],
)
def test_more_than_half_of_all_seats_decides(seats, votes, want):
    assert settle_exact(seats, votes) == want


@given(VOTES, st.integers(min_value=0, max_value=15), st.randoms(use_true_random=False))
def test_the_outcome_is_the_only_strict_majority_whatever_the_order(votes, more, random):
    seats = len(votes) + more
    outcome = settle_exact(seats, votes)
    counts = Counter(vote for vote in votes if vote is not None)
    assert [vote for vote, count in counts.items() if count > seats / 2] == ([] if outcome is None else [outcome])
    random.shuffle(votes)
    assert settle_exact(seats, votes) == outcome


def test_faults_are_what_a_seat_did_against_what_was_agreed():
    def seat(vote, majority, *, committed=True):
        return fault_of(committed=committed, vote=vote, majority=majority)

    for majority in (A, REFUSAL, None):
        assert seat(None, majority, committed=False) is Fault.ABSENT
        assert seat(None, majority) is Fault.WITHHELD
    assert seat(A, A) is None
    assert seat(B, A) is Fault.DEVIATED
    assert seat(A_OTHERWISE, A) is Fault.DEVIATED
    assert seat(REFUSAL, A) is Fault.REFUSED
    for vote in (A, B, REFUSAL):
        assert seat(vote, None) is None, "without a majority nobody who revealed is at fault"
        assert seat(vote, REFUSAL) is None


def test_a_quote_covers_the_longest_course_of_a_job():
    have = quote(3, vrf_fee=7, author_fee=11, seat_fee=100, delivery_fee_per_gas=2, callback_gas=50)
    assert have == 7 + 11 + 15 * 100 + 2 * 50
