"""Hamming distances between sketches, which are integers below 2**256."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Bytes of a sketch where it is stored: the word of an attestation.
WORD_BYTES = 32

I64 = npt.NDArray[np.int64]


def distance(a: int, b: int) -> int:
    """The number of bits in which two sketches differ."""
    return (a ^ b).bit_count()


def distances(a: Sequence[int], b: Sequence[int]) -> I64:
    """All distances between two lists of sketches.

    Returns:
        int64 [len(a), len(b)].
    """
    left, right = _words(a), _words(b)
    total = np.zeros((len(a), len(b)), np.int64)
    for lane in range(left.shape[1]):
        total += np.bitwise_count(left[:, lane, None] ^ right[None, :, lane])
    return total


def _words(sketches: Sequence[int]) -> npt.NDArray[np.uint64]:
    data = b"".join(sketch.to_bytes(WORD_BYTES, "big") for sketch in sketches)
    return np.frombuffer(data, np.uint64).reshape(len(sketches), WORD_BYTES // 8)
