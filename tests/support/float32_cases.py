"""Operands of binary32 that are easy to get wrong, as bit patterns (uint32), drawn in bulk."""

from __future__ import annotations

import numpy as np

SIGN = np.uint32(0x80000000)
#: Zeros, subnormals, normals and infinities at each end of their range, small whole numbers and halves, NaNs.
SPECIAL = np.array(
    [
        bits | sign
        for bits in (
            *(0x00000000, 0x00000001, 0x00000002, 0x00000003, 0x00400000, 0x007FFFFE, 0x007FFFFF),
            *(0x00800000, 0x00800001, 0x00FFFFFF, 0x01000000, 0x0C000000, 0x0C7FFFFF, 0x0BFFFFFF),
            *(0x33800000, 0x34000000, 0x3EFFFFFF, 0x3F000000, 0x3F000001, 0x3F7FFFFF, 0x3F800000, 0x3F800001),
            *(0x3FC00000, 0x40000000, 0x40200000, 0x4AFFFFFF, 0x4B000000, 0x4B000001, 0x4B7FFFFF, 0x4B800000),
            *(0x4EFFFFFF, 0x4F000000, 0x4F7FFFFF, 0x4F800000, 0x5EFFFFFF, 0x5F000000, 0x5F7FFFFF, 0x5F800000),
            *(
                0x7E800000,
                0x7EFFFFFF,
                0x7F000000,
                0x7F7FFFFE,
                0x7F7FFFFF,
                0x7F800000,
                0x7F800001,
                0x7FC00000,
                0x7FFFFFFF,
            ),
        )
        for sign in (0, 0x80000000)
    ],
    np.uint32,
)


def _random(rng, shape):
    return rng.integers(0, 2**32, shape, np.uint32)


def _number(rng, exponent):
    """A random sign and fraction; biased exponents beyond the normal ones are brought to the nearest of these."""
    field = np.clip(exponent, 1, 254).astype(np.uint32) << np.uint32(23)
    fraction = _fraction(rng, field.shape)
    return field | fraction | (rng.integers(0, 2, field.shape, np.uint32) << np.uint32(31))


def _fraction(rng, shape):
    """Random, nearly all zeros, or nearly all ones."""
    kind = rng.integers(0, 4, shape)
    low = rng.integers(0, 4, shape, np.uint32)
    top = np.uint32(1) << rng.integers(0, 23, shape, np.uint32)
    edge = np.where(kind == 1, low, np.where(kind == 2, np.uint32(0x7FFFFF) - low, top & np.uint32(0x7FFFFF)))
    return np.where(kind == 0, rng.integers(0, 2**23, shape, np.uint32), edge).astype(np.uint32)


def _value(bits):
    return bits.view(np.float32)


def _bits(values):
    with np.errstate(all="ignore"):
        return np.asarray(values, np.float32).view(np.uint32)


def _special(rng, n):
    return rng.choice(SPECIAL, (n, 3))


def _anything(rng, n):
    return _random(rng, (n, 3))


def _gaussian(rng, n):
    return _bits(rng.standard_normal((n, 3)))


def _rectified(rng, n):
    """What a layer after Relu sees: half of the left operands are zero."""
    cases = _gaussian(rng, n)
    cases[:, 0] = _bits(np.maximum(_value(cases[:, 0]), 0))
    return cases


def _aligned(rng, n):
    """The last bits of product and addend at a chosen distance: around 0, 24, 48, 100, and where the library turns."""
    distance = rng.choice(
        [0, 1, 2, 22, 23, 24, 25, 26, 46, 47, 48, 49, 50, 71, 72, 73, 74, 98, 99, 100, 101, 127, 128, 129], n
    )
    distance = distance * rng.choice([-1, 1], n) + rng.integers(-1, 2, n)
    addend = rng.integers(1, 255, n)
    total = addend + 150 + distance
    left = np.clip(total // 2 + rng.integers(-60, 60, n), 1, 254)
    return np.stack([_number(rng, left), _number(rng, total - left), _number(rng, addend)], 1)


def _cancelling(rng, n):
    """The addend is the negative of the product, rounded, and up to two units beside it."""
    left = _number(rng, rng.integers(1, 255, n))
    right = _number(rng, rng.integers(1, 255, n))
    with np.errstate(all="ignore"):
        product = _value(left) * _value(right)
    addend = (_bits(product) ^ SIGN) + rng.integers(-2, 3, n).astype(np.uint32)
    return np.stack([left, right, addend], 1)


def _halfway(rng, n):
    """A product of an odd number of halves of the addend's last place, or just beside it."""
    addend = rng.integers(50, 255, n)
    odd = 2 * rng.integers(0, 2 ** rng.integers(1, 12, n)) + 1
    shared = rng.integers(-20, 21, n)
    left = _bits(np.ldexp(odd * rng.choice([-1, 1], n), shared))
    power = (addend - 151 - shared + 127).astype(np.uint32) << np.uint32(23)
    beside = rng.choice([0, 0, 0, 1], n).astype(np.uint32)
    return np.stack([left, power + beside, _number(rng, addend)], 1)


def _tiny(rng, n):
    """Products and sums among the subnormal numbers, and just above and below them."""
    left = rng.integers(1, 200, n)
    total = rng.integers(78, 160, n)  # a product of 2^-149 has 103, of 2^-126 126
    addend = np.where(
        rng.random(n) < 0.5, rng.integers(0, 2**24, n), rng.choice([0, 1, 2, 0x7FFFFF, 0x800000], n)
    ).astype(np.uint32)
    sign = rng.integers(0, 2, n, np.uint32) << np.uint32(31)
    return np.stack([_number(rng, left), _number(rng, total - left), addend | sign], 1)


def _subnormal_operands(rng, n):
    cases = np.stack([_number(rng, rng.integers(1, 255, n)) for _ in range(3)], 1)
    small = rng.integers(0, 2 ** rng.integers(1, 24, (n, 3))).astype(np.uint32) | (cases & SIGN)
    return np.where(rng.random((n, 3)) < 0.5, small, cases)


def _overflowing(rng, n):
    """Products and sums around the greatest number."""
    left = rng.integers(100, 255, n)
    total = rng.integers(376, 384, n)  # the greatest number has 254 + 127
    return np.stack([_number(rng, left), _number(rng, total - left), _number(rng, rng.integers(225, 255, n))], 1)


def _with_one_special(rng, n):
    cases = np.stack([_number(rng, rng.integers(1, 255, n)) for _ in range(3)], 1)
    cases[np.arange(n), rng.integers(0, 3, n)] = rng.choice(SPECIAL, n)
    return cases


KINDS = (
    *(_special, _anything, _gaussian, _rectified, _aligned, _cancelling, _halfway, _tiny),
    *(_subnormal_operands, _overflowing, _with_one_special),
)


def triples(rng, n):
    """`[n, 3]`: operands a, b, c of `a · b + c`, of all kinds in turn."""
    share = -(-n // len(KINDS))
    return np.concatenate([kind(rng, share) for kind in KINDS])[:n]


def pairs(rng, n):
    """`[n, 2]`: two operands: those of triples, and numbers near each other, or near each other's negative."""
    near = _random(rng, (n // 3,))
    beside = near + rng.integers(-3, 4, near.size).astype(np.uint32)
    beside ^= rng.integers(0, 2, near.size, np.uint32) << np.uint32(31)
    return np.concatenate([triples(rng, n - near.size)[:, ::2], np.stack([near, beside], 1)])


def singles(rng, n):
    """`[n]`: operands of every exponent, squares and the numbers beside them, whole numbers and halves."""
    third = n // 3
    square = _bits(np.float32(rng.integers(0, 2**12, third)) ** 2) + rng.integers(-1, 2, third).astype(np.uint32)
    steps = _bits(rng.integers(-(2**20), 2**20, third) / 2.0 ** rng.integers(0, 5, third))
    return np.concatenate([triples(rng, n - 2 * third)[:, rng.integers(3)], square, steps])


def integers(rng, n, dtype):
    """`[n]`: whole numbers of a dtype: powers of two, midway between numbers of 24 bits, random ones."""
    width = np.iinfo(dtype).bits
    size = rng.integers(0, width, n)
    value = rng.integers(0, 2**64, n, np.uint64, endpoint=False) >> (64 - 1 - size).astype(np.uint64)
    half = np.uint64(1) << np.maximum(size - 24, 0).astype(np.uint64)
    beside = rng.integers(-1, 2, n).astype(np.uint64)
    midway = value // (2 * half) * (2 * half) + half + beside
    power = (np.uint64(1) << size.astype(np.uint64)) + beside
    kind = rng.integers(0, 3, n)
    chosen = np.where(kind == 0, value, np.where(kind == 1, midway, power))
    return np.where(rng.random(n) < 0.5, chosen, 0 - chosen).astype(dtype)


def _wide(rng, shape, low, high):
    return _number(rng, rng.integers(low, high, shape))


def _mostly(rng, shape, share=0.1):
    """Ordinary numbers, some of them special ones."""
    ordinary = _bits(rng.standard_normal(shape))
    return np.where(rng.random(shape) < share, rng.choice(SPECIAL, shape), ordinary)


def _returning(rng, shape):
    """Each product is followed by one that nearly takes it back."""
    a, b = _bits(rng.standard_normal(shape)), _bits(rng.standard_normal(shape))
    even = shape[1] // 2 * 2
    a[:, 1:even:2] = a[:, 0:even:2] ^ SIGN
    b[:, 1:even:2] = b[:, 0:even:2] + rng.integers(0, 2, (shape[0], even // 2), np.uint32)
    return a, b


CHAINS = {
    "gaussian": lambda rng, shape: (_bits(rng.standard_normal(shape)), _bits(rng.standard_normal(shape))),
    "rectified": lambda rng, shape: (
        _bits(np.maximum(rng.standard_normal(shape), 0)),
        _bits(rng.standard_normal(shape)),
    ),
    "returning": _returning,
    "any exponent": lambda rng, shape: (_wide(rng, shape, 1, 255), _wide(rng, shape, 1, 255)),
    "least products in fixed point": lambda rng, shape: (_wide(rng, shape, 80, 95), _wide(rng, shape, 80, 95)),
    "overflowing": lambda rng, shape: (_wide(rng, shape, 180, 200), _wide(rng, shape, 178, 192)),
    "subnormal": lambda rng, shape: (_wide(rng, shape, 40, 70), _wide(rng, shape, 40, 70)),
    "some special": lambda rng, shape: (_mostly(rng, shape), _mostly(rng, shape)),
    "mostly zeros": lambda rng, shape: (_mostly(rng, shape, 0.3) & SIGN, _mostly(rng, shape, 0.3)),
    "any bits": lambda rng, shape: (_random(rng, shape), _random(rng, shape)),
}


def chains(rng, kind, count, length):
    """Where `count` sums of products start, `[count]`, and their operands, two times `[count, length]`."""
    a, b = CHAINS[kind](rng, (count, length))
    initial = np.where(rng.random(count) < 0.5, rng.choice(SPECIAL, count), _number(rng, rng.integers(1, 255, count)))
    initial[rng.random(count) < 0.4] = 0
    return initial.astype(np.uint32), a.astype(np.uint32), b.astype(np.uint32)
