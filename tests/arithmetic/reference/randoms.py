"""Random numbers (§17) in Python's integers and binary64 numbers, each operation rounded by itself."""

from __future__ import annotations

import hashlib
import math
import struct

MASK = 0xFFFFFFFF
A = (
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080,
)  # fmt: skip
B = (
    5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
    5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0,
)  # fmt: skip
C = (
    0.000774545014278341407640, 0.0227238449892691845833, 0.241780725177450611770, 1.27045825245236838258,
    3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734,
)  # fmt: skip
D = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0,
)  # fmt: skip


def philox(counter, key):
    """One block of Philox4x32-10."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (second >> 32) ^ b ^ k, second & MASK, (first >> 32) ^ d ^ m, first & MASK
        k, m = (k + 0x9E3779B9) & MASK, (m + 0xBB67AE85) & MASK
    return [a, b, c, d]


def word(name, index, seed):
    """The random word of an element."""
    digest = hashlib.sha256(b"aivm/philox4x32-10/1\0" + seed + name.encode()).digest()
    k, m, c, d = struct.unpack("<4I", digest[:16])
    block = index // 4
    return philox((block & MASK, block >> 32, c, d), (k, m))[index % 4]


def uniform(w):
    """A word as a uniform number."""
    return (w >> 8) * 2.0**-24


def normal(w):
    """A word as a normal number, in binary64 before the last rounding."""
    p = (w + 0.5) * 2.0**-32
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * polynomial(A, r) / polynomial(B, r)
    r = math.sqrt(-logarithm(p if q < 0 else 1 - p)) - 1.6
    flank = polynomial(C, r) / polynomial(D, r)
    return -flank if q < 0 else flank


def logarithm(t):
    """The logarithm that the document defines."""
    m, e = math.frexp(t)
    m, e = 2 * m, e - 1
    if m >= 1.4142135623730951:
        m, e = m * 0.5, e + 1
    f = (m - 1) / (m + 1)
    return e * 0.6931471805599453 + (2 * f) * polynomial([1 / n for n in range(23, 0, -2)], f * f)


def polynomial(coefficients, x):
    """Horner's scheme."""
    result = coefficients[0]
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result
