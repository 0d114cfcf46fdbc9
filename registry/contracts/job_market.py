"""The JobMarket: request, seed, committee, commit, reveal, settle, deliver (contracts/interfaces/IJobMarket.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.credits import CreditsContract

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.contracts.types import Attestation, Job, JobRequest, JobStatus, MarketParameters, Seat
    from registry.ids import JobId, KernelId


class JobMarket(CreditsContract):
    """Jobs. Events: JobRequested, CommitteeDrawn, Committed, RevealStarted, Revealed, JobSettled, and more."""

    NAME = "JobMarket"

    def request(self, job: JobRequest) -> Call:
        """Asks for one inference; value: at least `quote`. Event: JobRequested(job, kernel, requester, …)."""
        return self.prepare("request", job)

    def open(self, job: JobId, proof: bytes = b"") -> Call:
        """Draws the committee, with the VRF proof if the seed is not there. Event: CommitteeDrawn(job, round, …)."""
        return self.prepare("open", job, proof)

    def commit(self, job: JobId, commitment: bytes) -> Call:
        """The sender's commitment for this round. Event: Committed(job, round, validator, commitment)."""
        return self.prepare("commit", job, commitment)

    def reveal(self, job: JobId, attestation: Attestation, salt: bytes) -> Call:
        """Opens the sender's commitment. Event: Revealed(job, round, validator, attestation)."""
        return self.prepare("reveal", job, attestation, salt)

    def settle(self, job: JobId) -> Call:
        """Counts. Event: JobSettled(job, digest, answer, votes, …), CommitteeDrawn or JobFailed(job, reason)."""
        return self.prepare("settle", job)

    def finalise(self, job: JobId) -> Call:
        """Pays, slashes and refunds after the challenge window. Event: JobFinalised(job)."""
        return self.prepare("finalise", job)

    def expire(self, job: JobId) -> Call:
        """Fails a job that got no committee in time. Event: JobFailed(job, reason)."""
        return self.prepare("expire", job)

    def deliver(self, job: JobId) -> Call:
        """Calls the consumer with the result. Event: Delivered or DeliveryFailed(job, consumer)."""
        return self.prepare("deliver", job)

    def quote(self, kernel: KernelId, *, committee_size: int, callback_gas: int = 0) -> int:
        """What `request` costs, in wei."""
        return cast("int", self.read("quote", kernel, committee_size, callback_gas))

    def quote_validation(self, *, committee_size: int) -> int:
        """What a kernel's admission costs, in wei."""
        return cast("int", self.read("quoteValidation", committee_size))

    def status_of(self, job: JobId) -> JobStatus:
        """The status by the clock: as of now (the pending block) unless the contract is pinned to a block."""
        return cast("JobStatus", self.read("statusOf", job, block=self.now))

    def job_of(self, job: JobId) -> Job:
        """The job as stored; of status UNKNOWN if there is none."""
        return cast("Job", self.read("jobOf", job))

    def committee_of(self, job: JobId) -> tuple[str, ...]:
        """All members, in the order of their seats; empty before the draw."""
        return cast("tuple[str, ...]", self.read("committeeOf", job))

    def seat_of(self, job: JobId, validator: str) -> Seat:
        """A member's seat.

        Raises:
            ContractError: JobMarketNotSeated.
        """
        return cast("Seat", self.read("seatOf", job, validator))

    def commitment_of(self, job: JobId, round_: int, validator: str, attestation: Attestation, salt: bytes) -> bytes:
        """The contract's own computation of `registry.ids.commitment`."""
        return cast("bytes", self.read("commitmentOf", job, round_, validator, attestation, salt))

    def parameters(self) -> MarketParameters:
        """Fees, slashes and windows."""
        return cast("MarketParameters", self.read("parameters"))
