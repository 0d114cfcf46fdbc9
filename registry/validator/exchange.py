"""What a member says to the others of its round, in an order in which nobody can use it against it.

Whoever shows its opening while somebody's commitment is still open can be copied. So a member shows it only to a
list of all commitments that everybody has signed, which it can then bring to the chain by itself, and never signs its
commitment for a batch in the same round: a batch could end the commit phase before the list comes. Both choices are
in the journal before anything is sent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.contracts.types import Showing, Shown
from registry.ids import commit_digest, pledge_digest, round_digest
from registry.relay import HandedCommitment, HandedList, HandedOpening, HandedPledge, HandedProof
from registry.relay.messages import from_hex, to_hex
from registry.relay.signatures import sign

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from registry.contracts.contract import Call
    from registry.jobs import Job
    from registry.network import Network
    from registry.relay import Relay
    from registry.relay.messages import Handed
    from registry.validator.journal import Journal, Opening

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A member's side of the exchange.

    Attributes:
        network: the deployment.
        account: signs; its address is the member.
        journal: its memory.
        relay: its way to the others.
    """

    network: Network
    account: LocalAccount
    journal: Journal
    relay: Relay

    def heard(self, job: Job) -> dict[str, Any]:
        """What has been handed in here, as `Situation` has it."""
        board = self.relay.board
        board.follow(job)
        waiting = {seat.member for seat in job.round_seats if seat.commitment is None}
        return {
            "relayed": True,
            "listed": bool(self._signatures(job)),
            "handed_in": frozenset(board.commitments(job.id)) & waiting,
            "opened": frozenset(board.openings(job.id)),
        }

    def agree(self, job: Job, opening: Opening, own: bytes) -> None:
        """Says all that can be said by now: the pledge; the list, once all have pledged; the opening, once all signed.

        Args:
            job: whose round it is.
            opening: this member's.
            own: what it opens.

        Raises:
            JournalError: what is to be said next cannot be kept; it is not said.
            RelayError: this member's own board does not take it.
        """
        if self.journal.way_of(job.id, job.round, job.seed) == b"":
            self.hand_in_commitment(job, own)
            return
        signature = self._sign(pledge_digest(**self._about(job), commitment=own))
        self._send(job, HandedPledge(**self._name(job), commitment=to_hex(own), signature=signature))
        listed = self._list(job)
        if listed is None:
            return
        self.relay.board.sign_list(job.id, listed)
        signature = self._sign(round_digest(**self._about(job), commitments=listed))
        self._send(job, HandedList(**self._name(job), signature=signature))
        signatures = self._signatures(job)
        if signatures:
            self.journal.choose_way(job.id, job.round, job.seed, signatures)
            self.hand_in_opening(job, opening)

    def hand_in_proof(self, job: Job, proof: bytes) -> None:
        """Hands in the proof that draws these members."""
        self._send(job, HandedProof(job=to_hex(job.id), proof=to_hex(proof)))

    def together(self, job: Job) -> Call:
        """The transaction that settles the round with all openings; if one is missing, that brings the list instead."""
        shown = self._shown(job)
        return self.network.market.settle_together(job.id, job.terms, job.progress, shown, self._signatures(job))

    def open_together(self, job: Job, answer: bytes) -> Call:
        """The transaction that opens the job and settles its first round."""
        shown = self._shown(job)
        return self.network.market.open_together(job.id, job.terms, answer, shown, self._signatures(job))

    def _shown(self, job: Job) -> list[Shown]:
        listed = self.journal.list_of(job.id, job.round, job.seed)
        assert listed is not None
        openings = self.relay.board.openings(job.id)
        if all(seat.member in openings for seat in job.round_seats):
            return [
                Shown(showing=Showing.OPENING, attestation=each.attestation, salt=from_hex(each.salt))
                for each in (openings[seat.member] for seat in job.round_seats)
            ]
        return [Shown(showing=Showing.NOTHING, salt=commitment) for commitment in listed]

    def hand_in_commitment(self, job: Job, own: bytes) -> None:
        """Hands in the commitment, signed for a batch.

        Raises:
            BothWaysError: the opening has been shown to those who signed the list.
        """
        self.journal.choose_way(job.id, job.round, job.seed)
        signature = self._sign(commit_digest(**self._about(job), commitment=own))
        self._send(job, HandedCommitment(**self._name(job), commitment=to_hex(own), signature=signature))

    def batch(self, job: Job) -> Call:
        """The transaction that commits for all who have handed a commitment in."""
        handed = self.relay.board.commitments(job.id)
        here = [handed.get(seat.member) if seat.commitment is None else None for seat in job.round_seats]
        batch = [bytes(32) if each is None else from_hex(each.commitment) for each in here]
        signatures = b"".join(from_hex(each.signature) for each in here if each is not None)
        return self.network.market.commit_batch(job.id, job.terms, job.progress, batch, signatures)

    def hand_in_opening(self, job: Job, opening: Opening) -> None:
        """Hands in the opening."""
        said = opening.attestation
        message = HandedOpening(
            **self._name(job),
            digest=to_hex(said.digest),
            answer=to_hex(said.answer),
            sketch=to_hex(said.sketch),
            environment=to_hex(said.environment),
            salt=to_hex(opening.salt),
        )
        self._send(job, message)

    def _list(self, job: Job) -> tuple[bytes, ...] | None:
        """The one list that this member signs for the round, in the journal; None until all have pledged."""
        listed = self.journal.list_of(job.id, job.round, job.seed)
        if listed is None:
            pledges = self.relay.board.pledges(job.id)
            if any(seat.member not in pledges for seat in job.round_seats):
                return None
            listed = tuple(from_hex(pledges[seat.member].commitment) for seat in job.round_seats)
            self.journal.write_list(job.id, job.round, job.seed, listed)
            log.info("job 0x%s: signs the list of round %d", job.id.hex(), job.round)
        return listed

    def _signatures(self, job: Job) -> bytes:
        """All members' signatures of the list that this one has signed; none while one is missing."""
        kept = self.journal.way_of(job.id, job.round, job.seed)
        if kept:
            return kept
        lists = self.relay.board.lists(job.id)
        if any(seat.member not in lists for seat in job.round_seats):
            return b""
        return b"".join(from_hex(lists[seat.member].signature) for seat in job.round_seats)

    def _send(self, job: Job, message: Handed) -> None:
        others = (seat.member for seat in job.round_seats if seat.member != self.account.address)
        self.relay.hand_in(message, (self.network.staking.validator(member).endpoint for member in others))

    def _sign(self, digest: bytes) -> str:
        return to_hex(sign(self.account, digest))

    def _name(self, job: Job) -> dict[str, Any]:
        return {"job": to_hex(job.id), "round": job.round, "validator": self.account.address}

    def _about(self, job: Job) -> dict[str, Any]:
        return {
            "chain_id": self.network.chain.chain_id,
            "market": self.network.market.address,
            "job": job.id,
            "round_": job.round,
            "seed": job.seed,
        }
