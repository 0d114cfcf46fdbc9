"""Jobs as anybody can know them: rebuilt from the market's events, since the chain keeps only a hash of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address

from registry.contracts.types import ZERO_ADDRESS, JobFailure, JobProgress, JobStatus, JobTerms, Result
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry.chain.receipts import Log
    from registry.contracts.job_market import JobMarket
    from registry.contracts.types import Attestation, JobKind

_START = JobProgress(
    seed=bytes(32),
    round=0,
    first_seat=0,
    reveal_window=0,
    seats=(),
    batch=(),
    votes=(),
    outcomes=0,
    result=Result(digest=bytes(32), answer=bytes(32), sketch=bytes(32)),
)

#: Looks at a job whose events and state do not fit before the endpoint is blamed.
MAX_LOOKS = 10


class JobUnknownError(RegistryError):
    """The deployment has no job of this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A member's place in a committee.

    Attributes:
        member: the validator's address.
        round: in which it was drawn, from 0.
        commitment: alone or in a batch; None before.
        attestation: None until it is revealed.
    """

    member: str
    round: int
    commitment: bytes | None = None
    attestation: Attestation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job.

    Attributes:
        id: the job's.
        status: by the clock.
        deadline: of the status, in seconds; 0 if there is none.
        requester: who asked.
        terms: what is fixed since the request.
        progress: how far it has come; with the terms, what the chain keeps the hash of.
        seats: of all rounds, in order.
        revealing: whether the chain has written down that this round's reveals began.
        block: number of the request's block.
        delivery_paid: whether the first delivery was made.
        delivered: whether the consumer took the result.
        failure: why there is no result, if the job failed.
    """

    id: bytes
    status: JobStatus
    deadline: int
    requester: str
    terms: JobTerms
    progress: JobProgress = _START
    seats: tuple[Seat, ...] = ()
    block: int
    revealing: bool = False
    delivery_paid: bool = False
    delivered: bool = False
    failure: JobFailure | None = None

    @property
    def kind(self) -> JobKind:
        """An inference, or an admission."""
        return self.terms.kind

    @property
    def kernel(self) -> bytes:
        """The kernel's id."""
        return self.terms.kernel

    @property
    def input(self) -> bytes:
        """Digest of the input record; of an admission, of the manifest record."""
        return self.terms.input

    @property
    def seed(self) -> bytes:
        """The VRF output, once drawn."""
        return self.progress.seed

    @property
    def round(self) -> int:
        """0 for the first."""
        return self.progress.round

    @property
    def result(self) -> Result:
        """What the committee agreed on; all zero before."""
        return self.progress.result

    @property
    def committee(self) -> tuple[str, ...]:
        """All members, in the order of their seats; empty before the draw."""
        return tuple(seat.member for seat in self.seats)

    @property
    def round_seats(self) -> tuple[Seat, ...]:
        """The seats of the present round."""
        return self.seats[self.progress.first_seat :]

    @property
    def undelivered(self) -> bool:
        """Whether the paid first delivery is still to be had. To call a consumer once more is anyone's choice."""
        return self.terms.consumer != ZERO_ADDRESS and not self.delivery_paid

    def seat_of(self, member: str) -> Seat | None:
        """A member's seat, if it has one."""
        return next((seat for seat in self.seats if seat.member == member), None)


def job_of(market: JobMarket, job: bytes, *, since: int = 0) -> Job:
    """Rebuilds a job from its events.

    Args:
        market: of the deployment.
        job: its id.
        since: a block that is not after its request.

    Raises:
        JobUnknownError: there is no such job.
    """
    for _ in range(MAX_LOOKS):
        status = market.status_of(job)
        if status is JobStatus.UNKNOWN:
            raise JobUnknownError(
                f"there is no job 0x{job.hex()} in this deployment",
                hint="Check the id, and that the deployment file and the endpoint are those it was requested with.",
            )
        # Events and state are read one after the other; a block in between makes them differ, and then we look again.
        known = fold(market.chain.logs(market, from_block=since, topics={"job": job}))
        if known is not None and (present := as_of_now(market, known, status)) is not None:
            return present
    raise RegistryError(
        f"the events of job 0x{job.hex()} do not give the state that the chain has",
        hint="The endpoint leaves out events, or lags behind. Use another one.",
    )


def as_of_now(market: JobMarket, known: Job, status: JobStatus | None = None) -> Job | None:
    """A job with its present status and deadline; None if it has come further than this, or was never here.

    What members did alone is not part of what the chain keeps the hash of, so `seats` may lack the latest of it.

    Args:
        market: of the deployment.
        known: the job as it was.
        status: its present status, if it has just been read.
    """
    if not market.is_state(known.id, known.terms, known.progress):
        return None
    if status is None:
        status = market.status_of(known.id)
    # Time alone begins the reveals; the chain writes it down, with the deadline, at the next transaction.
    unwritten = status is JobStatus.REVEALING and not known.revealing
    deadline = market.deadline_of(known.id) + (known.terms.reveal_window if unwritten else 0)
    return replace(known, status=status, deadline=deadline)


def fold(events: Iterable[Log], job: Job | None = None) -> Job | None:
    """The job that these events of it, in order, make of what it was. Its status and deadline are stale.

    Args:
        events: of one job.
        job: as it was before them; None before its request.

    Returns:
        The job; None without a request.
    """
    for event in events:
        if event.event == "JobRequested":
            job = Job(
                id=event["job"],
                status=JobStatus.REQUESTED,
                deadline=0,
                requester=event["requester"],
                terms=event["terms"],
                block=event.block,
            )
        elif job is not None:
            job = _step(job, event)
    return job


def _step(job: Job, event: Log) -> Job:  # noqa: C901, PLR0911 - one return for each kind of event
    progress = job.progress
    match event.event:
        case "CommitteeDrawn":
            return drawn(job, seed=event["seed"], round_=event["round"], words=event["seats"], status=job.status)
        case "BatchCommitted":
            # An endpoint that lies about the length gives a state that is not the chain's, and is found out by that.
            batch = {seat.member: commitment for seat, commitment in zip(job.round_seats, event["batch"], strict=False)}
            return replace(
                _with(job, {member: {"commitment": each} for member, each in batch.items() if any(each)}),
                progress=replace(progress, batch=event["batch"]),
            )
        case "RevealStarted":
            return replace(job, revealing=True)
        case "Committed":
            return _with(job, {event["validator"]: {"commitment": event["commitment"]}})
        case "Revealed":
            return _with(job, {event["validator"]: {"attestation": event["attestation"]}})
        case "RoundOpened":
            opened = zip(job.round_seats, event["attestations"], strict=False)
            return _with(job, {seat.member: {"attestation": each} for seat, each in opened})
        case "RoundCounted":
            return replace(job, progress=replace(progress, votes=event["votes"]))
        case "JobSettled":
            settled = replace(progress, batch=(), votes=(), outcomes=event["outcomes"], result=event["result"])
            return replace(job, progress=settled)
        case "JobOverturned":
            return replace(
                job, progress=replace(progress, outcomes=event["outcomes"], result=event["result"]), delivered=False
            )
        case "JobFailed":
            return replace(job, failure=event["reason"])
        case "Delivered" | "DeliveryFailed":
            return replace(job, delivery_paid=True, delivered=job.delivered or event.event == "Delivered")
        case _:
            return job


def drawn(job: Job, *, seed: bytes, round_: int, words: tuple[int, ...], status: JobStatus) -> Job:
    """The job at the beginning of a round.

    Args:
        job: as it was before.
        seed: the job's.
        round_: that begins, from 0.
        words: its seats, as the chain has them.
        status: the job's, from now on.
    """
    seats = tuple(
        Seat(member=to_checksum_address((word & ((1 << 160) - 1)).to_bytes(20)), round=round_) for word in words
    )
    progress = replace(
        job.progress,
        seed=seed,
        round=round_,
        first_seat=len(job.seats),
        reveal_window=job.terms.reveal_window,
        seats=job.progress.seats + words,
        batch=(),
    )
    return replace(job, status=status, progress=progress, seats=job.seats + seats, revealing=False)


def _with(job: Job, changes: dict[str, dict[str, Any]]) -> Job:
    """The job with changed seats, by member."""
    seats = tuple(replace(seat, **changes.get(seat.member, {})) for seat in job.seats)
    return replace(job, seats=seats)
