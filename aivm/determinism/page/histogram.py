"""How many elements of two outputs are how many ulp apart, by powers of two."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from aivm import tensors
from aivm.arithmetic.diverge import ulps_between

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aivm.tensors import Array

#: The bin of elements of which one is NaN and the other is not, and the one of outputs with other tensors.
NOT_A_NUMBER, OTHER_SHAPE = -1, -2


def histogram(pairs: Iterable[tuple[bytes, bytes]]) -> dict[int, int]:
    """Counts elements over pairs of outputs.

    Args:
        pairs: tensor files.

    Returns:
        Elements by bin, ascending: 0 for equal bits, else the bit length of the distance, so that bin b holds
        distances from 2**(b - 1) to 2**b - 1. Two zeros of different signs are in bin 1.
    """
    counts: Counter[int] = Counter()
    for one, other in pairs:
        a, b = tensors.decode(one, limit=len(one)), tensors.decode(other, limit=len(other))
        for name in sorted(a.keys() | b.keys()):
            mine, theirs = a.get(name), b.get(name)
            if mine is None or theirs is None or mine.dtype != theirs.dtype or mine.shape != theirs.shape:
                counts[OTHER_SHAPE] += max(0 if x is None else x.size for x in (mine, theirs))
            else:
                counts.update(_bins(mine, theirs))
    return dict(sorted(counts.items()))


def label(number: int) -> str:
    """What a bin holds, for a person."""
    match number:
        case -2:
            return "other tensors"
        case -1:
            return "NaN on one side"
        case 0:
            return "same bits"
        case 1:
            return "1"
        case _ if number <= 20:
            return f"{2 ** (number - 1):,} to {2**number - 1:,}"
        case _:
            return f"2^{number - 1} or more" if number == 64 else f"2^{number - 1} to 2^{number}"


def _bins(mine: Array, theirs: Array) -> Counter[int]:
    kind = np.dtype(f"u{mine.dtype.itemsize}")
    unequal = mine.reshape(-1).view(kind) != theirs.reshape(-1).view(kind)
    counts = Counter({0: int(mine.size - unequal.sum())} if mine.size > unequal.sum() else {})
    distances, meaningful = ulps_between(mine.reshape(-1)[unequal], theirs.reshape(-1)[unequal])
    counts.update(max(int(item).bit_length(), 1) for item in distances[meaningful])
    nans = int((~meaningful).sum())
    if nans:
        counts[NOT_A_NUMBER] = nans
    return counts
