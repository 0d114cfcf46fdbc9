"""How the members of a committee hand each other what one transaction then carries for all of them.

First their signed commitments, then, when nobody can commit any more, the openings. Every validator runs a relay beside
its gateway and hands in at those of all other members, so that any of them can send the transaction, and a relay that
leaves somebody out is no loss: whoever is missing in a batch commits and reveals alone. Nothing here is trusted: a
commitment counts with its member's signature, an opening if it opens a commitment that the chain has.
"""

from __future__ import annotations

from registry.relay.board import Board
from registry.relay.messages import HandedCommitment, HandedOpening, RelayError
from registry.relay.relay import Relay

__all__ = ["Board", "HandedCommitment", "HandedOpening", "Relay", "RelayError"]
