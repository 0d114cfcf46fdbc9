"""Python and Solidity settle the same: the rule on thousands of votes, the contract on jobs from request to payment."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import deployed
from support.scene import ETHER, Scene, attestation

from aivm import settlement
from aivm.digests import Digest
from aivm.settlement import REFUSAL, Fault, SettlementError, Vote
from registry.contracts.types import Attestation, JobStatus

SEEDS = st.integers(min_value=0, max_value=2**64 - 1)
ENVIRONMENT = b"\x0e" * 32


@pytest.fixture(scope="module")
def harness(shared_chain, account):
    return deployed("SettlementHarness", shared_chain, account("harness"))


@settings(max_examples=10)
@given(SEEDS)
def test_the_rule_agrees_on_any_votes(harness, seed):
    source = random.Random(seed)
    cases = []
    for _ in range(300):
        pool = [REFUSAL, *(Vote(Digest(source.randbytes(32)), source.randbytes(32)) for _ in range(3))]
        pool.append(Vote(pool[1].digest, pool[2].answer))
        favourite = source.choice(pool)
        votes = [
            favourite if source.random() < source.choice([0.3, 0.6]) else source.choice(pool)
            for _ in range(source.randrange(16))
        ]
        cases.append((len(votes) + source.choice([0, 0, 1, source.randrange(16)]), votes))
    encoded = [(seats, [(bytes(vote.digest), vote.answer) for vote in votes]) for seats, votes in cases]
    winners, counts = harness.read("settle", encoded)
    for (seats, votes), winner, count in zip(cases, winners, counts, strict=True):
        mine = settlement.settle_exact(seats, votes)
        theirs = Vote(Digest(winner["digest"]), winner["answer"]) if count else None
        assert theirs == mine, (seats, votes)
        assert count == (votes.count(mine) if mine else 0)


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


@pytest.fixture(scope="module")
def scene(shared_chain, deployment, account):
    with shared_chain.anchor():
        made = Scene.of(shared_chain, deployment, account)
        made.add_operator()
        made.add_validators([ETHER * (1 + place % 5) for place in range(18)])
        made.approve_kernel()
        yield made


def behaviours(source, members):
    """For each member: "absent", None (withholds), or what it reveals. Some committees mostly agree, some do not."""
    answers = [
        attestation(digest=b"\xaa" * 32, answer=bytes(32)),
        attestation(digest=b"\xaa" * 32, answer=b"\x01" * 32),
        attestation(digest=b"\xbb" * 32, answer=bytes(32)),
        Attestation(digest=bytes(32), answer=bytes(32), sketch=bytes(32), environment=ENVIRONMENT),
    ]
    favourite, agreement = source.choice(answers), source.choice([0.2, 0.5, 0.8, 1.0])
    return {
        member: favourite if source.random() < agreement else source.choice(["absent", None, *answers])
        for member in members
    }


def vote_of(behaviour):
    return Vote(Digest(behaviour.digest), behaviour.answer) if isinstance(behaviour, Attestation) else None


def play(scene, seed):
    """Plays one job with random behaviour, comparing every step with the rule; returns how it ended."""
    source = random.Random(seed)
    market = scene.market
    size = source.choice([3, 5, 7])
    job = scene.request(size)
    members = list(scene.open(job).event("CommitteeDrawn")["members"])
    assert len(members) == size
    acts = behaviours(source, members)
    round_, drawn = 0, members
    while True:
        scene.vote(job, round_, {who: acts[who] for who in drawn if acts[who] != "absent"})
        receipt = scene.settle(job)
        majority = settlement.settle_exact(len(members), [vote_of(act) for act in acts.values()])
        grown = settlement.next_size(len(members))
        if majority is not None or grown is None or round_ == settlement.LAST_ROUND:
            break
        round_ += 1
        drawn = list(receipt.event("CommitteeDrawn")["members"])
        assert receipt.event("CommitteeDrawn")["round"] == round_
        members += drawn
        assert len(members) == grown
        acts |= behaviours(source, drawn)
    if majority is not None and not majority.is_refusal:
        assert market.job_of(job).status is JobStatus.SETTLED
        settled = receipt.event("JobSettled")
        assert (settled["digest"], settled["answer"]) == (bytes(majority.digest), majority.answer)
        assert settled["votes"] == sum(vote_of(act) == majority for act in acts.values())
        assert settled["committee"] == len(members)
        receipt = scene.finalise(job)
    else:
        assert market.job_of(job).status is JobStatus.FAILED
        assert receipt.event("JobFailed")["reason"] == ("refused" if majority else "no majority")
    faults = {log["validator"]: log["fault"] for log in receipt.events if log.event == "ValidatorFaulted"}
    mine = {
        who: settlement.fault_of(committed=act != "absent", vote=vote_of(act), majority=majority)
        for who, act in acts.items()
    }
    assert faults == {who: fault for who, fault in mine.items() if fault is not None}
    paid = {log["validator"] for log in receipt.events if log.event == "ValidatorPaid"}
    assert paid == {who for who, act in acts.items() if majority not in {None, REFUSAL} and vote_of(act) == majority}
    return market.job_of(job).status, round_, Counter(faults.values())


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
    assert set(faults) == {Fault.ABSENT, Fault.WITHHELD, Fault.DEVIATED, Fault.REFUSED}


def test_the_quote_is_the_rules(scene):
    parameters = scene.market.parameters()
    fee, author_fee = scene.vrf.fee(), scene.registry.terms_of(scene.kernel)[2]
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
