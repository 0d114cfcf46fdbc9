"""What the members of the jobs that a validator follows have handed in."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address

from aivm import vrf
from registry.contracts.types import JobStatus
from registry.ids import commit_digest, commitment, pledge_digest, round_digest
from registry.relay.messages import (
    HandedCommitment,
    HandedList,
    HandedOpening,
    HandedPledge,
    HandedProof,
    RelayError,
    from_hex,
)
from registry.relay.signatures import signer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.jobs import Job, Seat
    from registry.relay.messages import Handed, OfASeat


@dataclass(slots=True)
class _Expected:
    """What has to be proven for one job, and the proof."""

    public_key: bytes
    alpha: bytes
    proof: bytes | None = None


@dataclass(slots=True)
class _Sheet:
    """One round of one job."""

    job: Job
    listed: tuple[bytes, ...] = ()  # what this validator has signed, a commitment for each seat
    pledges: dict[str, HandedPledge] = field(default_factory=dict)
    lists: dict[str, HandedList] = field(default_factory=dict)
    commitments: dict[str, HandedCommitment] = field(default_factory=dict)
    openings: dict[str, tuple[bytes, HandedOpening]] = field(default_factory=dict)  # with what each opens

    def to_open(self, seat: Seat) -> bytes | None:
        """The commitment that a seat's opening has to open: the chain's, or in the commit phase that of the list."""
        if self.job.status is JobStatus.REVEALING:
            return seat.commitment
        return dict(zip((each.member for each in self.job.round_seats), self.listed, strict=False)).get(seat.member)


class Board:
    """Keeps at most one message of each kind a member, for the present round of each job that is followed.

    What is not signed by a member of such a job is refused before it is kept, so strangers can fill nothing. Used by
    the thread that validates and by those that serve.

    Args:
        chain_id: the chain's id.
        market: the JobMarket's address.
    """

    def __init__(self, *, chain_id: int, market: str) -> None:
        self._chain_id, self._market = chain_id, market
        self._sheets: dict[bytes, _Sheet] = {}
        self._expected: dict[bytes, _Expected] = {}
        self._lock = threading.Lock()
        self._takers = {
            HandedProof: self._take_proof,
            HandedPledge: self._take_pledge,
            HandedList: self._take_list,
            HandedCommitment: self._take_commitment,
            HandedOpening: self._take_opening,
        }

    def follow(self, job: Job) -> None:
        """Takes what is handed in for a job from now on, as it stands; a new round, or another draw, starts anew."""
        with self._lock:
            sheet = self._sheets.get(job.id)
            # A reorganisation can give a job another seed; what was signed for the old one must not be sent.
            if sheet is None or _round_of(sheet.job) != _round_of(job):
                self._sheets[job.id] = _Sheet(job)
            else:
                sheet.job = job

    def forget(self, job: bytes) -> None:
        """Drops a job."""
        with self._lock:
            self._sheets.pop(job, None)
            self._expected.pop(job, None)

    def expect(self, job: bytes, public_key: bytes, alpha: bytes) -> None:
        """Takes proofs of this challenge for a job from now on, and of no other."""
        with self._lock:
            have = self._expected.get(job)
            if have is None or (have.public_key, have.alpha) != (public_key, alpha):
                self._expected[job] = _Expected(public_key, alpha)

    def proof(self, job: bytes) -> bytes | None:
        """The proof of the challenge that is expected for a job, verified."""
        with self._lock:
            have = self._expected.get(job)
            return have.proof if have else None

    def sign_list(self, job: bytes, listed: tuple[bytes, ...]) -> None:
        """Takes signatures of this list from now on, and of no other; it is what this validator has signed itself."""
        with self._lock:
            sheet = self._sheets.get(job)
            if sheet is not None and sheet.listed != listed:
                sheet.listed, sheet.lists = listed, {}

    def pledges(self, job: bytes) -> Mapping[str, HandedPledge]:
        """Pledges of the present round, by member."""
        with self._lock:
            sheet = self._sheets.get(job)
            return dict(sheet.pledges) if sheet else {}

    def lists(self, job: bytes) -> Mapping[str, HandedList]:
        """Signatures, by member, of the list that this validator has signed for the present round."""
        with self._lock:
            sheet = self._sheets.get(job)
            return dict(sheet.lists) if sheet else {}

    def commitments(self, job: bytes) -> Mapping[str, HandedCommitment]:
        """Commitments of the present round, by member."""
        with self._lock:
            sheet = self._sheets.get(job)
            return dict(sheet.commitments) if sheet else {}

    def openings(self, job: bytes) -> Mapping[str, HandedOpening]:
        """Openings of the present round, by member, that open what is to be opened now."""
        with self._lock:
            sheet = self._sheets.get(job)
            if sheet is None:
                return {}
            kept = {seat.member: sheet.openings.get(seat.member) for seat in sheet.job.round_seats}
            wanted = {seat.member: sheet.to_open(seat) for seat in sheet.job.round_seats}
            return {member: each[1] for member, each in kept.items() if each is not None and each[0] == wanted[member]}

    def take(self, message: Handed) -> None:
        """Keeps a message, whichever it is.

        Raises:
            RelayError: saying why not.
        """
        with self._lock:
            self._takers[type(message)](message)  # type: ignore[operator]

    def _take_proof(self, message: HandedProof) -> None:
        have = self._expected.get(from_hex(message.job))
        if have is None:
            raise RelayError(f"no proof is expected for job {message.job}", hint="Hand it in again in a moment.")
        if have.proof is not None:
            return  # a proof has one output, and one is enough
        proof = from_hex(message.proof)
        try:
            vrf.verify(have.public_key, have.alpha, proof)
        except vrf.VrfError as error:
            raise RelayError(f"this does not prove the randomness of job {message.job}") from error
        have.proof = proof

    def _take_pledge(self, message: HandedPledge) -> None:
        """The first one of a member stands: the list that others sign is made of it."""
        sheet, seat = self._find(message, JobStatus.COMMITTING)
        _check_not_empty(message)
        digest = pledge_digest(**self._about(sheet.job), commitment=from_hex(message.commitment))
        _check_signature(message, digest, seat, "the pledge")
        kept = sheet.pledges.setdefault(seat.member, message)
        if kept.commitment != message.commitment:
            raise RelayError(f"{seat.member} has pledged another commitment here before")

    def _take_list(self, message: HandedList) -> None:
        sheet, seat = self._find(message, JobStatus.COMMITTING)
        if not sheet.listed:
            raise RelayError("this validator has not signed a list yet", hint="Hand it in again in a moment.")
        digest = round_digest(**self._about(sheet.job), commitments=sheet.listed)
        _check_signature(message, digest, seat, "the list that this validator has signed")
        sheet.lists[seat.member] = message

    def _take_commitment(self, message: HandedCommitment) -> None:
        """A later one replaces it, as long as the chain has none."""
        sheet, seat = self._find(message, JobStatus.COMMITTING)
        _check_not_empty(message)
        digest = commit_digest(**self._about(sheet.job), commitment=from_hex(message.commitment))
        _check_signature(message, digest, seat, "the commitment")
        sheet.commitments[seat.member] = message

    def _take_opening(self, message: HandedOpening) -> None:
        """Opens the chain's commitment, or in the commit phase that of the list which this validator has signed."""
        sheet, seat = self._find(message, JobStatus.COMMITTING, JobStatus.REVEALING)
        if sheet.job.status is JobStatus.COMMITTING and not sheet.listed:
            raise RelayError(f"job {message.job} is committing, and this validator has signed no list")
        said = message.attestation
        opened = commitment(
            chain_id=self._chain_id,
            market=self._market,
            job=sheet.job.id,
            round_=message.round,
            validator=seat.member,
            attestation=said,
            salt=from_hex(message.salt),
        )
        if opened != sheet.to_open(seat):
            raise RelayError(f"this does not open the commitment of {seat.member}")
        if said.is_refusal and (any(said.answer) or any(said.sketch)):
            # The chain refuses it, and with it every settlement that shows it.
            raise RelayError(f"{seat.member} refuses, and answers all the same")
        sheet.openings[seat.member] = opened, message

    def _about(self, job: Job) -> dict[str, Any]:
        return {
            "chain_id": self._chain_id,
            "market": self._market,
            "job": job.id,
            "round_": job.round,
            "seed": job.seed,
        }

    def _find(self, message: OfASeat, *statuses: JobStatus) -> tuple[_Sheet, Seat]:
        sheet = self._sheets.get(from_hex(message.job))
        if sheet is None:
            raise RelayError(f"job {message.job} is not followed here", hint="Hand it in again in a moment.")
        if sheet.job.status not in statuses or sheet.job.round != message.round:
            raise RelayError(
                f"job {message.job} is {sheet.job.status.name.lower()} in round {sheet.job.round} here",
                hint="Hand it in again in a moment, or look at the chain.",
            )
        member = to_checksum_address(message.validator)
        seat = next((seat for seat in sheet.job.round_seats if seat.member == member), None)
        if seat is None:
            raise RelayError(f"{member} has no seat in round {message.round} of job {message.job}")
        return sheet, seat


def _check_not_empty(message: HandedPledge | HandedCommitment) -> None:
    # The chain's word for a seat that is left out: in a list it binds nobody, in a batch its signature is one too many.
    if not any(from_hex(message.commitment)):
        raise RelayError(f"{message.validator} commits to nothing: zero is no commitment")


def _check_signature(
    message: HandedPledge | HandedList | HandedCommitment, digest: bytes, seat: Seat, what: str
) -> None:
    if signer_of(digest, from_hex(message.signature)) != seat.member:
        raise RelayError(f"{what} is not signed by {seat.member}")


def _round_of(job: Job) -> tuple[int, bytes, tuple[int, ...]]:
    return job.round, job.seed, job.progress.seats
