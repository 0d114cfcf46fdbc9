"""Which duty a job asks of a validator: a pure function of what the chain shows."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.contracts.types import JobStatus, RandomnessStatus

if TYPE_CHECKING:
    from registry.contracts.types import RandomnessRequest
    from registry.jobs import Job, Seat


class Duty(enum.StrEnum):
    """One step that a validator can take for a job."""

    REASSIGN = "reassign"  # the VRF operator is late: slash it, give the request to the next one
    OPEN = "open"  # answer the randomness request, or draw with an answer that is there
    OPEN_TOGETHER = "open together"  # the same, and settle at once by what all members have signed and opened
    OPEN_FOR = "open for the operator"  # with its proof, which it has handed over and does not bring
    EXPIRE = "expire"  # no committee in time
    AGREE = "agree"  # with all other members on the list of commitments; and show the opening when all have signed it
    TOGETHER = "settle together"  # by that list, and everybody's opening
    HAND_IN = "hand in"  # give the members the proof, the commitment, signed for a batch, or the opening
    BATCH = "commit the batch"
    COMMIT = "commit"  # alone
    REVEAL = "reveal"  # alone
    SETTLE = "settle"
    DELIVER = "deliver"
    FINALISE = "finalise"
    WAIT = "wait"
    DROP = "drop"  # nothing is left to do for this job


#: Anyone can take these, one is enough: the members take turns, so that they do not all pay for the same step.
SHARED = frozenset(
    {
        Duty.REASSIGN,
        Duty.EXPIRE,
        Duty.OPEN_TOGETHER,
        Duty.OPEN_FOR,
        Duty.TOGETHER,
        Duty.BATCH,
        Duty.SETTLE,
        Duty.DELIVER,
        Duty.FINALISE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a validator sees of one job.

    Attributes:
        job: and its status by the clock.
        now: the chain's time, in seconds.
        seat: the validator's own, if it has one.
        randomness: the request for the seed, while the job waits for it.
        my_turn_to_prove: whether that request is this validator's to answer.
        ahead: the job as the proof that is here will draw it, while the chain has not; `seat`, `listed` and `opened`
            are about that one then.
        early: whether there is time to do its first round before it is opened.
        relayed: whether commitments and openings are exchanged with the other members.
        listed: whether all members' signatures of the list that this one has signed are here.
        handed_in: members of this round whose signed commitments are here, and not yet on chain.
        opened: members of this round whose openings are here.
    """

    job: Job
    now: int
    seat: Seat | None
    randomness: RandomnessRequest | None
    my_turn_to_prove: bool
    ahead: Job | None = None
    early: bool = False
    relayed: bool = False
    listed: bool = False
    handed_in: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()


def duty(situation: Situation) -> Duty:
    """The step that is due now, for this validator."""
    job, now = situation.job, situation.now
    match job.status:
        case JobStatus.REQUESTED:
            return _before_the_draw(situation)
        case JobStatus.COMMITTING | JobStatus.REVEALING:
            return _in_round(situation)
        case JobStatus.SETTLED:
            if job.undelivered:
                return Duty.DELIVER
            return Duty.FINALISE if now > job.deadline else Duty.WAIT
        case JobStatus.FINALISED if job.undelivered:
            return Duty.DELIVER
        case _:
            return Duty.DROP


def _in_round(situation: Situation) -> Duty:
    job, seat = situation.job, situation.seat
    mine = seat is not None and seat.round == job.round
    if job.status is JobStatus.COMMITTING:
        return _committing(situation) if mine and seat is not None and seat.commitment is None else Duty.WAIT
    late = situation.now > job.deadline
    committed = [each for each in job.round_seats if each.commitment is not None]
    if late or all(each.attestation is not None or each.member in situation.opened for each in committed):
        return Duty.SETTLE
    if mine and seat is not None and seat.commitment is not None and seat.attestation is None:
        # An opening that nobody used by half of the time may have been left out on purpose.
        alone = not situation.relayed or situation.now > job.deadline - job.terms.reveal_window // 2
        return Duty.REVEAL if alone else Duty.HAND_IN
    return Duty.WAIT


def _committing(situation: Situation) -> Duty:
    """By the list of all in the first half of the time, then in a batch of all, later of most; alone in the end.

    Who has all signatures of the list has shown its opening, or could have: it does not commit otherwise before the
    last eighth, since it can bring the list by itself, even without the openings of others.
    """
    job, left = situation.job, situation.job.deadline - situation.now
    window = job.terms.commit_window
    if not situation.relayed:
        return Duty.COMMIT
    if situation.listed and left > window // 8:
        return Duty.TOGETHER if _complete(situation, job) or left <= 3 * window // 8 else Duty.AGREE
    if job.progress.batch or left <= window // 4:
        return Duty.COMMIT
    handed_in, seats = len(situation.handed_in), len(job.round_seats)
    waiting = sum(seat.commitment is None for seat in job.round_seats)
    # Who has committed alone signs no list, and nobody waits for it.
    if left > window // 2 and waiting == seats:
        return Duty.AGREE
    enough = handed_in == waiting or left <= 3 * window // 8
    return Duty.BATCH if 2 * handed_in > seats and enough else Duty.HAND_IN


def _complete(situation: Situation, job: Job) -> bool:
    return situation.listed and all(seat.member in situation.opened for seat in job.round_seats)


def _ahead(situation: Situation, job: Job) -> Duty:
    """What is due for a job that is not open, and whose proof is here."""
    if _complete(situation, job):
        return Duty.OPEN_TOGETHER
    if situation.early and situation.seat is not None:
        return Duty.AGREE
    if situation.my_turn_to_prove:
        return Duty.HAND_IN if situation.early else Duty.OPEN
    # Whoever has shown its opening must not let the operator have the seed replaced.
    return Duty.WAIT if situation.early else Duty.OPEN_FOR


def _before_the_draw(situation: Situation) -> Duty:
    now, randomness = situation.now, situation.randomness
    assert randomness is not None
    in_time = now <= situation.job.deadline
    if in_time and situation.ahead is not None:
        return _ahead(situation, situation.ahead)
    if in_time and (randomness.status is RandomnessStatus.FULFILLED or situation.my_turn_to_prove):
        return Duty.OPEN
    # Also when the job is too late to be saved: the silent operator is slashed, and the fee goes back.
    late = randomness.status is RandomnessStatus.PENDING and now > randomness.deadline
    if late or randomness.status is RandomnessStatus.STALLED:
        return Duty.REASSIGN
    return Duty.WAIT if in_time and randomness.status is RandomnessStatus.PENDING else Duty.EXPIRE
