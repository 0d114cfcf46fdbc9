"""Jobs rebuilt from events: true ones, taken-back ones, hidden ones and made-up ones."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from support.scene import CONFORMS, ETHER, Scene

from registry import errors
from registry.contracts.types import JobStatus
from registry.errors import RegistryError
from registry.jobs import JobUnknownError, as_of_now, fold, job_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry.chain.receipts import Log


@pytest.fixture(scope="module")
def shared(shared_chain: Any, deployment: Any, account: Any) -> Iterator[Scene]:
    with shared_chain.anchor():
        made = Scene.of(shared_chain, deployment, account)
        made.add_operator()
        made.add_validators([ETHER] * 8)
        made.approve_kernel()
        yield made


@pytest.fixture
def scene(shared: Scene) -> Iterator[Scene]:
    with shared.chain.anchor():
        yield shared


def opened(scene: Scene) -> bytes:
    job = scene.request(3)
    scene.open(job)
    return job


def test_a_job_is_followed_through_all_of_its_states(scene: Scene):
    job = scene.request(3)
    asked = scene.state(job)
    assert (asked.status, asked.committee, asked.requester) == (
        JobStatus.REQUESTED,
        (),
        scene.account("requester").address,
    )
    scene.open(job)
    drawn = scene.state(job)
    assert (drawn.status, len(drawn.committee), drawn.terms) == (JobStatus.COMMITTING, 3, asked.terms)
    openings = scene.vote(job, dict.fromkeys(drawn.committee, CONFORMS), together=True)
    voted = scene.state(job)
    assert voted.status is JobStatus.REVEALING
    assert [seat.commitment is not None for seat in voted.seats] == [True] * 3
    assert [seat.attestation is not None for seat in voted.seats] == [
        seat.member not in openings for seat in voted.seats
    ]
    scene.settle(job, openings)
    settled = scene.state(job)
    assert (settled.status, settled.result.digest) == (JobStatus.SETTLED, CONFORMS.digest)
    assert {seat.attestation for seat in settled.seats} == {CONFORMS}
    scene.finalise(job)
    assert scene.state(job).status is JobStatus.FINALISED


def test_a_state_of_the_past_or_another_job_s_is_refused_by_name(scene: Scene):
    job, other = opened(scene), opened(scene)
    before, strange = scene.state(job), scene.state(other)
    scene.commit_batch(job, dict.fromkeys(before.committee[:2], CONFORMS))
    for state in (before, strange, dataclasses.replace(before, terms=strange.terms)):
        member = before.committee[2]
        call = scene.market.commit(job, state.terms, state.progress, b"\x01" * 32)
        with pytest.raises(errors.JobMarketWrongState, match=job.hex()):
            scene.chain.transact(call, sender=scene.validators[member])
        assert as_of_now(scene.market, dataclasses.replace(state, id=job)) is None
    assert as_of_now(scene.market, scene.state(job)) == scene.state(job)


def test_after_a_reorganisation_the_job_is_what_the_chain_now_says(scene: Scene):
    job = opened(scene)
    drawn = scene.state(job)
    scene.commit_batch(job, dict.fromkeys(drawn.committee, CONFORMS))
    assert scene.state(job).status is JobStatus.REVEALING
    scene.chain.rpc.call("anvil_reorg", 1, [])
    back = scene.state(job)
    assert (back.status, back.progress, back.seats) == (JobStatus.COMMITTING, drawn.progress, drawn.seats)
    depth = scene.chain.block_number() - drawn.block + 1
    scene.chain.rpc.call("anvil_reorg", depth, [])
    with pytest.raises(JobUnknownError, match=job.hex()):
        scene.state(job)


def test_the_same_id_can_come_back_as_another_job(scene: Scene):
    job = scene.request(3)
    scene.chain.rpc.call("anvil_reorg", 1, [])
    assert scene.request(5) == job
    assert scene.state(job).terms.committee_size == 5


# --- an endpoint that lies


def told(monkeypatch: pytest.MonkeyPatch, scene: Scene, change: Callable[[list[Log]], list[Log]]) -> None:
    """Makes the endpoint tell other events than there are."""
    real = scene.chain.logs
    monkeypatch.setattr(scene.chain, "logs", lambda *names, **options: change(real(*names, **options)))


def without(name: str) -> Callable[[list[Log]], list[Log]]:
    return lambda events: [event for event in events if event.event != name]


def altered(name: str, **arguments: Any) -> Callable[[list[Log]], list[Log]]:
    def change(events: list[Log]) -> list[Log]:
        return [
            dataclasses.replace(event, arguments={**event.arguments, **arguments}) if event.event == name else event
            for event in events
        ]

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("JobRequested"),
        without("CommitteeDrawn"),
        without("BatchCommitted"),
        lambda _: [],
        lambda events: events[::-1],
        lambda events: events + [event for event in events if event.event == "CommitteeDrawn"],
        altered("CommitteeDrawn", seed=b"\x01" * 32),
        altered("CommitteeDrawn", round=1),
        altered("BatchCommitted", batch=()),
        altered("BatchCommitted", batch=(b"\x01" * 32,) * 20),
    ],
)
def test_events_that_are_hidden_or_made_up_do_not_give_the_state_and_are_found_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, change: Any
):
    job = opened(scene)
    scene.commit_batch(job, dict.fromkeys(scene.state(job).committee, CONFORMS))
    told(monkeypatch, scene, change)
    with pytest.raises(RegistryError, match="do not give the state"):
        job_of(scene.market, job)


def test_what_is_hidden_of_a_member_that_acted_alone_only_makes_its_seat_look_silent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    job = opened(scene)
    first = scene.state(job).committee[0]
    scene.vote(job, {first: CONFORMS})
    told(monkeypatch, scene, lambda events: without("Revealed")(without("Committed")(events)))
    state = scene.state(job)
    assert (state.status, state.seats[0].commitment, state.seats[0].attestation) == (JobStatus.REVEALING, None, None)
    with pytest.raises(errors.JobMarketNotShown) as caught:
        scene.settle(job)
    assert caught.value.arguments["validator"] == first


def test_without_a_request_there_is_no_job(scene: Scene):
    job = opened(scene)
    events = scene.chain.logs(scene.market, topics={"job": job})
    assert fold(events[1:]) is None
    assert fold([]) is None
    whole = fold(events)
    assert whole is not None
    assert fold(events[1:], fold(events[:1])) == whole
