"""Committees that exchange what they commit to and reveal: together when all goes well, alone when somebody lies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from support.town import Exchange, held_out

from registry import errors, requester
from registry.contracts.types import JobStatus, Outcome
from registry.relay import HandedCommitment, HandedList, HandedOpening, HandedPledge, RelayError
from registry.relay.messages import from_hex
from registry.validator import Duty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.town import Town

    from registry.relay.messages import Handed

IMAGES, LABELS = held_out()


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain's clock is moved on here, and the relays' own would have to be waited for: hand in at every look."""
    monkeypatch.setattr("registry.relay.relay.AGAIN_SECONDS", 0)


def ready(town: Town, count: int = 3) -> bytes:
    town.settle_in(count, relayed=True)
    return town.admit()


def events(town: Town, job: bytes) -> Counter[str]:
    return Counter(log.event for log in town.network.chain.logs(town.network.market, topics={"job": job}))


def faults(town: Town, job: bytes) -> dict[str, Outcome]:
    logs = town.network.chain.logs(town.network.market, "ValidatorFaulted", topics={"job": job})
    return {log["validator"]: log["fault"] for log in logs}


def finish(town: Town, job: bytes) -> Counter[str]:
    """Lets everybody work until the job is over and right; returns its events."""
    assert town.work(job) is JobStatus.FINALISED
    assert int.from_bytes(requester.fetch(town.network, job).answer) == LABELS[0]
    return events(town, job)


def endpoint(town: Town, name: str) -> str:
    return str(town.network.staking.validator(town.validators[name].account.address).endpoint)


def transactions(town: Town, job: bytes) -> int:
    logs = town.network.chain.logs(town.network.market, topics={"job": job})
    return len({log.transaction for log in logs})


def test_an_honest_committee_commits_opens_and_settles_in_one_transaction(town: Town):
    job = town.ask(ready(town), IMAGES[:1])
    before = town.network.chain.now()
    found = finish(town, job)
    assert found["RoundOpened"] == 1
    assert (found["BatchCommitted"], found["Committed"], found["Revealed"], found["RevealStarted"]) == (0, 0, 0, 0)
    assert transactions(town, job) == 4, "the request, the draw, all the members, the end"
    assert faults(town, job) == {}
    # Nobody waited for a window: only the challenge window passed.
    assert town.network.chain.now() - before < 60


def test_a_dead_validator_costs_the_others_time_and_itself_its_absence(town: Town):
    job = town.ask(ready(town, 4), IMAGES[:1])
    opened(town, job)
    victim = town.state(job).committee[1]
    name = next(name for name, each in town.validators.items() if each.account.address == victim)
    town.exchange.dead.add(endpoint(town, name))
    gone = town.validators.pop(name)
    found = finish(town, job)
    assert (found["BatchCommitted"], found["Committed"]) == (1, 0), "a majority is enough for a batch"
    assert faults(town, job) == {gone.account.address: Outcome.ABSENT}


def opened(town: Town, job: bytes) -> None:
    """Lets the operator draw the committee, and nothing more."""
    while town.network.market.status_of(job) is JobStatus.REQUESTED:
        assert [step.duty for step in town.validators["validator 0"].tick()] in ([], [Duty.OPEN])


def test_a_member_that_nobody_can_reach_commits_and_reveals_alone(town: Town):
    kernel = ready(town)
    cut = town.validators["validator 2"]
    town.exchange.dead.add(endpoint(town, "validator 2"))  # what others hand in does not come here

    class Mute(Exchange):
        def send(self, endpoints: Iterable[str], message: Handed) -> None:
            """Its own messages get lost too."""

    assert cut.relay is not None
    cut.relay = type(cut.relay)(cut.relay.board, Mute())
    job = town.ask(kernel, IMAGES[:1])
    found = finish(town, job)
    assert (found["BatchCommitted"], found["Committed"]) == (1, 1)
    alone = town.network.chain.logs(town.network.market, "Committed", topics={"job": job})
    assert [log["validator"] for log in alone] == [cut.account.address]
    assert faults(town, job) == {}


def test_a_validator_without_a_relay_among_those_with_one_loses_nothing(town: Town):
    kernel = ready(town)
    town.validators["validator 1"].relay = None
    job = town.ask(kernel, IMAGES[:1])
    finish(town, job)
    assert faults(town, job) == {}


@pytest.mark.parametrize("gone", ["validator 0", "validator 1", "validator 2"])
def test_any_other_member_sends_what_all_have_handed_in(town: Town, gone: str):
    """Whoever is first in line dies between handing in and sending: the next one sends."""
    kernel = ready(town)
    job = town.ask(kernel, IMAGES[:1])
    opened(town, job)
    for _ in range(4):  # everybody hands in; nobody sends
        for validator in town.validators.values():
            validator._since[job, Duty.TOGETHER, 0] = float("inf")
            validator.tick()
    for validator in town.validators.values():
        validator._since.clear()
    dead = town.validators.pop(gone)
    assert dead.relay is not None
    assert set(dead.relay.board.openings(job)) == set(town.state(job).committee)
    found = finish(town, job)
    assert (found["RoundOpened"], found["BatchCommitted"], found["Committed"]) == (1, 0, 0)
    assert faults(town, job) == {}, "what it had handed in was enough"


def test_a_batch_is_opened_by_all_but_who_has_died_meanwhile(town: Town):
    kernel = ready(town)
    through(town, without(HandedList))
    job = town.ask(kernel, IMAGES[:1])
    opened(town, job)
    until(town, job, "BatchCommitted")
    town.exchange.dead.add(endpoint(town, "validator 2"))
    dead = town.validators.pop("validator 2")
    found = finish(town, job)
    assert (found["BatchCommitted"], found["Committed"]) == (1, 0)
    assert faults(town, job) == {dead.account.address: Outcome.WITHHELD}, "it committed, and never came back"


def until(town: Town, job: bytes, event: str) -> None:
    """Lets everybody work, a few seconds at a time, until the market tells an event of the job."""
    for _ in range(60):
        for validator in town.validators.values():
            validator.tick()
            if events(town, job)[event]:
                return
        town.network.chain.advance_time(4)
    raise AssertionError(f"no {event} within four minutes")


# --- peers that lie


@dataclass
class Liar(Exchange):
    """Passes messages on as a hostile peer would.

    Attributes:
        honest: what reaches the boards.
        change: makes what is passed on out of what was handed in; nothing at all to withhold it.
        heard: all that came by.
    """

    honest: Exchange = field(default_factory=Exchange)
    change: Callable[[Handed], list[Handed]] = lambda message: [message]
    heard: list[Handed] = field(default_factory=list)

    def send(self, endpoints: Iterable[str], message: Handed) -> None:
        """See `registry.relay.relay.Peers`."""
        self.heard.append(message)
        targets = list(endpoints)
        for each in self.change(message):
            self.honest.send(targets, each)


def through(town: Town, liar: Liar) -> None:
    """Puts a liar between everybody and everybody."""
    liar.honest = town.exchange
    for validator in town.validators.values():
        assert validator.relay is not None
        validator.relay = type(validator.relay)(validator.relay.board, liar)


def without(*kinds: type) -> Liar:
    """A liar that withholds messages of these kinds."""
    return Liar(change=lambda message: [] if isinstance(message, kinds) else [message])


def test_a_relay_that_withholds_everything_only_makes_members_act_alone(town: Town):
    kernel = ready(town)
    through(town, Liar(change=lambda _: []))
    job = town.ask(kernel, IMAGES[:1])
    found = finish(town, job)
    assert (found["BatchCommitted"], found["Committed"], found["Revealed"]) == (0, 3, 3)
    assert faults(town, job) == {}


def test_a_relay_that_withholds_the_openings_only_makes_members_reveal_alone(town: Town):
    kernel = ready(town)
    through(town, without(HandedOpening))
    job = town.ask(kernel, IMAGES[:1])
    before = town.network.chain.now()
    found = finish(town, job)
    assert (found["BatchCommitted"], found["Committed"], found["Revealed"]) == (1, 0, 3)
    assert faults(town, job) == {}
    state = town.state(job)
    waited = town.network.chain.now() - before - state.terms.challenge_window
    commit, reveal = 5 * state.terms.commit_window // 8, state.terms.reveal_window // 2
    assert commit + reveal <= waited < commit + reveal + 25, "for openings in both windows, and no longer"


@pytest.mark.parametrize("kind", [HandedPledge, HandedList])
def test_a_list_that_does_not_become_complete_in_half_of_the_window_is_given_up_for_a_batch(town: Town, kind: type):
    kernel = ready(town)
    through(town, without(kind))
    job = town.ask(kernel, IMAGES[:1])
    before = town.network.chain.now()
    found = finish(town, job)
    assert (found["RoundOpened"], found["BatchCommitted"], found["Committed"], found["Revealed"]) == (0, 1, 0, 3)
    assert faults(town, job) == {}
    state = town.state(job)
    waited = town.network.chain.now() - before - state.terms.challenge_window
    assert state.terms.commit_window // 2 <= waited < state.terms.commit_window // 2 + 15


def test_a_relay_that_forges_gets_nothing_onto_a_board_or_the_chain(town: Town):
    kernel = ready(town)

    def forge(message: Handed) -> list[Handed]:
        other = "0x" + "66" * 32
        if isinstance(message, HandedOpening):
            return [msgspec.structs.replace(message, digest=other), message]
        flipped = message.signature[:-1] + ("0" if message.signature[-1] != "0" else "1")
        moved = [] if isinstance(message, HandedList) else [msgspec.structs.replace(message, commitment=other)]
        return [
            *moved,
            msgspec.structs.replace(message, signature=flipped),
            message,
            msgspec.structs.replace(message, signature="0x" + "00" * 64),
        ]

    through(town, Liar(change=forge))
    job = town.ask(kernel, IMAGES[:1])
    found = finish(town, job)
    assert (found["RoundOpened"], found["BatchCommitted"], found["Committed"], found["Revealed"]) == (1, 0, 0, 0)
    assert faults(town, job) == {}


def test_what_is_replayed_from_another_job_counts_for_nothing(town: Town):
    kernel = ready(town)
    liar = Liar()
    through(town, liar)
    first = town.ask(kernel, IMAGES[:1])
    finish(town, first)
    old = list(liar.heard)
    assert {type(message) for message in old} == {HandedPledge, HandedList, HandedOpening}
    job = town.ask(kernel, IMAGES[:1])
    opened(town, job)
    one = town.validators["validator 0"]
    one.tick()
    assert one.relay is not None
    for message in old:
        with pytest.raises(RelayError, match="not followed here"):
            one.relay.board.take(message)
        with pytest.raises(RelayError):
            one.relay.board.take(msgspec.structs.replace(message, job="0x" + job.hex()))
    found = finish(town, job)
    assert found["RoundOpened"] == 1
    assert faults(town, job) == {}


def test_the_chain_refuses_a_batch_with_a_signature_that_is_not_the_seat_s_by_name(town: Town):
    kernel = ready(town)
    liar = without(HandedPledge)
    through(town, liar)
    job = town.ask(kernel, IMAGES[:1])
    opened(town, job)
    town.network.chain.advance_time(town.state(job).terms.commit_window // 2)
    for validator in town.validators.values():
        validator._since[job, Duty.BATCH, 0] = float("inf")
        validator.tick()
    messages = {each.validator: each for each in liar.heard if isinstance(each, HandedCommitment)}
    state, market, anyone = town.state(job), town.network.market, town.account("anyone")
    handed = [messages[member] for member in state.committee]
    batch = [from_hex(each.commitment) for each in handed]
    signatures = [from_hex(each.signature) for each in handed]

    def send(batch: list[bytes], *signed: bytes) -> Any:
        call = market.commit_batch(job, state.terms, state.progress, batch, b"".join(signed))
        return town.network.chain.transact(call, sender=anyone)

    with pytest.raises(errors.JobMarketWrongSignature) as caught:
        send(batch, signatures[1], *signatures[1:])
    assert caught.value.arguments["validator"] == state.committee[0]
    with pytest.raises(errors.JobMarketWrongSignature):
        send([batch[0], b"\x66" * 32, batch[2]], *signatures)
    with pytest.raises(errors.JobMarketWrongBatch):
        send([batch[0], bytes(32), bytes(32)], signatures[0])
    send([batch[0], bytes(32), batch[2]], signatures[0], signatures[2])  # by anyone at all
    for validator in town.validators.values():
        validator._since.clear()
    found = finish(town, job)
    assert (found["BatchCommitted"], found["Committed"]) == (1, 1), "who was left out committed alone"
    assert faults(town, job) == {}
