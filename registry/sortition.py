"""Drawing a committee: the oracle of `ValidatorStaking.draw`, written as the protocol says it (docs/protocol.md §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from collections.abc import Sequence


def draw(seed: bytes, count: int, seated: Sequence[str], weights: Sequence[tuple[str, int]]) -> list[str]:
    """Draws up to `count` validators, weighted, without replacement, none of the seated ones.

    Args:
        seed: the job's VRF output, 32 bytes.
        count: how many to draw.
        seated: members of earlier rounds, in the order in which they were drawn.
        weights: (address, wei) of each leaf in leaf order, at the end of the block before the request's.

    Returns:
        The members in the order of their seats; fewer than `count` when nobody with weight is left.
    """
    taken = {address.lower() for address in seated}
    remaining = [0 if address.lower() in taken else weight for address, weight in weights]
    drawn: list[str] = []
    for seat in range(len(seated), len(seated) + count):
        total = sum(remaining)
        if total == 0:
            break
        point = int.from_bytes(keccak(encode(["bytes32", "uint256"], [seed, seat]))) % total
        for leaf, weight in enumerate(remaining):
            if point < weight:
                drawn.append(weights[leaf][0])
                remaining[leaf] = 0
                break
            point -= weight
    return drawn
