"""What the members of the jobs that a validator follows have handed in."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eth_utils.address import to_checksum_address

from registry.contracts.types import JobStatus
from registry.ids import commit_digest, commitment
from registry.relay.messages import HandedCommitment, HandedOpening, RelayError, from_hex
from registry.relay.signatures import signer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.jobs import Job, Seat
    from registry.relay.messages import Handed


@dataclass(slots=True)
class _Sheet:
    """One round of one job."""

    job: Job
    commitments: dict[str, HandedCommitment] = field(default_factory=dict)
    openings: dict[str, HandedOpening] = field(default_factory=dict)


class Board:
    """Keeps at most one commitment and one opening a member, for the present round of each job that is followed.

    What is not signed by a member of such a job is refused before it is kept, so strangers can fill nothing. Used by
    the thread that validates and by those that serve.

    Args:
        chain_id: the chain's id.
        market: the JobMarket's address.
    """

    def __init__(self, *, chain_id: int, market: str) -> None:
        self._chain_id, self._market = chain_id, market
        self._sheets: dict[bytes, _Sheet] = {}
        self._lock = threading.Lock()

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

    def commitments(self, job: bytes) -> Mapping[str, HandedCommitment]:
        """Commitments of the present round, by member."""
        with self._lock:
            sheet = self._sheets.get(job)
            return dict(sheet.commitments) if sheet else {}

    def openings(self, job: bytes) -> Mapping[str, HandedOpening]:
        """Openings of the present round, by member."""
        with self._lock:
            sheet = self._sheets.get(job)
            return dict(sheet.openings) if sheet else {}

    def take(self, message: Handed) -> None:
        """Keeps a message, whichever it is.

        Raises:
            RelayError: saying why not.
        """
        if isinstance(message, HandedCommitment):
            self.take_commitment(message)
        else:
            self.take_opening(message)

    def take_commitment(self, message: HandedCommitment) -> None:
        """Keeps a member's commitment; a later one replaces it, as long as the chain has none.

        Raises:
            RelayError: saying why not.
        """
        with self._lock:
            sheet, seat = self._find(message, JobStatus.COMMITTING)
            digest = commit_digest(
                chain_id=self._chain_id,
                market=self._market,
                job=sheet.job.id,
                round_=message.round,
                seed=sheet.job.seed,
                commitment=from_hex(message.commitment),
            )
            if signer_of(digest, from_hex(message.signature)) != seat.member:
                raise RelayError(f"the commitment is not signed by {seat.member}")
            sheet.commitments[seat.member] = message

    def take_opening(self, message: HandedOpening) -> None:
        """Keeps what opens a member's commitment on chain.

        Raises:
            RelayError: saying why not.
        """
        with self._lock:
            sheet, seat = self._find(message, JobStatus.REVEALING)
            opened = commitment(
                chain_id=self._chain_id,
                market=self._market,
                job=sheet.job.id,
                round_=message.round,
                validator=seat.member,
                attestation=message.attestation,
                salt=from_hex(message.salt),
            )
            if opened != seat.commitment:
                raise RelayError(f"this does not open the commitment of {seat.member}")
            sheet.openings[seat.member] = message

    def _find(self, message: HandedCommitment | HandedOpening, status: JobStatus) -> tuple[_Sheet, Seat]:
        sheet = self._sheets.get(from_hex(message.job))
        if sheet is None:
            raise RelayError(f"job {message.job} is not followed here", hint="Hand it in again in a moment.")
        if sheet.job.status is not status or sheet.job.round != message.round:
            raise RelayError(
                f"job {message.job} is {sheet.job.status.name.lower()} in round {sheet.job.round} here",
                hint="Hand it in again in a moment, or look at the chain.",
            )
        member = to_checksum_address(message.validator)
        seat = next((seat for seat in sheet.job.round_seats if seat.member == member), None)
        if seat is None:
            raise RelayError(f"{member} has no seat in round {message.round} of job {message.job}")
        return sheet, seat


def _round_of(job: Job) -> tuple[int, bytes, tuple[int, ...]]:
    return job.round, job.seed, job.progress.seats
