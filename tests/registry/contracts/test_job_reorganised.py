"""A chain that takes three blocks back at every stage of a job: what is lost is done again, and it ends the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.scene import CONFORMS, ETHER, SALT, Scene

from registry.contracts.types import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH = 3
SEATS = 3
#: Transactions from a request to the end: the request, the draw, commitments, reveals, the settlement, the end.
STEPS = 2 + 2 * SEATS + 2


@pytest.fixture(scope="module")
def shared(shared_chain: Any, deployment: Any, account: Any) -> Iterator[Scene]:
    with shared_chain.anchor():
        made = Scene.of(shared_chain, deployment, account)
        made.add_operator()
        made.add_validators([ETHER] * 5)
        made.approve_kernel()
        yield made


@pytest.fixture
def scene(shared: Scene) -> Iterator[Scene]:
    with shared.chain.anchor():
        shared.chain.mine(DEPTH)  # what is taken back is this test's
        yield shared


def step(scene: Scene, job: bytes | None) -> bytes | None:
    """The next transaction of a job, in a block of its own; None when there is none left."""
    status = JobStatus.UNKNOWN if job is None else scene.market.status_of(job)
    if job is None or status is JobStatus.UNKNOWN:
        return scene.request(SEATS)
    if status is JobStatus.REQUESTED:
        scene.open(job)
    elif status is JobStatus.COMMITTING:
        state = scene.state(job)
        seat = next(seat for seat in state.round_seats if seat.commitment is None)
        commitment = scene.commitment(job, state.round, seat.member, CONFORMS)
        call = scene.market.commit(job, state.terms, state.progress, commitment)
        scene.transact(scene.validators[seat.member], call)
    elif status is JobStatus.REVEALING:
        state = scene.state(job)
        silent = [seat for seat in state.round_seats if seat.attestation is None]
        if not silent:
            scene.settle(job)
            return job
        call = scene.market.reveal(job, state.terms, state.progress, CONFORMS, SALT)
        scene.transact(scene.validators[silent[0].member], call)
    elif status is JobStatus.SETTLED:
        scene.finalise(job)
    else:
        return None
    return job


@pytest.mark.parametrize("stage", range(1, STEPS + 1))
def test_a_reorganisation_of_three_blocks_at_any_stage_costs_only_what_it_took_back(scene: Scene, stage: int):
    stakes = {who: scene.staking.validator(who).stake for who in scene.validators}
    owed = {who: scene.market.credit_of(who) for who in scene.validators}
    held = scene.chain.balance(scene.market.address) - sum(owed.values())
    job: bytes | None = None
    for _ in range(stage):
        job = step(scene, job)
    assert job is not None
    before = scene.market.status_of(job)
    scene.chain.rpc.call("anvil_reorg", DEPTH, [])
    assert scene.market.status_of(job) <= before
    while (next_ := step(scene, job)) is not None:
        job = next_
    state = scene.state(job)
    assert (state.status, state.progress.result.digest) == (JobStatus.FINALISED, CONFORMS.digest)
    assert stakes == {who: scene.staking.validator(who).stake for who in scene.validators}
    paid = {who: scene.market.credit_of(who) - owed[who] for who in scene.validators}
    assert paid == {who: state.terms.seat_fee if who in state.committee else 0 for who in scene.validators}
    others = scene.chain.balance(scene.market.address) - sum(owed.values()) - sum(paid.values())
    assert others - held == state.terms.author_fee + (15 - SEATS) * state.terms.seat_fee  # the author's, and the refund
