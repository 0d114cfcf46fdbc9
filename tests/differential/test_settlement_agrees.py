"""Python and Solidity settle the same: the rules on thousands of votes, the contract on jobs until they are paid."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import deployed
from support.scene import ETHER, REFUSES, Scene, attestation

from aivm import settlement
from aivm.manifest import AggregationRule, DeterminismClass
from aivm.settlement import ABSENT, EXACT, REFUSAL, WITHHELD, Ballot, Outcome, Rule, SettlementError, Vote
from registry import ids
from registry.contracts.manifest_fields import AggregationFields
from registry.contracts.types import JobFailure, JobProgress, JobStatus, Result, outcomes_of
from registry.errors import JobMarketWrongState

SEEDS = st.integers(min_value=0, max_value=2**64 - 1)
#: Cases of the rules: this many batches of a hundred.
BATCHES = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "prove" else 30


@pytest.fixture(scope="module")
def harness(shared_chain, account):
    return deployed("SettlementHarness", shared_chain, account("harness"))


def rule_of(source):
    """Exact, or a tolerance: often one that parts the sketches of `votes_of`."""
    if source.random() < 0.3:
        return EXACT
    tolerance = source.choice([0, 1, 2, 3, 4, 6, 8, 16, 128, 255, 256, source.randrange(257)])
    return Rule(kind=AggregationRule.HAMMING, tolerance=tolerance)


def votes_of(source, rule):
    """Votes of up to fifteen seats, so that about as many cases have a majority as have none."""
    centre = source.getrandbits(256)
    words = [source.randbytes(32) for _ in range(3)]
    stray, honest = source.choice([0.1, 0.3, 0.5, 0.8]), source.choice([1, 1, 3])

    def vote():
        if source.random() < stray:
            return source.choice([ABSENT, WITHHELD, REFUSAL, REFUSAL, another()])
        return another()

    def another():
        flipped = source.choice([0, rule.tolerance // 2, rule.tolerance, rule.tolerance + 1, source.randrange(257)])
        bits = sum(1 << bit for bit in source.sample(range(256), min(flipped, 256)))
        sketch = source.choice([centre ^ bits, centre ^ bits, centre, source.getrandbits(256)])
        digest, answer = source.choice(words[:honest]), source.choice(words[: source.choice([1, 1, 2])])
        return Vote(ballot=Ballot.CAST, digest=digest, answer=answer, sketch=sketch.to_bytes(32))

    return [vote() for _ in range(source.choice([0, 1, 3, 5, 7, 11, 15, source.randrange(16)]))]


@settings(max_examples=BATCHES)
@given(SEEDS)
def test_the_rules_agree_on_any_votes(harness, seed):
    source = random.Random(seed)
    cases = [(rule, votes_of(source, rule)) for rule in (rule_of(source) for _ in range(100))]
    winners, counts, outcomes = harness.read("settle", [(rule.kind, rule.tolerance, votes) for rule, votes in cases])
    for (rule, votes), winner, count, due in zip(cases, winners, counts, outcomes, strict=True):
        election = settlement.elect(votes, rule)
        if election is None:
            assert (count, due) == (0, ()), (rule, votes)
            continue
        assert (election.seat, election.count) == (winner, count), (rule, votes)
        assert due == tuple(settlement.outcome_of(vote, election.vote, rule) for vote in votes), (rule, votes)


def test_the_random_votes_are_not_trivial():
    source, found = random.Random(7), Counter()
    for _ in range(1000):
        rule = rule_of(source)
        election = settlement.elect(votes := votes_of(source, rule), rule)
        found[rule.kind, election and election.vote.ballot] += 1
        found["not the first seat"] += election is not None and votes[0] != election.vote
        found["of several"] += rule.kind is AggregationRule.HAMMING and election is not None and election.count < 15
    assert all(found[kind, end] > 50 for kind in AggregationRule for end in (None, Ballot.CAST))
    assert all(found[kind, Ballot.REFUSED] for kind in AggregationRule)
    assert found["not the first seat"] > 50
    assert found["of several"] > 50


def test_committee_sizes_agree(harness):
    for size in range(40):
        try:
            largest = settlement.largest_committee(size)
        except SettlementError:
            assert not harness.read("isValid", size)
        else:
            assert harness.read("isValid", size)
            assert harness.read("largest", size) == largest
        if size <= settlement.LARGEST_COMMITTEE:
            assert harness.read("grown", size) == (settlement.next_size(size) or size)
    assert harness.read("lastRound") == settlement.LAST_ROUND


# --- whole jobs ---


TOLERANT = Rule(kind=AggregationRule.HAMMING, tolerance=6)


@pytest.fixture(scope="module")
def people(shared_chain, deployment, account):
    with shared_chain.anchor():
        made = Scene.of(shared_chain, deployment, account)
        made.add_operator()
        made.add_validators([ETHER * (1 + place % 5) for place in range(18)])
        yield made


@pytest.fixture
def scene(people):
    with people.chain.anchor():
        people.approve_kernel()
        yield people


@pytest.fixture
def tolerant_scene(people):
    rule = AggregationFields(rule=TOLERANT.kind, sketch="phash-64/1", tolerance=TOLERANT.tolerance)
    with people.chain.anchor():
        people.approve_kernel(aggregation=rule, determinism=DeterminismClass.TOLERANT)
        yield people


def sketched(source):
    """An output of its own, with one of two answers, whose sketch is about as near to others as the tolerance."""
    bits = sum(1 << bit for bit in source.sample(range(64), source.choice([0, 1, 2, 3, 4, 6, 7, 20])))
    answer = source.choice([bytes(32)] * 5 + [b"\x01" * 32])
    return attestation(digest=source.randbytes(32), answer=answer, sketch=bits.to_bytes(32))


def behaviours(source, members, rule):
    """For each member: "absent", None (withholds), or what it reveals. Some committees mostly agree, some do not."""
    if rule.kind is AggregationRule.HAMMING:
        strays = source.choice([0.0, 0.2, 0.5])
        return {
            member: sketched(source) if source.random() >= strays else source.choice(["absent", None, REFUSES, REFUSES])
            for member in members
        }
    answers = [
        attestation(digest=b"\xaa" * 32, answer=bytes(32)),
        attestation(digest=b"\xaa" * 32, answer=b"\x01" * 32),
        attestation(digest=b"\xbb" * 32, answer=bytes(32)),
        REFUSES,
    ]
    favourite, agreement = source.choice(answers), source.choice([0.2, 0.5, 0.8, 1.0])
    return {
        member: favourite if source.random() < agreement else source.choice(["absent", None, *answers])
        for member in members
    }


def vote_of(behaviour):
    if behaviour == "absent":
        return ABSENT
    if behaviour is None:
        return WITHHELD
    if behaviour.is_refusal:
        return REFUSAL
    return Vote(ballot=Ballot.CAST, digest=behaviour.digest, answer=behaviour.answer, sketch=behaviour.sketch)


def play(scene, seed, rule=EXACT):
    """Plays one job with random behaviour, comparing every step with the rule; returns how it ended."""
    source = random.Random(seed)
    job = scene.request(source.choice([3, 5, 7]))
    scene.open(job)
    acts: dict[str, object] = {}
    for round_ in range(settlement.LAST_ROUND + 1):
        state = scene.state(job)
        assert (state.round, state.status) == (round_, JobStatus.COMMITTING)
        assert len(state.committee) == (state.terms.committee_size if not acts else settlement.next_size(len(acts)))
        drawn = [seat.member for seat in state.round_seats]
        acts |= behaviours(source, drawn, rule)
        cast = {who: acts[who] for who in drawn if acts[who] != "absent"}
        openings = scene.vote(job, cast, together=source.random() < 0.5)
        receipt = scene.settle(job, openings)
        votes = [vote_of(acts[who]) for who in scene.state(job).committee[: len(acts)]]
        election = settlement.elect(votes, rule)
        if election is not None or settlement.next_size(len(acts)) is None:
            break
    state, due = scene.state(job), settlement.outcomes(votes, rule)
    if election is not None and election.vote.ballot is Ballot.CAST:
        assert state.status is JobStatus.SETTLED
        settled = receipt.event("JobSettled")
        won = election.vote
        assert state.result == Result(digest=won.digest, answer=won.answer, sketch=won.sketch)
        assert (settled["votes"], outcomes_of(settled["outcomes"], len(due))) == (election.count, due)
        receipt = scene.finalise(job)
    else:
        assert state.status is JobStatus.FAILED
        assert state.failure is (JobFailure.NO_MAJORITY if election is None else JobFailure.REFUSED)
    by_member = dict(zip(state.committee, due, strict=True))
    faults = {log["validator"]: log["fault"] for log in receipt.events if log.event == "ValidatorFaulted"}
    assert faults == {who: each for who, each in by_member.items() if each > Outcome.PAID}
    paid = {account for log in receipt.events if log.event == "CreditedEach" for account in log["accounts"]}
    assert paid == {who for who, each in by_member.items() if each is Outcome.PAID}
    return scene.state(job).status, state.round, Counter(faults.values())


def test_whole_jobs_end_as_the_rule_says(scene):
    ends, faults = Counter(), Counter()
    for seed in range(30):
        with scene.chain.anchor():
            status, round_, found = play(scene, seed)
        ends[status, round_] += 1
        faults += found
    # The cases are not trivial: every outcome, every round and every fault occurs.
    assert {status for status, _ in ends} == {JobStatus.FINALISED, JobStatus.FAILED}
    assert {round_ for _, round_ in ends} == {0, 1, 2}
    assert set(faults) == {Outcome.ABSENT, Outcome.WITHHELD, Outcome.DEVIATED, Outcome.REFUSED}


def test_whole_tolerant_jobs_end_as_the_rule_says(tolerant_scene):
    ends, faults = Counter(), Counter()
    for seed in range(9):
        with tolerant_scene.chain.anchor():
            status, round_, found = play(tolerant_scene, seed, TOLERANT)
        ends[status, round_] += 1
        faults += found
    assert {status for status, _ in ends} == {JobStatus.FINALISED, JobStatus.FAILED}
    assert len({round_ for _, round_ in ends}) > 1
    # Distance is nobody's fault; facts are.
    assert set(faults) <= {Outcome.ABSENT, Outcome.WITHHELD, Outcome.REFUSED}
    assert faults[Outcome.REFUSED]


def random_progress(source):
    """Any state at all, such as no job is ever in."""

    def words(limit):
        return tuple(source.choice([bytes(32), source.randbytes(32)]) for _ in range(source.randrange(limit)))

    ballots = [source.choice(list(Ballot)) for _ in range(source.choice([0, 0, 1, 3, 15]))]
    return JobProgress(
        seed=source.randbytes(32),
        round=source.choice([0, 1, 2, 255]),
        first_seat=source.randrange(256),
        reveal_window=source.getrandbits(32),
        seats=tuple(int.from_bytes(word) for word in words(16)),
        batch=words(16),
        votes=tuple(Vote(ballot=each, digest=source.randbytes(32), answer=source.randbytes(32)) for each in ballots),
        outcomes=source.getrandbits(256),
        result=Result(digest=source.randbytes(32), answer=source.randbytes(32), sketch=source.randbytes(32)),
    )


def test_the_hash_of_a_state_agrees(scene):
    """A settled job says, of what is not its state, the hash."""
    source = random.Random(5)
    with scene.chain.anchor():
        job = scene.request(3)
        scene.open(job)
        scene.settle(job, scene.vote(job, dict.fromkeys(scene.state(job).committee, attestation()), together=True))
        for _ in range(100):
            terms_hash, progress = source.randbytes(32), random_progress(source)
            with pytest.raises(JobMarketWrongState) as caught:
                scene.market.read("verifyResult", job, terms_hash, progress)
            assert caught.value.arguments["have"] == ids.state_hash(terms_hash, progress)


def test_the_quote_is_the_rules(scene):
    parameters = scene.parameters.current()
    fee, author_fee = scene.vrf.fee(), scene.registry.terms_of(scene.kernel).author_fee
    for size in (3, 5, 7):
        for gas in (0, 1, 100_000):
            assert scene.market.quote(scene.kernel, committee_size=size, callback_gas=gas) == settlement.quote(
                size,
                vrf_fee=fee,
                author_fee=author_fee,
                seat_fee=parameters.seat_fee,
                delivery_fee_per_gas=parameters.delivery_fee_per_gas,
                callback_gas=gas,
            )
