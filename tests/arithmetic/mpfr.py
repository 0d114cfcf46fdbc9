"""The elementary functions as MPFR has them: what the engine's results are judged by."""

from __future__ import annotations

import gmpy2

NAMES = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf",
    "exp", "log", "reciprocal", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh",
]  # fmt: skip
PRECISION = 300


def evaluate(name: str, x: gmpy2.mpfr) -> gmpy2.mpfr:
    """The function, in the precision of the context."""
    if name == "sigmoid":
        return 1 / (1 + gmpy2.exp(-x))
    if name == "reciprocal":
        return 1 / x
    return getattr(gmpy2, name)(x)


def judged(name: str, x: float) -> tuple[float, float]:
    """(the correctly rounded result, its exact value's distance from the nearest midpoint in units in the last place).

    Raises:
        ArithmeticError: if the value cannot be told from a midpoint with 300 bits.
    """
    with gmpy2.context(precision=PRECISION):
        exact = evaluate(name, gmpy2.mpfr(x))
        unit = gmpy2.mpfr(2) ** max(gmpy2.get_exp(exact) - 24, -149)
        quotient = exact / unit
        distance = abs(quotient - gmpy2.floor(quotient) - gmpy2.mpfr("0.5"))
        if distance < gmpy2.mpfr(2) ** -200:
            raise ArithmeticError(f"{name}({x.hex()}) is too close to a midpoint for {PRECISION} bits")
    with gmpy2.ieee(32):
        return float(gmpy2.mpfr(exact)), float(distance)
