"""A job with five members whose keys the tests have, at any point of its life, and what they hand in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_account import Account

from registry.contracts.types import Attestation, JobProgress, JobStatus, Result
from registry.ids import commit_digest, commitment, pledge_digest, round_digest
from registry.jobs import Job, Seat
from registry.relay import Board, HandedCommitment, HandedList, HandedOpening, HandedPledge
from registry.relay.messages import to_hex
from registry.relay.signatures import sign

CHAIN_ID, MARKET = 31337, "0x" + "aa" * 20
JOB = b"\x0b" * 32
SALT, SEED = b"\x5a" * 32, b"\x05" * 32
SAID = Attestation(digest=b"\x01" * 32, answer=b"\x02" * 32, sketch=bytes(32), environment=b"\x03" * 32)


@dataclass
class Committee:
    """What five members do to one board."""

    board: Board = field(default_factory=lambda: Board(chain_id=CHAIN_ID, market=MARKET))
    members: list[Any] = field(default_factory=lambda: [Account.from_key(bytes([n]) * 32) for n in range(1, 6)])

    def job(self, status: JobStatus = JobStatus.COMMITTING, *, seed: bytes = SEED, **changes: Any) -> Job:
        """The job; all seats have committed to what `opening` opens once it is Revealing."""
        round_ = changes.pop("round", 0)
        seats = tuple(
            Seat(
                member=member.address,
                round=round_,
                commitment=self.commitment(member, round_) if status is JobStatus.REVEALING else None,
            )
            for member in self.members
        )
        progress = JobProgress(
            seed=seed,
            round=round_,
            first_seat=0,
            reveal_window=60,
            seats=tuple(int(seat.member, 16) for seat in seats),
            **blank(JobProgress, "seed", "round", "first_seat", "reveal_window", "seats"),
        )
        plain: dict[str, Any] = {
            "id": JOB,
            "status": status,
            "deadline": 1000,
            "requester": MARKET,
            "terms": None,
            "block": 1,
        }
        return Job(**plain | {"progress": progress, "seats": seats} | changes)

    def commitment(self, member: Any, round_: int = 0, said: Attestation = SAID) -> bytes:
        """To what `opening` opens."""
        return commitment(
            chain_id=CHAIN_ID,
            market=MARKET,
            job=JOB,
            round_=round_,
            validator=member.address,
            attestation=said,
            salt=SALT,
        )

    def handed(self, member: Any, **about: Any) -> HandedCommitment:
        """A member's commitment; by somebody else's hand, or with a signature about something else."""
        return self._signed(HandedCommitment, commit_digest, member, **about)

    def pledge(self, member: Any, **about: Any) -> HandedPledge:
        """A member's pledge, likewise."""
        return self._signed(HandedPledge, pledge_digest, member, **about)

    def _signed(
        self, kind: type, digest: Any, member: Any, *, signed_by: Any = None, round_: int = 0, **about: Any
    ) -> Any:
        own = about.pop("commitment", self.commitment(member, round_))
        named = {"chain_id": CHAIN_ID, "market": MARKET, "job": JOB, "round_": round_, "seed": SEED, "commitment": own}
        return kind(
            job=to_hex(JOB),
            round=round_,
            validator=member.address,
            commitment=to_hex(own),
            signature=to_hex(sign(signed_by or member, digest(**named | about))),
        )

    def list(self, round_: int = 0) -> tuple[bytes, ...]:
        """What all members pledge."""
        return tuple(self.commitment(member, round_) for member in self.members)

    def signed_list(self, member: Any, *, signed_by: Any = None, round_: int = 0, **about: Any) -> HandedList:
        """A member's signature of the list; by somebody else's hand, or about something else."""
        named = {"chain_id": CHAIN_ID, "market": MARKET, "job": JOB, "round_": round_, "seed": SEED}
        digest = round_digest(**named | {"commitments": self.list(round_)} | about)
        signature = to_hex(sign(signed_by or member, digest))
        return HandedList(job=to_hex(JOB), round=round_, validator=member.address, signature=signature)

    def opening(self, member: Any, round_: int = 0, **changes: bytes) -> HandedOpening:
        """What opens a member's commitment, with other words if asked for."""
        words = {**dataclasses.asdict(SAID), "salt": SALT} | changes
        return HandedOpening(
            job=to_hex(JOB),
            round=round_,
            validator=member.address,
            **{name: to_hex(word) for name, word in words.items()},
        )


def blank(kind: Any, *given: str) -> dict[str, Any]:
    """Empty values for the members of a progress that a board does not look at."""
    zero = {"result": Result(digest=bytes(32), answer=bytes(32), sketch=bytes(32)), "outcomes": 0}
    return {entry.name: zero.get(entry.name, ()) for entry in dataclasses.fields(kind) if entry.name not in given}


@pytest.fixture
def committee() -> Committee:
    """Five members, and a board that follows their job while they commit."""
    made = Committee()
    made.board.follow(made.job())
    return made
