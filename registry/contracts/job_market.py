"""The JobMarket: request, seed, committee, commit, reveal, settle, deliver (contracts/interfaces/IJobMarket.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from registry.contracts.credits import CreditsContract
from registry.contracts.values import to_abi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.contracts.contract import Call
    from registry.contracts.types import Attestation, JobProgress, JobRequest, JobStatus, JobTerms, Shown
    from registry.ids import JobId, KernelId


class JobMarket(CreditsContract):
    """Jobs. The chain keeps a hash of their terms and progress; `registry.jobs` rebuilds both from the events."""

    NAME = "JobMarket"

    def request(self, job: JobRequest) -> Call:
        """Asks for one inference; value: at least `quote`. Event: JobRequested(job, kernel, requester, …)."""
        return self.prepare("request", job)

    def open(self, job: JobId, terms: JobTerms, proof: bytes = b"") -> Call:
        """Draws the committee, with the VRF proof or the output if it is there. Event: CommitteeDrawn(job, …)."""
        return self.prepare("open", job, terms, proof)

    def open_together(
        self, job: JobId, terms: JobTerms, proof: bytes, shown: Sequence[Shown], signatures: bytes
    ) -> Call:
        """Opens a job whose first round is over, and settles it. Events: CommitteeDrawn, as `settle_together`."""
        return self.prepare("openTogether", job, terms, proof, list(shown), signatures)

    def commit_batch(
        self, job: JobId, terms: JobTerms, progress: JobProgress, batch: Sequence[bytes], signatures: bytes
    ) -> Call:
        """The round's signed commitments. Event: BatchCommitted(job, round, batch)."""
        return self.prepare("commitBatch", job, self.terms_hash(terms), progress, list(batch), signatures)

    def commit(self, job: JobId, terms: JobTerms, progress: JobProgress, commitment: bytes) -> Call:
        """The sender's own commitment for this round. Event: Committed(job, round, validator, commitment)."""
        return self.prepare("commit", job, self.terms_hash(terms), progress, commitment)

    def reveal(self, job: JobId, terms: JobTerms, progress: JobProgress, attestation: Attestation, salt: bytes) -> Call:
        """Opens the sender's commitment. Event: Revealed(job, round, validator, attestation)."""
        return self.prepare("reveal", job, self.terms_hash(terms), progress, attestation, salt)

    def settle(self, job: JobId, terms: JobTerms, progress: JobProgress, shown: Sequence[Shown]) -> Call:
        """Counts. Event: JobSettled(job, result, outcomes, …), CommitteeDrawn or JobFailed(job, reason)."""
        return self.prepare("settle", job, terms, progress, list(shown))

    def settle_together(
        self, job: JobId, terms: JobTerms, progress: JobProgress, shown: Sequence[Shown], signatures: bytes
    ) -> Call:
        """Settles a round of which all signed the list of commitments. Events: RoundOpened(job, …), as `settle`."""
        return self.prepare("settleTogether", job, terms, progress, list(shown), signatures)

    def finalise(self, job: JobId, terms: JobTerms, progress: JobProgress) -> Call:
        """Pays, slashes and refunds after the challenge window. Event: JobFinalised(job)."""
        return self.prepare("finalise", job, terms, progress)

    def expire(self, job: JobId, terms: JobTerms) -> Call:
        """Fails a job that got no committee in time. Event: JobFailed(job, reason)."""
        return self.prepare("expire", job, terms)

    def deliver(self, job: JobId, terms: JobTerms, progress: JobProgress) -> Call:
        """Calls the consumer with the result. Event: Delivered or DeliveryFailed(job, consumer)."""
        return self.prepare("deliver", job, terms, progress)

    def terms_hash(self, terms: JobTerms) -> bytes:
        """keccak256 of the ABI encoding of a job's terms."""
        return keccak(encode([self.function("open").inputs[1].type], [to_abi(terms)]))

    def quote(self, kernel: KernelId, *, committee_size: int, callback_gas: int = 0) -> int:
        """What `request` costs, in wei."""
        return cast("int", self.read("quote", kernel, committee_size, callback_gas))

    def quote_validation(self, *, committee_size: int) -> int:
        """What a kernel's admission costs, in wei."""
        return cast("int", self.read("quoteValidation", committee_size))

    def delivery_of(self, job: JobId) -> tuple[bool, bool]:
        """Whether the first delivery was made, and whether the consumer took the result."""
        return cast("tuple[bool, bool]", self.read("deliveryOf", job))

    def status_of(self, job: JobId) -> JobStatus:
        """The status by the clock: as of now (the pending block) unless the contract is pinned to a block."""
        return cast("JobStatus", self.read("statusOf", job, block=self.now))

    def deadline_of(self, job: JobId) -> int:
        """When the stored status ends, in seconds; 0 if there is no deadline."""
        return cast("int", self.read("deadlineOf", job))

    def is_state(self, job: JobId, terms: JobTerms, progress: JobProgress) -> bool:
        """Whether these are the job's terms and progress."""
        return cast("bool", self.read("isState", job, self.terms_hash(terms), progress))

    def ballot_of(self, job: JobId, seat: int) -> bytes:
        """What stands behind a seat that acted alone: zero, its commitment, or the hash of what it revealed."""
        return cast("bytes", self.read("ballotOf", job, seat))

    def commitment_of(self, job: JobId, round_: int, validator: str, attestation: Attestation, salt: bytes) -> bytes:
        """The contract's own computation of `registry.ids.commitment`."""
        return cast("bytes", self.read("commitmentOf", job, round_, validator, attestation, salt))

    def commit_digest(self, job: JobId, round_: int, seed: bytes, commitment: bytes) -> bytes:
        """What a member signs for a batch."""
        return cast("bytes", self.read("commitDigest", job, round_, seed, commitment))

    def round_digest(self, job: JobId, round_: int, seed: bytes, commitments: Sequence[bytes]) -> bytes:
        """What every member signs to settle a round in one transaction."""
        return cast("bytes", self.read("roundDigest", job, round_, seed, list(commitments)))

    def parameters(self) -> str:
        """The address of the MarketParameters."""
        return cast("str", self.read("parameters"))
