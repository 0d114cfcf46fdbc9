"""A job's first round as its proof will draw it, before the chain has.

Seed and committee are fixed with the request's block; whoever has the operator's proof knows both, can check both, and
can bring them to the chain until the operator's time is over. So members that were handed the proof need not wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm import vrf
from registry.contracts.types import JobStatus, RandomnessStatus
from registry.errors import ContractError
from registry.jobs import drawn

if TYPE_CHECKING:
    from registry.contracts.types import Operator, RandomnessRequest
    from registry.jobs import Job
    from registry.network import Network

#: Of the time that an operator has, the last half is for bringing the proof to the chain: an answer that does not come
#: in time is slashed, and gives the job another seed. A request can wait for three operators, one after the other.
_RESERVES = 2 * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What has to be proven for a request now.

    Attributes:
        operator: who has to.
        alpha: the input of the proof, 32 bytes.
    """

    operator: Operator
    alpha: bytes


def challenge_of(network: Network, id_: bytes, request: RandomnessRequest) -> Challenge | None:
    """The challenge of a request for randomness; None if nobody can answer it now."""
    if request.status not in {RandomnessStatus.PENDING, RandomnessStatus.STALLED}:
        return None
    try:
        index, alpha = network.vrf.challenge_of(id_)
    except ContractError:
        return None  # the request's block is not deep enough yet, or its hash is gone
    return Challenge(operator=network.vrf.operator(index), alpha=alpha)


def has_time(network: Network, request: RandomnessRequest, now: int) -> bool:
    """Whether so much of the operator's time is left that the round can go on before the job is open."""
    return now < request.deadline - network.vrf.maximum_latency() // _RESERVES


def answer_of(challenge: Challenge, proof: bytes) -> bytes:
    """A proof with its witness, as the contracts take it. The witness follows from the proof, whoever made it."""
    return proof + vrf.witness(challenge.operator.public_key, challenge.alpha, proof)


def draw(network: Network, job: Job, challenge: Challenge, proof: bytes, me: str) -> Job | None:
    """The job with the committee that a proof draws.

    Args:
        network: the deployment.
        job: that waits for its seed.
        challenge: of its request.
        proof: over the challenge, verified.
        me: who asks.

    Returns:
        The job in its commit phase; None if the chain does not take the proof, or if a member has no relay.
    """
    terms, seed = job.terms, vrf.proof_to_hash(proof)
    try:
        # Whoever shows an opening before the chain knows the seed relies on this call.
        network.chain.simulate(network.market.open(job.id, terms, answer_of(challenge, proof)), sender=me)
        words = network.staking.draw(seed, terms.committee_size, (), tree=terms.tree, epoch=terms.epoch)
    except ContractError:
        return None
    made = drawn(job, seed=seed, round_=0, words=words, status=JobStatus.COMMITTING)
    others = [member for member in made.committee if member != me]
    reachable = all(network.staking.validator(member).endpoint for member in others)
    return made if reachable and len(words) == terms.committee_size else None
