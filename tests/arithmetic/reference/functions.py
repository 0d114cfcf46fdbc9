"""Elementary functions (§4): MPFR's exact values, rounded once."""

from __future__ import annotations

import functools
import math

import gmpy2
import numpy as np

from reference.table import operator

ONE_ARGUMENT = "Acos Acosh Asin Asinh Atan Atanh Cos Cosh Erf Exp Log Sigmoid Sin Sinh Tan Tanh".split()  # noqa: SIM905
DIGITS = 600  # bits that tell every value of these functions from the nearest midpoint, unless it is one


def apply(name, x):
    """A function of each element."""
    words = np.ascontiguousarray(x).reshape(-1).view(np.uint32).tolist()  # so that zeros of both signs are told apart
    return np.array([_value(name, word) for word in words], np.float32).reshape(x.shape)


@functools.lru_cache(1 << 16)
def _value(name, word):
    x = float(np.uint32(word).view(np.float32))
    if name == "sigmoid":
        with gmpy2.context(precision=DIGITS):
            exact = 1 / (1 + gmpy2.exp(-gmpy2.mpfr(x)))
        with gmpy2.ieee(32):
            return float(gmpy2.mpfr(exact))
    with gmpy2.ieee(32):
        return float(getattr(gmpy2, name)(gmpy2.mpfr(x)))


for _name in ONE_ARGUMENT:
    operator(_name)(functools.partial(lambda name, _node, x: apply(name, x), _name.lower()))


@operator("Sqrt")
def _sqrt(_node, x):
    return np.sqrt(x)


@operator("Reciprocal")
def _reciprocal(_node, x):
    return np.array(1, x.dtype) / x


@operator("Pow")
def _pow(_node, x, y):
    x, y = np.broadcast_arrays(x, y)
    if x.dtype.kind == "f":
        return power(x, y)
    return np.array([_whole(a, b, x.dtype) for a, b in zip(x.flat, y.flat, strict=True)], x.dtype).reshape(x.shape)


def power(x, y):
    """`x` to the power of `y`, in binary32 (§4.2); `y` keeps its own value."""
    pairs = zip(x.reshape(-1), y.reshape(-1), strict=True)
    return np.array([_power(float(a), b.item()) for a, b in pairs], np.float32).reshape(x.shape)


def _power(x, y):
    exponent = gmpy2.mpfr(y, 64)
    if gmpy2.is_finite(exponent) and abs(exponent) >= 2**66:
        exponent = gmpy2.mpfr(2, 64) ** 66 * (1 if y > 0 else -1)  # an even number beyond which only the sign counts
    elif exponent != 0 and abs(exponent) < 2.0**-100:
        exponent = gmpy2.mpfr(2.0**-100 if y > 0 else -(2.0**-100), 64)
    with gmpy2.ieee(32):
        return float(gmpy2.mpfr(x) ** exponent)


def _whole(x, y, dtype):
    """A whole number to a power (§4.2)."""
    info, y = np.iinfo(dtype), y.item()
    if isinstance(y, float) and not (abs(y) < 2**53 and y == int(y)):
        exact = _power(float(np.float32(x)), y)
        return 0 if math.isnan(exact) else min(max(int(max(min(exact, 2.0**70), -(2.0**70))), info.min), info.max)
    y = int(y)
    if y < 0:
        return int(x) ** -y if abs(int(x)) == 1 else 0
    wide = pow(int(x), y, 1 << info.bits)
    return wide - (1 << info.bits) if wide > info.max else wide
