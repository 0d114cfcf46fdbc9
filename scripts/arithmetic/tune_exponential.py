"""Move coefficients of exp by a few units in the last place until the hardest roundings come out right.

The inputs are the worst cases of exp and sigmoid that the exhaustive run found (tests/vectors/arithmetic/worst_cases):
what is not among them is farther from a rounding boundary than the approximation errs. The exhaustive run has the last
word.
"""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gmpy2

Function = Callable[..., float]

CASES = Path(__file__).parents[2] / "tests/vectors/arithmetic/worst_cases"
MAGIC = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer


def to_binary32(word: str) -> float:
    return float(struct.unpack("<f", int(word, 16).to_bytes(4, "little"))[0])


def rounded(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def moved(value: float, units: int) -> float:
    """The double that is so many units in the last place away."""
    return value + units * math.ulp(value)


def exponential(x: float, tail: list[float], table: list[float], inverse_step: float, step: float) -> float:
    """What functions/exponential.inl computes with AVX-512, operation by operation."""
    with gmpy2.context(precision=53) as context:
        fma = context.fma  # rounded once, to 53 bits
        k = float(fma(x, inverse_step, MAGIC)) - MAGIC
        r = fma(k, -step, x)
        square = r * r
        a, b = fma(square, tail[4], tail[2]), fma(square, tail[3], tail[1])
        p = fma(b, r, fma(a, square, tail[0]))
        p = fma(square, p, r)
        power, j = divmod(int(k), 8)
        return math.ldexp(float(fma(table[j], p, table[j])), power)


def sigmoid(x: float, *parameters: Any) -> float:
    """What functions/sigmoid.inl computes from it, away from zero."""
    e = exponential(-abs(x), *parameters)
    return (e if x < 0 else 1.0) / (1.0 + e)


def worst_cases(name: str) -> list[tuple[float, float]]:
    cases = json.loads((CASES / f"{name}.json").read_text())["cases"]
    return [(to_binary32(case["x"]), to_binary32(case["y"])) for case in cases]


def tuned(
    tail: list[float], table: list[float], *, inverse_step: float, step: float
) -> tuple[list[float], list[float]]:
    """(tail, table) with which no worst case is rounded wrongly, found by a random search from those given.

    Raises:
        RuntimeError: if a long search finds none.
    """
    cases: list[tuple[Function, float, float]] = [(exponential, x, y) for x, y in worst_cases("exp")]
    cases += [(sigmoid, x, y) for x, y in worst_cases("sigmoid") if abs(x) >= 2.0**-11]
    generator = random.Random(8)  # noqa: S311 (a search, not a secret)

    def failures(tail: list[float], table: list[float], limit: int) -> int:
        count = 0
        for position, (function, x, y) in enumerate(cases):
            if rounded(function(x, tail, table, inverse_step, step)) != y:
                count += 1
                cases.insert(0, cases.pop(position))  # likely to fail again: look there first
                if count > limit:
                    break
        return count

    best, best_tail, best_table = failures(tail, table, len(cases)), tail, table
    for _ in range(200_000):
        if best == 0:
            return best_tail, best_table
        start = best_tail if generator.random() < 0.7 else tail
        # Coefficient i counts r^(i+2), |r| < 2^-4.5: these steps change the value by about 2^-53.
        new_tail = [
            c + generator.choice((0, 1)) * generator.gauss(0, 2.0 ** (-53 + 4.5 * (i + 2) - generator.randrange(5)))
            for i, c in enumerate(start)
        ]
        new_table = list(best_table)
        if generator.random() < 0.5:
            j = generator.randrange(1, 8)
            new_table[j] = moved(table[j], generator.randrange(-3, 4))
        count = failures(new_tail, new_table, best)
        if count <= best:
            best, best_tail, best_table = count, new_tail, new_table
    raise RuntimeError("no choice was found that rounds all worst cases correctly")
