"""Which duty a job asks of a validator: a pure function of what the chain shows."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from registry.contracts.types import ZERO_ADDRESS, Job, JobStatus, RandomnessRequest, RandomnessStatus, Seat


class Duty(enum.StrEnum):
    """One step that a validator can take for a job."""

    REASSIGN = "reassign"  # the VRF operator is late: slash it, give the request to the next one
    OPEN = "open"  # answer the randomness request, or draw with an answer that is there
    EXPIRE = "expire"  # no committee in time
    COMMIT = "commit"
    REVEAL = "reveal"
    SETTLE = "settle"
    DELIVER = "deliver"
    FINALISE = "finalise"
    WAIT = "wait"
    DROP = "drop"  # nothing is left to do for this job


#: Anyone can take these, one is enough: the members take turns, so that they do not all pay for the same step.
SHARED = frozenset({Duty.REASSIGN, Duty.EXPIRE, Duty.SETTLE, Duty.DELIVER, Duty.FINALISE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a validator sees of one job.

    Attributes:
        job: as stored.
        status: by the clock.
        now: the chain's time, in seconds.
        seat: the validator's own, if it has one.
        randomness: the request for the seed, while the job waits for it.
        my_turn_to_prove: whether that request is this validator's to answer.
    """

    job: Job
    status: JobStatus
    now: int
    seat: Seat | None
    randomness: RandomnessRequest | None
    my_turn_to_prove: bool


def duty(situation: Situation) -> Duty:  # noqa: PLR0911 - one return for each thing that can be due
    """The step that is due now, for this validator."""
    job, now = situation.job, situation.now
    match situation.status:
        case JobStatus.REQUESTED:
            return _before_the_draw(situation)
        case JobStatus.COMMITTING | JobStatus.REVEALING:
            seat = situation.seat
            mine = seat is not None and seat.round == job.round
            if situation.status is JobStatus.COMMITTING:
                return Duty.COMMIT if mine and seat is not None and not seat.committed else Duty.WAIT
            if mine and seat is not None and seat.committed and not seat.revealed and now <= job.deadline:
                return Duty.REVEAL
            everyone = job.revealed == job.committed
            return Duty.SETTLE if everyone or now > job.deadline else Duty.WAIT
        case JobStatus.SETTLED:
            if _undelivered(job):
                return Duty.DELIVER
            return Duty.FINALISE if now > job.deadline else Duty.WAIT
        case JobStatus.FINALISED if _undelivered(job):
            return Duty.DELIVER
        case _:
            return Duty.DROP


def _undelivered(job: Job) -> bool:
    """Whether the paid first delivery is still to be had. To call a consumer again that failed is anyone's choice."""
    return job.consumer != ZERO_ADDRESS and not job.delivery_paid


def _before_the_draw(situation: Situation) -> Duty:
    now, randomness = situation.now, situation.randomness
    assert randomness is not None
    in_time = now <= situation.job.deadline
    if in_time and (randomness.status is RandomnessStatus.FULFILLED or situation.my_turn_to_prove):
        return Duty.OPEN
    # Also when the job is too late to be saved: the silent operator is slashed, and the fee goes back.
    late = randomness.status is RandomnessStatus.PENDING and now > randomness.deadline
    if late or randomness.status is RandomnessStatus.STALLED:
        return Duty.REASSIGN
    return Duty.WAIT if in_time and randomness.status is RandomnessStatus.PENDING else Duty.EXPIRE
