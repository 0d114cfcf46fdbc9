"""How the members of a committee hand each other what one transaction then carries for all of them.

When all is well: the proof that gives the job its seed, even before the chain has it; what each would commit to (a
pledge); then each one's signature of the list of all pledges; and, once every member has signed it, the openings, which
settle the round in one transaction. Else, what each signs for a batch, and the openings when nobody can commit any
more. Every validator runs a relay beside its gateway and hands in at those of all other members, so that any of them
can send the transaction, and a relay that leaves somebody out is no loss: whoever is missing commits and reveals alone.
Nothing here is trusted: a proof is checked, what is to be signed counts with its member's signature, an opening if it
opens what its member has signed or the chain has.
"""

from __future__ import annotations

from registry.relay.board import Board
from registry.relay.messages import (
    HandedCommitment,
    HandedList,
    HandedOpening,
    HandedPledge,
    HandedProof,
    RelayError,
)
from registry.relay.relay import Relay

__all__ = [
    "Board",
    "HandedCommitment",
    "HandedList",
    "HandedOpening",
    "HandedPledge",
    "HandedProof",
    "Relay",
    "RelayError",
]
