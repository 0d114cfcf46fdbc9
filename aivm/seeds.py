"""Random inputs from a seed, the same bits on every machine (docs/protocol.md §4).

A counter-based generator gives every element its own random word, so that any element can be computed alone; uniforms
and normals are made from words by single IEEE 754 operations in a fixed order.

    noise = random_input("noise", [1, 3, 32, 32], "normal", seed)
    noise.flat[7] == element("noise", 7, "normal", seed)

Why the bits cannot vary: each numpy call below is one correctly rounded binary64 operation (`+ - * / sqrt`) for each
element. Nothing goes through libm, through numpy's own `log` or `exp`, whose last bits differ between CPUs, or through
anything that could contract a product and a sum into one rounding.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The name of this generator in a manifest. Another algorithm would be another name.
GENERATOR = "philox4x32-10/1"
DISTRIBUTIONS = ("uniform", "normal")

U32 = npt.NDArray[np.uint32]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_CHUNK = 1 << 16  # elements made at a time; bounds memory, changes nothing else
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


class SeedError(AivmError):
    """A seed, a distribution or an element index that the generator does not have."""


def philox4x32(counter: U32, key: Sequence[int] | U32) -> U32:
    """Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11).

    Args:
        counter: uint32 [..., 4], one block each.
        key: two 32-bit words.

    Returns:
        uint32 [..., 4], four random words for each block.
    """
    c0, c1, c2, c3 = (np.asarray(counter)[..., lane].astype(np.uint64) for lane in range(4))
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        p0 = c0 * np.uint64(0xD2511F53)
        p1 = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def random_input(name: str, shape: Sequence[int], distribution: str, seed: bytes) -> F32:
    """The random input `name` of a kernel.

    Args:
        name: the graph input's name; part of the generator's key, so that inputs are independent.
        shape: its concrete shape.
        distribution: `uniform` in [0, 1) or standard `normal`.
        seed: the job's 32 bytes.

    Returns:
        float32, C order.

    Raises:
        SeedError: an unknown distribution, or a seed of another length.
    """
    count = math.prod(shape)
    flat = np.empty(count, np.float32)
    stream = _Stream(name, seed)
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        flat[start:stop] = _distribute(stream.words(start, stop), distribution)
    if not count:
        _distribute(np.empty(0, np.uint32), distribution)
    return flat.reshape(tuple(shape))


def element(name: str, index: int, distribution: str, seed: bytes) -> np.float32:
    """Element `index` (C order) of `random_input`, computed alone.

    Raises:
        SeedError: an unknown distribution, a seed of another length, or an index outside [0, 2**66).
    """
    if not 0 <= index < 1 << 66:
        raise SeedError(f"element {index} of random input {name!r} does not exist", hint="an index is in [0, 2**66)")
    return np.float32(_distribute(_Stream(name, seed).words(index, index + 1), distribution)[0])


class _Stream:
    """The random words of one input under one seed."""

    __slots__ = ("_key", "_tail")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != 32:
            raise SeedError(f"a seed has 32 bytes, not {len(seed)}")
        digest = hashlib.sha256(b"aivm/" + GENERATOR.encode() + b"\0" + seed + name.encode()).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
        self._key, self._tail = words[:2], words[2:]

    def words(self, start: int, stop: int) -> U32:
        """Words start to stop - 1: word i is lane i mod 4 of block i // 4."""
        first = start // 4
        blocks = -(-stop // 4) - first
        counter = np.empty((blocks, 4), np.uint32)
        # Python integers first: `first` may be anything below 2**64, which no signed array index could hold.
        index = np.uint64(first) + np.arange(blocks, dtype=np.uint64)
        counter[:, 0] = index & _LOW
        counter[:, 1] = index >> _SHIFT
        counter[:, 2:] = self._tail
        return philox4x32(counter, self._key).reshape(-1)[start - 4 * first : stop - 4 * first]


def _distribute(words: U32, distribution: str) -> F32:
    if distribution == "uniform":
        # 24 bits are exactly a binary32 significand: no rounding, never 1.
        return (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    if distribution == "normal":
        # A 32-bit word and a half are exact in binary64, and so is the product by a power of two.
        return inverse_normal((words.astype(np.float64) + 0.5) * 2.0**-32).astype(np.float32)
    raise SeedError(f"there is no distribution {distribution!r}", hint=f"use one of {', '.join(DISTRIBUTIONS)}")


# Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16.
# Numerators, then denominators, highest power first. The third region of the paper begins where sqrt(-ln p) > 5, at
# p < 2**-36; the smallest p here is 2**-33, so it is never entered and not kept.
_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_FLANK = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip


def inverse_normal(p: F64) -> F64:
    """The inverse of the standard normal distribution function, PPND16 of AS 241.

    Args:
        p: float64, each in [2**-33, 1 - 2**-33] and a multiple of 2**-33.

    Returns:
        float64 of the same shape, within about 1e-15 relative of the true value.
    """
    q = p - 0.5
    r = 0.180625 - q * q
    centre = q * _horner(_CENTRE[0], r) / _horner(_CENTRE[1], r)
    # 1 - p is exact for these p.
    r = np.sqrt(-logarithm(np.where(q < 0.0, p, 1.0 - p))) - 1.6
    flank = _horner(_FLANK[0], r) / _horner(_FLANK[1], r)
    result: F64 = np.where(np.abs(q) <= 0.425, centre, np.where(q < 0.0, -flank, flank))
    return result


def logarithm(x: F64) -> F64:
    """The natural logarithm of positive normal numbers, within a few units in the last place.

    x = m · 2^e with m in [√½, √2), taken from the bits; then ln x = e · ln 2 + 2 · artanh((m - 1) / (m + 1)), the
    series of artanh cut after the power 23, where the next term is below 2^-57 of the sum.
    """
    bits = np.ascontiguousarray(x, np.float64).view(np.int64)
    exponent = (bits >> np.int64(52)) - np.int64(1023)
    mantissa = ((bits & np.int64((1 << 52) - 1)) | np.int64(1023 << 52)).view(np.float64)
    upper = mantissa >= 1.4142135623730951
    mantissa = np.where(upper, mantissa * 0.5, mantissa)
    exponent = np.where(upper, exponent + np.int64(1), exponent)
    f = (mantissa - 1.0) / (mantissa + 1.0)
    series = _horner(tuple(1.0 / power for power in range(23, 0, -2)), f * f)
    return exponent.astype(np.float64) * 0.6931471805599453 + 2.0 * f * series


def _horner(coefficients: Sequence[float], x: F64) -> F64:
    """The polynomial, highest power first: one product and one sum a step, each rounded."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result
