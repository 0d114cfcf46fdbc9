from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.manifest import AggregationRule
from aivm.settlement import (
    ABSENT,
    EXACT,
    LARGEST_COMMITTEE,
    REFUSAL,
    WITHHELD,
    Ballot,
    Outcome,
    Rule,
    SettlementError,
    Vote,
    backs,
    distance,
    elect,
    largest_committee,
    next_size,
    outcome_of,
    outcomes,
    quote,
)


def cast(digest: int = 1, answer: int = 0, sketch: int = 0) -> Vote:
    return Vote(ballot=Ballot.CAST, digest=digest.to_bytes(32), answer=answer.to_bytes(32), sketch=sketch.to_bytes(32))


def hamming(tolerance: int) -> Rule:
    return Rule(kind=AggregationRule.HAMMING, tolerance=tolerance)


A, B, A_OTHERWISE = cast(10), cast(11), cast(10, answer=1)
SILENT = [ABSENT, WITHHELD]
VOTES = st.lists(st.sampled_from([A, B, A_OTHERWISE, REFUSAL, *SILENT]), max_size=15)
SKETCHES = st.integers(0, 2**256 - 1) | st.integers(0, 31) | st.just(2**256 - 1)
TOLERANT_VOTES = st.lists(
    st.builds(cast, st.integers(1, 3), st.integers(0, 1), SKETCHES) | st.sampled_from([REFUSAL, *SILENT]), max_size=15
)
RULES = st.just(EXACT) | st.builds(hamming, st.integers(0, 6) | st.integers(0, 256))


@pytest.mark.parametrize("size", [-1, 0, 1, 2, 4, 6, 8, 9, 15])
def test_a_committee_that_cannot_be_asked_for_is_refused(size):
    with pytest.raises(SettlementError, match=str(size)):
        largest_committee(size)
    with pytest.raises(SettlementError):
        quote(size, vrf_fee=1, author_fee=1, seat_fee=1, delivery_fee_per_gas=1, callback_gas=1)


@pytest.mark.parametrize(("kind", "tolerance"), [("exact", 1), ("hamming", 257), ("hamming", -1)])
def test_a_tolerance_that_the_rule_cannot_have_is_refused(kind, tolerance):
    with pytest.raises(SettlementError, match=f"{tolerance} bits under the rule {kind}"):
        Rule(kind=AggregationRule(kind), tolerance=tolerance)


def test_a_sketch_of_another_length_is_refused():
    with pytest.raises(SettlementError, match="32 and 31 bytes"):
        distance(bytes(32), bytes(31))


def test_a_committee_grows_twice_and_never_beyond_fifteen():
    assert [largest_committee(size) for size in (3, 5, 7)] == [15, 15, 15]
    assert [next_size(size) for size in (3, 5, 7, 11, 15)] == [7, 11, 15, 15, None]
    assert next_size(LARGEST_COMMITTEE - 1) == LARGEST_COMMITTEE


@pytest.mark.parametrize(
    ("votes", "want"),
    [
        ([A, A, B], (0, 2)),
        ([B, A, A], (1, 2)),
        ([ABSENT, A, A], (1, 2)),
        ([A, ABSENT, WITHHELD], None),  # of all seats, not of those who came
        ([A, A, B, B, ABSENT], None),
        ([A, A, ABSENT, ABSENT], None),  # half is no majority
        ([A, A_OTHERWISE, B], None),  # a vote is the pair
        ([A, REFUSAL, REFUSAL], (1, 2)),
        ([ABSENT, ABSENT, ABSENT], None),  # silence is behind nothing, not even silence
        ([WITHHELD, WITHHELD, WITHHELD], None),
        ([A], (0, 1)),
        ([], None),
    ],
)
def test_more_than_half_of_all_seats_decides(votes, want):
    election = elect(votes, EXACT)
    assert (election and (election.seat, election.count)) == want
    assert election is None or election.vote == votes[election.seat]


def test_the_medoid_wins_and_nearness_is_not_passed_on():
    chain = [cast(sketch=0b0000), cast(sketch=0b0011), cast(sketch=0b1111)]
    election = elect(chain, hamming(2))
    assert election is not None
    assert (election.seat, election.count) == (1, 3), "the one in the middle, though the first is seat 0"
    ends = [chain[0], chain[2], *chain]
    # Two at each end: the middle has all five, and each end only itself and the middle.
    assert elect(ends, hamming(2)).seat == 3
    assert elect([chain[0], chain[2], ABSENT], hamming(2)) is None


def test_of_several_medoids_the_first_seat_wins():
    votes = [cast(7, sketch=0b01), cast(8, sketch=0b10), cast(9, sketch=0b11), ABSENT]
    election = elect(votes, hamming(2))
    assert (election.seat, election.vote.digest) == (0, votes[0].digest)
    assert elect(votes[::-1], hamming(2)).vote.digest == votes[2].digest


def test_a_neighbour_with_another_answer_is_none():
    assert elect([cast(answer=0), cast(answer=1), cast(answer=2)], hamming(256)) is None
    assert elect([cast(1, answer=5), cast(2, answer=5), cast(3, answer=6)], hamming(0)).count == 2


def test_tolerance_is_taken_to_the_bit():
    for bits in (0, 1, 5, 255, 256):
        votes = [cast(sketch=0), cast(sketch=(1 << bits) - 1), ABSENT]
        assert elect(votes, hamming(bits)) is not None
        if bits:
            assert elect(votes, hamming(bits - 1)) is None


@given(VOTES, st.randoms(use_true_random=False))
def test_an_exact_result_is_the_only_strict_majority_whatever_the_order(votes, random):
    election = elect(votes, EXACT)
    counts = Counter(vote for vote in votes if vote not in SILENT)
    assert [vote for vote, count in counts.items() if 2 * count > len(votes)] == ([election.vote] if election else [])
    shuffled = random.sample(votes, len(votes))
    again = elect(shuffled, EXACT)
    assert (again and (again.vote, again.count)) == (election and (election.vote, election.count))


@given(TOLERANT_VOTES, RULES)
def test_no_seat_has_more_behind_it_than_the_one_elected_and_none_before_it_has_as_many(votes, rule):
    behind = [len([vote for vote in votes if backs(vote, other, rule)]) for other in votes]
    election = elect(votes, rule)
    if election is None:
        assert all(2 * count <= len(votes) for count in behind)
    else:
        assert 2 * election.count > len(votes)
        assert all(count < election.count for count in behind[: election.seat])
        assert all(count <= election.count for count in behind)


@given(TOLERANT_VOTES, RULES)
def test_to_be_behind_another_is_mutual_and_everyone_who_spoke_is_behind_itself(votes, rule):
    for vote in votes:
        assert backs(vote, vote, rule) == (vote not in SILENT)
        for other in votes:
            assert backs(vote, other, rule) == backs(other, vote, rule)


@given(VOTES)
def test_with_digests_for_sketches_and_no_tolerance_both_rules_are_one(votes):
    sketched = [Vote(ballot=v.ballot, digest=v.digest, answer=v.answer, sketch=v.digest) for v in votes]
    assert elect(sketched, EXACT) == elect(sketched, hamming(0))


@given(TOLERANT_VOTES, st.integers(0, 255))
def test_more_tolerance_never_loses_a_majority(votes, tolerance):
    if (election := elect(votes, hamming(tolerance))) is not None:
        wider = elect(votes, hamming(tolerance + 1))
        assert wider is not None
        assert wider.count >= election.count


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_distance_is_a_metric(one, two, three):
    a, b, c = (word.to_bytes(32) for word in (one, two, three))
    differing = [x for x, y in zip(f"{one:0256b}", f"{two:0256b}", strict=True) if x != y]
    assert distance(a, b) == len(differing) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


def test_outcomes_are_what_a_seat_did_against_what_was_agreed():
    for winner in (A, None):
        assert outcome_of(ABSENT, winner, EXACT) is Outcome.ABSENT
        assert outcome_of(WITHHELD, winner, EXACT) is Outcome.WITHHELD
    assert outcome_of(A, A, EXACT) is Outcome.PAID
    assert outcome_of(B, A, EXACT) is Outcome.DEVIATED
    assert outcome_of(A_OTHERWISE, A, EXACT) is Outcome.DEVIATED
    assert outcome_of(REFUSAL, A, EXACT) is Outcome.REFUSED
    for vote in (A, B, REFUSAL):
        assert outcome_of(vote, None, EXACT) is Outcome.UNPAID, "without a result nobody who revealed is at fault"


@given(TOLERANT_VOTES, RULES)
def test_a_job_pays_the_neighbours_of_its_result_and_mere_distance_is_no_fault(votes, rule):
    election, due = elect(votes, rule), outcomes(votes, rule)
    assert len(due) == len(votes)
    settled = election is not None and election.vote.ballot is Ballot.CAST
    assert due.count(Outcome.PAID) == (election.count if settled else 0)
    if not settled or rule.kind is AggregationRule.HAMMING:
        assert Outcome.DEVIATED not in due
    if not settled:
        assert Outcome.REFUSED not in due


def test_a_majority_of_refusals_pays_nobody_and_blames_nobody_who_spoke():
    assert outcomes([REFUSAL, REFUSAL, REFUSAL, A, ABSENT], EXACT) == (
        *[Outcome.UNPAID] * 4,
        Outcome.ABSENT,
    )


def test_a_quote_covers_the_longest_course_of_a_job():
    have = quote(3, vrf_fee=7, author_fee=11, seat_fee=100, delivery_fee_per_gas=2, callback_gas=50)
    assert have == 7 + 11 + 15 * 100 + 2 * 50
