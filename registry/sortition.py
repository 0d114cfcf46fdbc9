"""Drawing a committee: the oracle of `ValidatorStaking.draw`, written as the protocol says it (docs/protocol.md §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def draw(seed: bytes, count: int, seated: Sequence[int], weights: Mapping[int, int]) -> list[int]:
    """Draws up to `count` leaves, weighted, without replacement, none of the seated ones.

    Args:
        seed: the job's VRF output, 32 bytes.
        count: how many to draw.
        seated: leaves of members of earlier rounds, in the order in which they were drawn.
        weights: units by leaf, in the epoch of the request; of one tree if the job is for one.

    Returns:
        The leaves in the order of their seats; fewer than `count` when none with weight is left.
    """
    remaining = {leaf: weights[leaf] for leaf in sorted(weights) if leaf not in seated}
    drawn: list[int] = []
    for seat in range(len(seated), len(seated) + count):
        total = sum(remaining.values())
        if total == 0:
            break
        point = int.from_bytes(keccak(encode(["bytes32", "uint256"], [seed, seat]))) % total
        for leaf, weight in remaining.items():
            if point < weight:
                drawn.append(leaf)
                remaining[leaf] = 0
                break
            point -= weight
    return drawn
