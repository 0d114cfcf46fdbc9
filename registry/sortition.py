"""Drawing a committee: the oracle of `ValidatorStaking.draw`, written as the protocol says it (docs/protocol.md §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


#: Leaves of a tree, that is of an environment class.
TREE = 2**15
#: The tree that classes share which have none of their own.
SHARED = 63


def draw(
    seed: bytes, count: int, seated: Sequence[int], weights: Mapping[int, int], *, spread: bool = False
) -> list[int]:
    """Draws up to `count` leaves, weighted, without replacement, none of the seated ones.

    Args:
        seed: the job's VRF output, 32 bytes.
        count: how many to draw.
        seated: leaves of members of earlier rounds, in the order in which they were drawn.
        weights: units by leaf, in the epoch of the request; of one tree if the job is for one.
        spread: whether two classes must be among the first two, and none of those that share a tree.

    Returns:
        The leaves in the order of their seats; fewer than `count` when none with weight is left.
    """
    remaining = {leaf: weights[leaf] for leaf in sorted(weights) if not (spread and leaf // TREE == SHARED)}
    seats = list(seated)
    for seat in range(len(seated), len(seated) + count):
        first = seats[0] // TREE if spread and seat == 1 else None
        candidates = {leaf: weight for leaf, weight in remaining.items() if leaf not in seats and leaf // TREE != first}
        total = sum(candidates.values())
        if total == 0:
            break
        point = int.from_bytes(keccak(encode(["bytes32", "uint256"], [seed, seat]))) % total
        for leaf, weight in candidates.items():
            if point < weight:
                seats.append(leaf)
                break
            point -= weight
    return seats[len(seated) :]
