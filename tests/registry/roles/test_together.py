"""Committees that settle in one transaction, and members that are out to copy, to withhold, to have others blamed."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from support.town import ETHER, Exchange, Town, Wire, held_out

from registry import requester
from registry.contracts.types import Attestation, JobStatus, Outcome
from registry.ids import commit_digest, commitment, pledge_digest, round_digest
from registry.relay import HandedCommitment, HandedList, HandedOpening, HandedPledge, Relay, RelayError
from registry.relay.messages import from_hex, to_hex
from registry.relay.signatures import sign
from registry.validator import Duty

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry.jobs import Job
    from registry.relay.messages import Handed
    from registry.validator import Validator

IMAGES, LABELS = held_out()
#: What a member says that has not computed anything.
GUESS = Attestation(digest=b"\x66" * 32, answer=bytes(32), sketch=bytes(32), environment=b"\x0e" * 32)
SALT = b"\x5a" * 32


@pytest.fixture(scope="module")
def settled(
    shared_chain: Any, deployment: Any, account: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Town, bytes]]:
    """Three validators and an admitted kernel, for all tests here: each asks for jobs of its own."""
    with pytest.MonkeyPatch.context() as patch, shared_chain.anchor(), ExitStack() as stack:
        patch.setattr("registry.relay.relay.AGAIN_SECONDS", 0)
        town = Town.of(shared_chain, deployment, account, tmp_path_factory.mktemp("town"), stack)
        town.settle_in(3, relayed=True, stake=50 * ETHER)  # so that many a slash leaves everybody drawn
        yield town, town.admit()


@pytest.fixture
def town(settled: tuple[Town, bytes]) -> Iterator[Town]:
    """Everybody is honest again, and is heard by all, when a test begins."""
    town, _ = settled
    before = dict(town.validators)
    relays = {name: validator.relay for name, validator in before.items()}
    boards = dict(town.exchange.boards)
    yield town
    town.exchange.boards = boards
    town.validators = before
    for name, relay in relays.items():
        before[name].relay = relay


@pytest.fixture
def job(town: Town, settled: tuple[Town, bytes]) -> bytes:
    """A job whose committee is drawn, and has done nothing yet."""
    job = town.ask(settled[1], IMAGES[:1])
    while town.network.market.status_of(job) is JobStatus.REQUESTED:
        town.validators["validator 0"].tick()
    return job


def faults(town: Town, job: bytes) -> dict[str, Outcome]:
    logs = town.network.chain.logs(town.network.market, "ValidatorFaulted", topics={"job": job})
    return {log["validator"]: log["fault"] for log in logs}


def told(town: Town, job: bytes, event: str) -> list[Any]:
    return town.network.chain.logs(town.network.market, event, topics={"job": job})


def finish(town: Town, job: bytes) -> None:
    """Lets everybody work until the job is over, and right."""
    assert town.work(job) is JobStatus.FINALISED
    assert int.from_bytes(requester.fetch(town.network, job).answer) == LABELS[0]


def tick(town: Town, times: int = 1) -> None:
    for _ in range(times):
        for validator in town.validators.values():
            validator.tick()


def until_left(town: Town, job: bytes, eighths: int) -> None:
    """Moves the clock to where that many eighths of the commit window are left."""
    state = town.state(job)
    left = eighths * state.terms.commit_window // 8
    town.network.chain.advance_time(state.deadline - left - town.network.chain.now())


@dataclass
class Rogue:
    """A member that says what it likes to whom it likes; it has a seat, and the key that goes with it.

    Attributes:
        town: where it sits among honest ones.
        job: of which it is a member.
        validator: whose place it took.
    """

    town: Town
    job: bytes
    validator: Validator

    @property
    def state(self) -> Job:
        return self.town.state(self.job)

    @property
    def me(self) -> str:
        return str(self.validator.account.address)

    def commitment(self, said: Attestation, salt: bytes = SALT) -> bytes:
        named = {"round_": self.state.round, "validator": self.me, "attestation": said, "salt": salt}
        return commitment(**self.deployment(), job=self.job, **named)

    def deployment(self) -> dict[str, Any]:
        return {"chain_id": self.town.network.chain.chain_id, "market": self.town.network.market.address}

    def about(self) -> dict[str, Any]:
        return {**self.deployment(), "job": self.job, "round_": self.state.round, "seed": self.state.seed}

    def name(self) -> dict[str, Any]:
        return {"job": to_hex(self.job), "round": self.state.round, "validator": self.me}

    def sign(self, digest: bytes) -> str:
        return to_hex(sign(self.validator.account, digest))

    def pledges(self, own: bytes, *names: str) -> None:
        signature = self.sign(pledge_digest(**self.about(), commitment=own))
        self.tell(HandedPledge(**self.name(), commitment=to_hex(own), signature=signature), *names)

    def signs_list(self, listed: Iterable[bytes], *names: str) -> None:
        signature = self.sign(round_digest(**self.about(), commitments=list(listed)))
        self.tell(HandedList(**self.name(), signature=signature), *names)

    def commits(self, own: bytes) -> HandedCommitment:
        signature = self.sign(commit_digest(**self.about(), commitment=own))
        return HandedCommitment(**self.name(), commitment=to_hex(own), signature=signature)

    def tell(self, message: Handed, *names: str) -> None:
        for name in names or self.town.validators:
            relay = self.town.validators[name].relay
            assert relay is not None
            relay.board.take(message)


def rogue(town: Town, job: bytes, name: str = "validator 2") -> Rogue:
    """Takes a validator's place in a job, in which the others have pledged."""
    made = Rogue(town=town, job=job, validator=town.validators.pop(name))
    tick(town)
    return made


def board(validator: Validator) -> Any:
    assert validator.relay is not None
    return validator.relay.board


def signed_list(validator: Validator, state: Job) -> tuple[bytes, ...]:
    listed = validator.journal.list_of(state.id, state.round, state.seed)
    assert listed is not None
    return listed


def test_nobody_shows_an_opening_before_it_has_everybody_s_signature_of_the_list(town: Town, job: bytes):
    silent = rogue(town, job)
    silent.pledges(silent.commitment(GUESS))
    tick(town, 5)
    for validator in town.validators.values():
        assert len(signed_list(validator, silent.state)) == 3
        assert len(board(validator).lists(job)) == 2
        assert board(validator).openings(job) == {}
    until_left(town, job, 4)
    tick(town, 2)
    assert all(board(validator).openings(job) == {} for validator in town.validators.values())
    finish(town, job)
    assert told(town, job, "RoundOpened") == []
    assert faults(town, job) == {silent.me: Outcome.ABSENT}


def test_whoever_sees_the_openings_and_holds_its_own_back_is_held_to_what_it_signed(town: Town, job: bytes):
    lazy = rogue(town, job)
    lazy.pledges(lazy.commitment(GUESS))
    tick(town, 2)
    lazy.signs_list(signed_list(town.validators["validator 0"], lazy.state))
    tick(town, 2)
    assert len(board(town.validators["validator 0"]).openings(job)) == 2, "the others have opened"
    until_left(town, job, 3)
    tick(town, 2)
    (batch,) = told(town, job, "BatchCommitted")
    seat = next(place for place, each in enumerate(lazy.state.round_seats) if each.member == lazy.me)
    assert batch["batch"][seat] == lazy.commitment(GUESS)
    finish(town, job)
    assert faults(town, job) == {lazy.me: Outcome.WITHHELD}


def test_an_opening_that_was_shown_cannot_be_copied_though_others_never_saw_the_whole_list(town: Town, job: bytes):
    """The copier shows its signature to one member only, learns that one's opening, and commits to it in a batch."""
    copier = rogue(town, job)
    copier.pledges(copier.commitment(GUESS))
    tick(town, 2)
    one, other = town.validators["validator 0"], town.validators["validator 1"]
    copier.signs_list(signed_list(one, copier.state), "validator 0")
    tick(town)
    shown = board(one).openings(job)[one.account.address]
    until_left(town, job, 4)
    tick(town)
    (handed,) = board(other).commitments(job).values()
    assert handed.validator == other.account.address, "whoever has shown its opening signs nothing for a batch"

    copied = copier.commits(copier.commitment(shown.attestation))
    messages = {handed.validator: handed, copier.me: copied}
    here = [messages.get(seat.member) for seat in copier.state.round_seats]
    batch = [bytes(32) if each is None else from_hex(each.commitment) for each in here]
    signatures = b"".join(from_hex(each.signature) for each in here if each is not None)
    call = town.network.market.commit_batch(job, copier.state.terms, copier.state.progress, batch, signatures)
    town.network.chain.transact(call, sender=copier.validator.account)
    assert town.network.market.status_of(job) is JobStatus.COMMITTING, "it cannot end the phase without the one"

    finish(town, job)
    first, second = told(town, job, "BatchCommitted")
    assert from_hex(copied.commitment) in first["batch"]
    assert copier.commitment(GUESS) in second["batch"]
    assert faults(town, job) == {copier.me: Outcome.WITHHELD}


def test_a_member_that_tells_each_another_commitment_gets_no_opening_and_no_second_list(town: Town, job: bytes):
    liar = rogue(town, job)
    first, second = liar.commitment(GUESS), liar.commitment(GUESS, b"\x5b" * 32)
    liar.pledges(first, "validator 0")
    liar.pledges(second, "validator 1")
    tick(town, 2)
    one, other = town.validators["validator 0"], town.validators["validator 1"]
    lists = signed_list(one, liar.state), signed_list(other, liar.state)
    assert lists[0] != lists[1]
    liar.signs_list(lists[0], "validator 0")
    liar.signs_list(lists[1], "validator 1")
    for name, listed in zip(town.validators, reversed(lists), strict=True):
        with pytest.raises(RelayError, match="the list that this validator has signed is not signed by"):
            liar.signs_list(listed, name)
    with pytest.raises(RelayError, match="has pledged another commitment here before"):
        liar.pledges(second, "validator 0")
    tick(town, 3)
    assert [signed_list(each, liar.state) for each in (one, other)] == list(lists)
    assert all(board(validator).openings(job) == {} for validator in (one, other))
    finish(town, job)
    assert faults(town, job) == {liar.me: Outcome.ABSENT}


def test_a_member_that_pledges_nothing_sees_no_opening_that_it_could_copy(town: Town, job: bytes):
    """Its place in the list would be empty, and it free to commit alone to what the others have shown."""
    empty = rogue(town, job)
    for refused in (empty.pledges, lambda nothing: empty.tell(empty.commits(nothing))):
        with pytest.raises(RelayError, match="commits to nothing"):
            refused(bytes(32))
    tick(town, 3)
    for validator in town.validators.values():
        assert validator.journal.list_of(job, empty.state.round, empty.state.seed) is None
        assert board(validator).openings(job) == {}
    finish(town, job)
    assert faults(town, job) == {empty.me: Outcome.ABSENT}


def test_an_opening_that_would_make_every_settlement_fail_is_refused_and_its_member_held_to_it(town: Town, job: bytes):
    refusal = replace(GUESS, digest=bytes(32), answer=b"\x07" * 32)
    spoiler = rogue(town, job)
    spoiler.pledges(spoiler.commitment(refusal))
    tick(town, 2)
    spoiler.signs_list(signed_list(town.validators["validator 0"], spoiler.state))
    tick(town)
    words = {name: to_hex(getattr(refusal, name)) for name in ("digest", "answer", "sketch", "environment")}
    opening = HandedOpening(**spoiler.name(), **words, salt=to_hex(SALT))
    with pytest.raises(RelayError, match="refuses, and answers all the same"):
        spoiler.tell(opening, "validator 0")
    until_left(town, job, 3)
    tick(town, 2)
    with pytest.raises(RelayError, match="refuses, and answers all the same"):
        spoiler.tell(opening, "validator 0")
    finish(town, job)
    assert faults(town, job) == {spoiler.me: Outcome.WITHHELD}


# --- a machine that stops between two steps


class Killed(BaseException):
    """The process ends here."""


def killed_at(town: Town, name: str, kind: type, job: bytes) -> Validator:
    """Ends a daemon just before it sends such a message, and starts it again with its journal and an empty board."""

    class Dying(Relay):
        def hand_in(self, message: Handed, endpoints: Iterable[str]) -> None:
            if isinstance(message, kind) and from_hex(message.job) == job:
                raise Killed
            super().hand_in(message, endpoints)

    old = town.validators[name]
    old.relay = Dying(board(old), town.exchange)
    for _ in range(10):
        try:
            tick(town)
        except Killed:
            break
    else:
        raise AssertionError(f"{name} never came to send a {kind.__name__}")
    endpoint = town.network.staking.validator(old.account.address).endpoint
    fresh = Relay(town.exchange.open(endpoint, town.board()), town.exchange)
    made = replace(old, relay=fresh, _since={}, _retry_at={}, _failures={}, _asleep={}, _known={}, _tasks={}, _read="")
    town.validators[name] = made
    return made


def test_a_restart_between_journal_and_sending_signs_the_list_that_is_in_the_journal(town: Town, job: bytes):
    liar = rogue(town, job)
    first, second = liar.commitment(GUESS), liar.commitment(GUESS, b"\x5b" * 32)
    liar.pledges(first)
    restarted = killed_at(town, "validator 0", HandedList, job)
    listed = signed_list(restarted, liar.state)
    restarted.tick()
    liar.pledges(second, "validator 0")  # its board is empty, and takes the other one
    tick(town, 3)
    assert signed_list(restarted, liar.state) == listed
    about = {**liar.about(), "commitments": listed}
    me = restarted.account
    sent = board(town.validators["validator 1"]).lists(job)[me.address]
    assert sent.signature == to_hex(sign(me, round_digest(**about)))
    finish(town, job)
    assert faults(town, job) == {liar.me: Outcome.ABSENT}


def test_a_restart_before_the_opening_is_sent_sends_it_and_settles_with_the_rest(town: Town, job: bytes):
    restarted = killed_at(town, "validator 1", HandedOpening, job)
    state = town.state(job)
    assert restarted.journal.way_of(job, state.round, state.seed), "all signatures are kept before the opening is shown"
    finish(town, job)
    assert len(told(town, job, "RoundOpened")) == 1
    assert faults(town, job) == {}


def test_whoever_comes_back_after_its_opening_was_shown_brings_the_list_from_its_journal(town: Town, job: bytes):
    """The others are gone for good, and with them what they had signed: only the journal has it."""
    name = "validator 1"
    restarted = killed_at(town, name, HandedOpening, job)
    gone = [town.validators.pop(other) for other in [*town.validators] if other != name]
    until_left(town, job, 3)
    assert [step.duty for _ in range(3) for step in restarted.tick()] == [Duty.TOGETHER]
    town.validators |= {f"late {place}": each for place, each in enumerate(gone)}
    finish(town, job)
    assert faults(town, job) == {}


# --- a network that does what it likes


@pytest.mark.parametrize("seed", range(5))
def test_no_honest_member_is_at_fault_whatever_the_network_does(town: Town, job: bytes, seed: int):
    wire = Wire(honest=town.exchange, chance=random.Random(seed))
    people = list(town.validators.values())
    for validator in people:
        validator.relay = Relay(board(validator), wire)
    status = town.network.market.status_of
    for _ in range(150):
        wire.chance.shuffle(people)
        for validator in people:
            if wire.chance.random() < 0.8:
                validator.tick()
        if status(job) in {JobStatus.SETTLED, JobStatus.FINALISED}:
            break
        town.network.chain.advance_time(wire.chance.randrange(1, 4))
    assert status(job) in {JobStatus.SETTLED, JobStatus.FINALISED}
    finish(town, job)
    assert faults(town, job) == {}


@pytest.mark.parametrize("last", [HandedPledge, HandedList, HandedOpening])
@pytest.mark.parametrize("hearers", [(), ("validator 0",)], ids=["nobody hears it", "one hears it"])
def test_whenever_a_member_dies_nobody_else_is_at_fault(town: Town, job: bytes, last: type, hearers: tuple[str, ...]):
    dying = town.validators["validator 2"]
    ends = [town.network.staking.validator(town.validators[name].account.address).endpoint for name in hearers]

    class Fading(Exchange):
        ended = False

        def send(self, endpoints: Iterable[str], message: Handed) -> None:
            """Its last words reach only some."""
            self.ended = self.ended or isinstance(message, last)
            town.exchange.send(ends if isinstance(message, last) else endpoints, message)

    wire = Fading()
    dying.relay = Relay(board(dying), wire)
    for _ in range(6):
        if wire.ended:
            break
        tick(town)
    assert wire.ended
    town.validators.pop("validator 2")
    finish(town, job)
    assert set(faults(town, job)) <= {dying.account.address}
    (settled,) = told(town, job, "JobSettled")
    assert settled["votes"] >= 2
