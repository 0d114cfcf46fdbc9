"""What came of a kernel's admission: the committee's verdict, and what each member tried before it gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm import records
from aivm.determinism import Certificate
from aivm.digests import Digest
from aivm.errors import AivmError
from aivm.records import ValidationRecord
from registry.contracts.types import JobKind
from registry.requester import JobError, settled

if TYPE_CHECKING:
    from registry.content import ContentStore
    from registry.jobs import Job
    from registry.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """A member's part of the matrix.

    Attributes:
        member: its address.
        certificate: what it attested to have seen; None where `fault` says why there is nothing to read.
        fault: empty where there is.
    """

    member: str
    certificate: Certificate | None
    fault: str = ""


def verdict(network: Network, job: bytes) -> ValidationRecord:
    """What an admission committee settled on, and what each conformance case gave.

    Raises:
        JobError: when it has not settled, or is an inference: see `registry.requester.fetch`.
    """
    state = _validation(network, job)
    with network.content_around(job) as content:
        return records.decode(content.get_record(state.result.digest), ValidationRecord)


def testimonies(network: Network, job: bytes) -> tuple[Testimony, ...]:
    """What each member tried that said something, in the order of the seats.

    A certificate is what a stranger says: it is bound to its member, about this kernel, and its class follows from its
    cells; that the cells were seen nobody can check, but by running the same.

    Raises:
        JobError: as `verdict`.
    """
    state = _validation(network, job)
    with network.content_around(job) as content:
        return tuple(
            _testimony(content, seat.member, seat.attestation.sketch, Digest(state.input))
            for seat in state.seats
            if seat.attestation is not None and not seat.attestation.is_refusal
        )


def _testimony(content: ContentStore, member: str, digest: bytes, manifest: Digest) -> Testimony:
    if not any(digest):
        return Testimony(member=member, certificate=None, fault="it attested none")
    try:
        certificate = records.decode(content.get_record(digest), Certificate)
    except AivmError as error:
        return Testimony(member=member, certificate=None, fault=error.message)
    if certificate.manifest != manifest.hex():
        return Testimony(member=member, certificate=None, fault="it is about another manifest")
    return Testimony(member=member, certificate=certificate)


def _validation(network: Network, job: bytes) -> Job:
    state = settled(network, job)
    if state.kind is not JobKind.VALIDATION:
        raise JobError(f"job 0x{job.hex()} is an inference and has no verdict", hint="`fetch` gives its result.")
    return state
