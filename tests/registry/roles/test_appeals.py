"""Somebody who knows better than a committee, and says so with a bond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.town import held_out

from registry import appeals, requester
from registry.contracts.types import Attestation, JobKind, JobStatus
from registry.credits import owed
from registry.errors import ContractError
from registry.validator import Computation
from registry.validator.validator import NAP_SECONDS

if TYPE_CHECKING:
    from support.town import Town

    from registry.jobs import Job

IMAGES, LABELS = held_out()
GUESS = Attestation(digest=b"\x01" * 32, answer=(11).to_bytes(32), sketch=bytes(32), environment=b"\x0e" * 32)
JUDGES = 7


class Lazy(Computation):
    """Guesses, as all its kind do, where it does not think that anybody looks."""

    def attest(self, job: bytes, state: Job, *, until: float | None = None) -> Attestation:
        """The guess that all agree on, for an inference by a small committee."""
        if state.kind is JobKind.INFERENCE and state.terms.committee_size < JUDGES:
            return GUESS
        return super().attest(job, state, until=until)


def settled(town: Town, kind: type[Computation]) -> bytes:
    """A job that a whole town of one kind has settled."""
    town.settle_in(JUDGES, dict.fromkeys(range(JUDGES), kind))
    job = town.ask(town.admit(), IMAGES[:1])
    for _ in range(100):
        for validator in town.validators.values():
            validator.tick()
        if town.state(job).status is JobStatus.SETTLED:
            return job
    raise AssertionError(town.state(job).status)


def appeal(town: Town, job: bytes) -> bytes:
    """Takes a job to a larger committee, which finishes."""
    call, value = appeals.prepare(town.network, town.state(job))
    receipt = town.network.chain.transact(call, sender=town.account("knower"), value=value)
    rerun = bytes(receipt.event("Appealed")["rerun"])
    assert town.state(rerun).terms.committee_size == JUDGES
    for _ in range(100):
        steps = [step for validator in town.validators.values() for step in validator.tick()]
        status = town.state(rerun).status
        if status is JobStatus.FINALISED:
            return rerun
        if not steps and status is JobStatus.SETTLED:
            town.network.chain.advance_time(11)
    raise AssertionError(town.state(rerun).status)


def conclude(town: Town, job: bytes) -> str:
    """Resolves an appeal; the name of its outcome."""
    receipt = town.network.chain.transact(appeals.conclude(town.network, job), sender=town.account("anyone"))
    return next(log.event for log in receipt.events if log.event.startswith("Appeal"))


def test_a_committee_that_guesses_meets_somebody_who_knows(town: Town):
    job = settled(town, Lazy)
    found = appeals.check(town.network, job)
    assert not found.agrees
    assert int.from_bytes(found.here.answer) == LABELS[0]
    with pytest.raises(appeals.AppealError, match="no open appeal"):
        appeals.conclude(town.network, job)
    lazy = town.state(job).committee
    before = {member: town.network.staking.validator(member).stake for member in lazy}
    appeal(town, job)
    assert conclude(town, job) == "AppealUpheld"
    state = town.state(job)
    assert state.status is JobStatus.FINALISED
    assert int.from_bytes(requester.fetch(town.network, job).answer) == LABELS[0]
    slash = state.terms.deviation_slash
    assert [before[member] - town.network.staking.validator(member).stake for member in lazy] == [slash] * len(lazy)
    debts = {contract.NAME: amount for contract, amount in owed(town.network, town.account("knower").address)}
    assert debts["Appeals"] == slash
    assert debts["ValidatorStaking"] == len(lazy) * slash // 20
    assert appeals.check(town.network, job).agrees
    with pytest.raises(appeals.AppealError, match="no open appeal"):
        appeals.conclude(town.network, job)


def test_who_appeals_what_is_right_loses_the_bond_and_the_job_goes_on(town: Town):
    job = settled(town, Computation)
    assert appeals.check(town.network, job).agrees
    call, value = appeals.prepare(town.network, town.state(job))
    with pytest.raises(ContractError, match="Appeals_FeeTooLow"):
        town.network.chain.transact(call, sender=town.account("knower"), value=value - 1)
    rerun = appeal(town, job)
    assert town.state(job).status is JobStatus.SETTLED
    assert town.state(rerun).result.digest == town.state(job).result.digest
    assert conclude(town, job) == "AppealRejected"
    town.network.chain.advance_time(NAP_SECONDS)  # validators looked when the window was held open
    assert town.work(job) is JobStatus.FINALISED
    assert int.from_bytes(requester.fetch(town.network, job).answer) == LABELS[0]


def test_what_has_no_result_is_neither_checked_nor_appealed(town: Town):
    town.settle_in(3)
    kernel = town.admit()
    job = town.ask(kernel, IMAGES[:1])
    with pytest.raises(appeals.AppealError, match="no result to compare with, it is requested"):
        appeals.check(town.network, job)
    with pytest.raises(appeals.AppealError, match="its status is requested"):
        appeals.prepare(town.network, town.state(job))


def test_an_admission_is_not_appealed(town: Town):
    town.settle_in(3)
    publication = town.publish()
    assert publication.job is not None
    town.work(publication.job)
    with pytest.raises(appeals.AppealError, match="is an admission"):
        appeals.prepare(town.network, town.state(publication.job))
