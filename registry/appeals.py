"""The side of those who know better: run a settled job again here, and take a wrong result to a larger committee.

A canary is a job like any other, requested by somebody who will check it. Nothing tells it from the others before, so a
committee that guesses, copies or colludes can meet one at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.manifest import AggregationRule
from aivm.settlement import Ballot, Rule, Vote, backs, distance
from registry.contracts.types import JobKind, JobStatus
from registry.errors import RegistryError
from registry.jobs import job_of
from registry.requester import ANY_CLASS
from registry.validator.computation import Computation

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.contracts.types import Attestation, Result
    from registry.jobs import Job
    from registry.network import Network

#: Where a job's result is kept when it can be compared.
_WITH_RESULT = {JobStatus.SETTLED, JobStatus.FINALISED}


class AppealError(RegistryError):
    """There is nothing to compare, or nothing to appeal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A result beside what this machine computes.

    Attributes:
        job: as it is on chain.
        here: what this machine would attest; a refusal if it cannot compute the job.
        agrees: whether the two are the same, as the job's rule has it.
        distance: bits between their sketches, under the rule `hamming`; else None.
    """

    job: Job
    here: Attestation
    agrees: bool
    distance: int | None = None


def check(network: Network, job: bytes, *, threads: int | None = None) -> Check:
    """Computes a settled job as a member of its committee does, and compares.

    Args:
        network: the deployment to use.
        job: the job's id.
        threads: of the engine, where the manifest leaves them open.

    Raises:
        AppealError: when the job has no result, or this machine cannot compute it.
    """
    state = job_of(network.market, job)
    if state.status not in _WITH_RESULT:
        raise AppealError(
            f"job 0x{job.hex()} has no result to compare with, it is {state.status.name.lower()}",
            hint="`aivm job watch` waits for one.",
        )
    with Computation(network=network, threads=threads) as computation:
        here = computation.attest(job, state)
    if here.is_refusal:
        raise AppealError(
            f"job 0x{job.hex()} cannot be computed here",
            hint="The log says why. On this machine its result can be neither confirmed nor doubted.",
        )
    terms, result = state.terms, state.result
    rule = Rule(kind=terms.rule, tolerance=terms.tolerance)
    tolerant = terms.rule is AggregationRule.HAMMING
    return Check(
        job=state,
        here=here,
        agrees=backs(_vote(here), _vote(result), rule),
        distance=distance(here.sketch, result.sketch) if tolerant else None,
    )


def _vote(said: Attestation | Result) -> Vote:
    return Vote(ballot=Ballot.CAST, digest=said.digest, answer=said.answer, sketch=said.sketch)


def prepare(network: Network, state: Job, *, environment_class: bytes = ANY_CLASS) -> tuple[Call, int]:
    """The call that appeals a result, and the wei that it costs: the other committee, and the bond.

    Its event, `Appealed`, names the other committee's job.

    Args:
        network: the deployment to use.
        state: the job, settled.
        environment_class: that it was requested for.

    Raises:
        AppealError: when the job is an admission, or its challenge window is not open.
    """
    if state.kind is JobKind.VALIDATION or state.status is not JobStatus.SETTLED:
        raise AppealError(
            f"job 0x{state.id.hex()} is {'an admission' if state.kind is JobKind.VALIDATION else 'not waiting'}: "
            f"its status is {state.status.name.lower()}",
            hint="What can be appealed is the result of an inference, until its challenge window ends.",
        )
    call = network.appeals.appeal(state.id, state.terms, state.progress, environment_class)
    return call, network.appeals.quote(state.terms)


def conclude(network: Network, job: bytes) -> Call:
    """The call that ends an appeal: by the other committee's result, or without one if its job failed.

    Raises:
        AppealError: when there is no open appeal, or the other job is not yet final.
    """
    _, rerun, is_open = network.appeals.appeal_of(job)
    if not is_open:
        raise AppealError(f"job 0x{job.hex()} has no open appeal", hint="`aivm job appeal` makes one.")
    state, other = job_of(network.market, job), job_of(network.market, rerun)
    if other.status is JobStatus.FAILED:
        return network.appeals.abandon(job, state.terms, state.progress)
    if other.status is not JobStatus.FINALISED:
        raise AppealError(
            f"the other committee's job 0x{rerun.hex()} is {other.status.name.lower()}",
            hint="An appeal is resolved by a final result. Validators finalise it after its challenge window.",
        )
    return network.appeals.resolve(job, state.terms, state.progress, other.terms, other.progress)
