"""Committees that do their round on the operator's proof, and open and settle their job in one transaction."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.town import ETHER, VRF_KEY, Exchange, Town, Wire, held_out

from aivm import vrf
from registry import requester
from registry.contracts.types import JobStatus, Outcome, RandomnessStatus
from registry.deployment import deploy
from registry.parameters import DEVELOPMENT_MARKET, BoundParameters, Parameters, StakingParameters, VrfParameters
from registry.relay import HandedList, HandedOpening, HandedPledge, HandedProof, Relay, RelayError
from registry.relay.messages import to_hex
from registry.validator import Duty

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry.relay.messages import Handed
    from registry.validator import Step, Validator

IMAGES, LABELS = held_out()
GRACE = 1000.0
#: Windows that a busy machine does not come to the end of.
ROOMY = Parameters(
    vrf=VrfParameters(answer_window=200),
    staking=StakingParameters(epoch_length=3600),
    market=replace(DEVELOPMENT_MARKET, open_window=800),
    bounds=BoundParameters(least_open_window=700, longest_draw=3600),
)


@pytest.fixture(scope="module")
def settled(shared_chain: Any, account: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, bytes]]:
    """Three validators, the first of which proves, and an admitted kernel."""
    with pytest.MonkeyPatch.context() as patch, shared_chain.anchor(), ExitStack() as stack:
        patch.setattr("registry.relay.relay.AGAIN_SECONDS", 0)
        deployment = deploy(shared_chain, account("deployer"), ROOMY)
        town = Town.of(shared_chain, deployment, account, tmp_path_factory.mktemp("town"), stack)
        town.settle_in(3, relayed=True, grace=GRACE, stake=20 * ETHER)  # so that many a slash leaves everybody drawn
        yield town, town.admit()


@pytest.fixture
def town(settled: tuple[Town, bytes]) -> Iterator[Town]:
    """Everybody is honest again, and is heard by all, when a test begins."""
    town, _ = settled
    before = {name: (validator, validator.relay) for name, validator in town.validators.items()}
    yield town
    town.validators = {name: validator for name, (validator, _) in before.items()}
    for validator, relay in before.values():
        validator.relay, validator.grace, validator.vrf_key = relay, GRACE, None
    town.validators["validator 0"].vrf_key = VRF_KEY


@pytest.fixture
def job(town: Town, settled: tuple[Town, bytes]) -> bytes:
    """A job that has just been requested."""
    job = town.ask(settled[1], IMAGES[:1])
    town.network.chain.mine(2)  # deep enough to be proven
    return job


def told(town: Town, job: bytes, *event: str) -> list[Any]:
    return town.network.chain.logs(town.network.market, *event, topics={"job": job})


def faults(town: Town, job: bytes) -> dict[str, Outcome]:
    return {log["validator"]: log["fault"] for log in told(town, job, "ValidatorFaulted")}


def transactions(town: Town, job: bytes) -> int:
    return len({log.transaction for log in told(town, job)})


def tick(town: Town, times: int = 1) -> list[Step]:
    return [step for _ in range(times) for validator in town.validators.values() for step in validator.tick()]


def finish(town: Town, job: bytes) -> None:
    """Lets everybody work until the job is over, and right."""
    assert town.work(job) is JobStatus.FINALISED
    assert int.from_bytes(requester.fetch(town.network, job).answer) == LABELS[0]


def run_out_of_grace(town: Town) -> None:
    for validator in town.validators.values():
        validator.grace = 1e-9


def status(town: Town, job: bytes) -> JobStatus:
    return town.network.market.status_of(job)


def board(validator: Validator) -> Any:
    assert validator.relay is not None
    return validator.relay.board


class Deaf(Exchange):
    """Passes on everything but some kinds of messages."""

    def __init__(self, town: Town, *lost: type) -> None:
        super().__init__()
        self.town, self.lost = town, lost

    def send(self, endpoints: Iterable[str], message: Handed) -> None:
        """See `registry.relay.relay.Peers`."""
        if not isinstance(message, self.lost):
            self.town.exchange.send(endpoints, message)


def put(validator: Validator, peers: Exchange) -> None:
    validator.relay = Relay(board(validator), peers)


def lose(town: Town, *kinds: type) -> None:
    """Nobody hears messages of these kinds any more; of no kinds, to hear all again."""
    for validator in town.validators.values():
        put(validator, Deaf(town, *kinds))


def test_a_job_of_three_takes_three_transactions(town: Town, job: bytes):
    steps = [step.duty for step in tick(town, 6)]
    assert steps == [Duty.OPEN_TOGETHER]
    assert status(town, job) is JobStatus.SETTLED
    finish(town, job)
    assert [log.event for log in told(town, job)] == [
        "JobRequested",
        "CommitteeDrawn",
        "RoundOpened",
        "JobSettled",
        "JobFinalised",
    ]
    assert transactions(town, job) == 3, "the request, all the members, the end"
    assert faults(town, job) == {}
    seed = town.state(job).terms.randomness
    assert town.network.vrf.status_of(seed) is RandomnessStatus.FULFILLED


def test_nobody_waits_longer_than_the_grace_and_what_was_said_until_then_counts(town: Town, job: bytes):
    lose(town, HandedOpening)
    tick(town, 6)
    assert status(town, job) is JobStatus.REQUESTED
    run_out_of_grace(town)
    assert [step.duty for step in town.validators["validator 0"].tick()] == [Duty.OPEN]
    lose(town)
    finish(town, job)
    assert len(told(town, job, "RoundOpened")) == 1, "the same signatures, and the same openings"
    assert told(town, job, "BatchCommitted") == []
    assert transactions(town, job) == 4
    assert faults(town, job) == {}


@pytest.mark.parametrize("lost", [HandedProof, HandedPledge, HandedList])
def test_a_round_that_does_not_come_about_is_done_on_the_chain(town: Town, job: bytes, lost: type):
    lose(town, lost)
    tick(town, 4)
    assert status(town, job) is JobStatus.REQUESTED
    run_out_of_grace(town)
    finish(town, job)
    assert faults(town, job) == {}
    assert town.network.vrf.operators()[0].bond == ETHER, "the operator was never late"


def test_the_operator_opens_while_half_of_its_time_is_left_however_long_the_grace(town: Town, job: bytes):
    lose(town, HandedPledge)
    tick(town, 3)
    request = town.network.vrf.request_of(town.state(job).terms.randomness)
    town.network.chain.advance_time(request.deadline - 101 - town.network.chain.now())
    assert town.validators["validator 0"].tick() == []
    town.network.chain.advance_time(2)
    assert [step.duty for step in town.validators["validator 0"].tick()] == [Duty.OPEN]
    finish(town, job)
    assert faults(town, job) == {}


def test_an_operator_that_shows_its_proof_and_then_withholds_it_gets_no_other_seed(town: Town, job: bytes):
    """It has seen the openings and does not like them; but who has shown one has the proof, too."""
    operator = town.validators["validator 0"]
    ear = town.network.staking.validator(operator.account.address).endpoint

    class Whispering(Exchange):
        def send(self, endpoints: Iterable[str], message: Handed) -> None:
            """Only the operator hears openings."""
            heard = [each for each in endpoints if each == ear or not isinstance(message, HandedOpening)]
            town.exchange.send(heard, message)

    for validator in town.validators.values():
        put(validator, Whispering())
    operator._since[job, Duty.OPEN_TOGETHER, 0] = float("inf")
    tick(town, 5)
    assert len(board(operator).openings(job)) == 3, "it has seen all"
    town.validators.pop("validator 0")
    request = town.state(job).terms.randomness
    alpha = town.network.vrf.challenge_of(request)[1]
    wanted = vrf.proof_to_hash(vrf.prove(VRF_KEY, alpha))
    town.network.chain.advance_time(town.network.vrf.request_of(request).deadline - 99 - town.network.chain.now())
    assert Duty.OPEN_FOR in [step.duty for step in tick(town)]
    assert town.state(job).seed == wanted
    finish(town, job)
    assert set(faults(town, job)) <= {operator.account.address}
    assert faults(town, job).get(operator.account.address) in {None, Outcome.WITHHELD}


def test_a_proof_that_is_none_of_this_request_is_refused_and_nobody_pledges_for_it(town: Town, job: bytes):
    town.validators["validator 0"].vrf_key = None  # the operator is silent
    tick(town)
    one = town.validators["validator 1"]
    alpha = town.network.vrf.challenge_of(town.state(job).terms.randomness)[1]
    right = vrf.prove(VRF_KEY, alpha)
    flipped = bytes([right[-1] ^ 1])
    for wrong in (
        vrf.prove(b"\x22" * 32, alpha),  # another operator's
        vrf.prove(VRF_KEY, b"\x00" * 32),  # for another request, or before a reorganisation
        right[:-1] + flipped,
        bytes(81),
    ):
        with pytest.raises(RelayError, match="does not prove the randomness"):
            board(one).take(HandedProof(job=to_hex(job), proof=to_hex(wrong)))
    tick(town, 2)
    assert board(one).proof(job) is None
    assert board(one).pledges(job) == {}
    board(one).take(HandedProof(job=to_hex(job), proof=to_hex(right)))  # by anybody: it proves itself
    assert Duty.OPEN_TOGETHER in [step.duty for step in tick(town, 6)]
    finish(town, job)


def test_a_member_that_opens_the_job_in_between_costs_the_others_one_transaction(town: Town, job: bytes):
    lose(town, HandedOpening)
    tick(town, 4)
    hasty = town.validators["validator 1"]
    proof, _, _ = hasty._drawn[job]
    alpha = town.network.vrf.challenge_of(town.state(job).terms.randomness)[1]
    key = vrf.public_key(VRF_KEY)
    call = town.network.market.open(job, town.state(job).terms, proof + vrf.witness(key, alpha, proof))
    town.network.chain.transact(call, sender=hasty.account)
    assert status(town, job) is JobStatus.COMMITTING
    lose(town)
    finish(town, job)
    assert transactions(town, job) == 4
    assert faults(town, job) == {}


def test_jobs_of_members_without_a_relay_are_opened_at_once(town: Town, settled: tuple[Town, bytes]):
    loner = town.validators["validator 2"]
    own = town.network.staking.validator(loner.account.address)
    town.network.chain.transact(town.network.staking.stake(own.environment_class, ""), sender=loner.account, value=1)
    try:
        job = town.ask(settled[1], IMAGES[:1])
        town.network.chain.mine(2)
        assert [step.duty for step in town.validators["validator 0"].tick()] == [Duty.OPEN]
        finish(town, job)
        assert faults(town, job) == {}
    finally:
        call = town.network.staking.stake(own.environment_class, own.endpoint)
        town.network.chain.transact(call, sender=loner.account, value=1)


def test_a_seed_that_a_reorganisation_replaced_takes_its_round_along(town: Town, settled: tuple[Town, bytes]):
    """What was pledged, signed and opened for the old seed counts for nothing; the new one's round is done anew."""
    chain = town.network.chain
    job = town.ask(settled[1], IMAGES[:1])
    chain.mine(2)
    lose(town, HandedOpening)
    tick(town, 4)
    one = town.validators["validator 1"]
    old = board(one).proof(job)
    assert old is not None
    assert board(one).openings(job)
    chain.rpc.call("anvil_reorg", chain.block_number() - town.state(job).block + 1, [])
    assert town.ask(settled[1], IMAGES[:1]) == job, "the same count, and so the same name"
    chain.mine(2)
    lose(town)
    assert Duty.OPEN_TOGETHER in [step.duty for step in tick(town, 6)]
    assert board(one).proof(job) != old
    finish(town, job)
    assert faults(town, job) == {}


@pytest.mark.parametrize("seed", range(3))
def test_no_member_is_at_fault_and_no_operator_late_whatever_the_network_does(town: Town, job: bytes, seed: int):
    wire = Wire(honest=town.exchange, chance=random.Random(seed))
    people = list(town.validators.values())
    for validator in people:
        put(validator, wire)
    for _ in range(200):
        wire.chance.shuffle(people)
        for validator in people:
            if wire.chance.random() < 0.8:
                validator.tick()
        if status(town, job) in {JobStatus.SETTLED, JobStatus.FINALISED}:
            break
        town.network.chain.advance_time(wire.chance.randrange(1, 4))
    finish(town, job)
    assert faults(town, job) == {}
    assert [operator.bond for operator in town.network.vrf.operators()] == [ETHER]
