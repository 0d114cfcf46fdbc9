"""SimHash: signs of random projections, for tensors that are no images.

Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002: bit j is the sign of the sum of the
elements, each with a random sign; two tensors at an angle a differ in each bit with probability a / pi. The signs are
those of Philox4x32-10, and the sums are of integers, so the sketch is the same on every machine.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from aivm.fingerprint.fixed_point import fixed_point
from aivm.seeds import philox4x32

_ELEMENT_BITS = 24
_CHUNK = 1 << 11  # 2**(24 + 11) is exact in binary64, in any order of summation


def simhash(tensor: npt.NDArray[np.generic], *, bits: int, name: str) -> list[bool]:
    """The bits of a tensor.

    Args:
        tensor: [...], numbers.
        bits: a multiple of 128.
        name: the sketch's, from which the signs follow.

    Raises:
        SketchError: an element is not finite.
    """
    elements = fixed_point(tensor, _ELEMENT_BITS).reshape(-1)
    digest = hashlib.sha256(b"aivm/" + name.encode()).digest()
    key = [int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")]
    totals = np.zeros(bits, np.int64)
    for start in range(0, elements.size, _CHUNK):
        part = elements[start : start + _CHUNK]
        signs = _signs(start, len(part), bits, key)
        totals += (part.astype(np.float64) @ signs).astype(np.int64)
    return [bool(total > 0) for total in totals]


def _signs(start: int, count: int, bits: int, key: list[int]) -> npt.NDArray[np.float64]:
    """Signs of elements start to start + count - 1: float64 [count, bits], each 1 or -1."""
    blocks = bits // 128
    index = np.uint64(start * blocks) + np.arange(count * blocks, dtype=np.uint64)
    counter = np.zeros((count * blocks, 4), np.uint32)
    counter[:, 0] = index & np.uint64(0xFFFFFFFF)
    counter[:, 1] = index >> np.uint64(32)
    words = philox4x32(counter, key).astype("<u4")
    drawn = np.unpackbits(words.view(np.uint8), bitorder="little").reshape(count, bits)
    return 1.0 - 2.0 * drawn.astype(np.float64)
