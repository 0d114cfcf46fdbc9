"""The elementary functions: correctly rounded, the same on every instruction set.

That all 2^32 inputs are right is shown by prove_functions.py, which takes an hour; here are its hardest cases, the
values at the ends of every domain, and the question whether what was proven is what is there.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import one_step
from prove_functions import NAMES, digest, evaluate

from aivm.arithmetic import _core

VECTORS = Path(__file__).parents[1] / "vectors/arithmetic"
ISAS = _core.isas()
NAN = 0x7FC00000
INFINITY = math.inf
ODD = ["asin", "asinh", "atan", "atanh", "erf", "sin", "sinh", "tan", "tanh"]


def words(array):
    return np.asarray(array, np.float32).view(np.uint32)


def from_words(values):
    return np.array(values, np.uint32).view(np.float32)


def apply(name, x, isa):
    x = np.asarray(x, np.float32)
    return one_step(name, [x], x.shape, isa=isa)()


def power(x, y, isa, dtype="float32"):
    x, y = np.asarray(x), np.asarray(y)
    return one_step("pow", [x, y], np.broadcast_shapes(x.shape, y.shape), isa=isa, dtype=dtype)()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", NAMES)
def test_the_cases_closest_to_a_rounding_boundary_are_right(name, isa):
    cases = json.loads((VECTORS / f"worst_cases/{name}.json").read_text())["cases"]
    x = from_words([int(case["x"], 16) for case in cases])
    expected = [int(case["y"], 16) for case in cases]
    assert words(apply(name, x, isa)).tolist() == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_worst_cases_are_what_mpfr_says(name):
    cases = json.loads((VECTORS / f"worst_cases/{name}.json").read_text())["cases"]
    for case in cases[:32]:
        argument = gmpy2.mpfr(float(from_words([int(case["x"], 16)])[0]))
        with gmpy2.context(precision=300):
            exact = evaluate(name, argument)
        with gmpy2.ieee(32):
            rounded = np.float32(float(gmpy2.mpfr(exact)))
        assert words([rounded])[0] == int(case["y"], 16)


@pytest.mark.parametrize("name", NAMES)
def test_the_proof_over_all_inputs_was_of_these_sources(name):
    proof = json.loads((VECTORS / "proofs.json").read_text())[name]
    assert proof["sources"] == digest(name), f"{name} changed: run tests/arithmetic/prove_functions.py {name}"
    assert proof["inputs"] == 2**32 == proof["decided_by_bound"] + proof["decided_by_mpfr"]
    assert proof["oracle_error_log2"] < -41


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", NAMES)
def test_every_nan_gives_the_one_nan(name, isa):
    nans = from_words([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FD55555] * 7)
    assert set(words(apply(name, nans, isa)).tolist()) == {NAN}


SPECIAL = [
    ("acos", 1.0, 0.0), ("acos", 1.0000001, None), ("acos", -INFINITY, None), ("acosh", 1.0, 0.0),
    ("acosh", 0.99999994, None), ("acosh", -1.0, None), ("acosh", -INFINITY, None), ("acosh", INFINITY, INFINITY),
    ("asin", 1.0000001, None), ("asinh", -INFINITY, -INFINITY), ("atan", INFINITY, math.pi / 2),
    ("atanh", 1.0, INFINITY), ("atanh", -1.0, -INFINITY), ("atanh", 1.0000001, None), ("cos", 0.0, 1.0),
    ("cos", INFINITY, None), ("cosh", -INFINITY, INFINITY), ("cosh", 0.0, 1.0), ("erf", INFINITY, 1.0),
    ("erf", -INFINITY, -1.0), ("exp", -INFINITY, 0.0), ("exp", INFINITY, INFINITY), ("exp", 88.72284, INFINITY),
    ("exp", 88.72283, 3.4027985e38), ("exp", -103.97208, 1e-45), ("exp", -103.97209, 0.0), ("exp", 0.0, 1.0),
    ("exp", -0.0, 1.0), ("log", 0.0, -INFINITY), ("log", -0.0, -INFINITY), ("log", 1.0, 0.0), ("log", -1e-45, None),
    ("log", INFINITY, INFINITY), ("log", -INFINITY, None), ("reciprocal", 0.0, INFINITY),
    ("reciprocal", -0.0, -INFINITY), ("reciprocal", -INFINITY, -0.0), ("sigmoid", 0.0, 0.5),
    ("sigmoid", -INFINITY, 0.0), ("sigmoid", INFINITY, 1.0), ("sin", -INFINITY, None),
    ("sinh", -INFINITY, -INFINITY), ("sqrt", -0.0, -0.0), ("sqrt", -1e-45, None), ("sqrt", INFINITY, INFINITY),
    ("tan", INFINITY, None), ("tanh", -INFINITY, -1.0), ("tanh", INFINITY, 1.0),
    *[(name, zero, zero) for name in ODD for zero in (0.0, -0.0)],
    *[(name, tiny, tiny) for name in ODD if name != "erf" for tiny in (1e-45, -1e-45)],
]  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("name", "x", "y"), SPECIAL)
def test_the_ends_of_the_domains_are_what_the_limits_are(name, x, y, isa):
    expected = NAN if y is None else words([y])[0]
    assert words(apply(name, [x], isa))[0] == expected
    # Among ordinary neighbours, where the loops take another way.
    among = np.full(100, 0.5, np.float32)
    among[37] = x
    assert words(apply(name, among, isa))[37] == expected


@pytest.mark.parametrize("name", NAMES)
def test_instruction_sets_and_places_in_the_array_do_not_matter(name):
    generator = np.random.default_rng(len(name))
    anything = generator.integers(0, 2**32, 20_011, np.uint64).astype(np.uint32).view(np.float32)
    usual = generator.standard_normal(20_011, np.float32) * np.float32(3)
    for x in (anything, usual):
        first = words(apply(name, x, ISAS[0]))
        for isa in ISAS[1:]:
            assert np.array_equal(words(apply(name, x, isa)), first)
        shifted = words(apply(name, x[5:], ISAS[0]))
        assert np.array_equal(shifted, first[5:])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(word=st.integers(0, 2**32 - 1))
def test_any_input_gives_what_mpfr_gives(name, word):
    x = from_words([word])
    if not np.isfinite(x[0]) or x[0] == 0:
        return
    with gmpy2.context(precision=300):
        exact = evaluate(name, gmpy2.mpfr(float(x[0])))
    with gmpy2.ieee(32):
        rounded = float(gmpy2.mpfr(exact))
    expected = NAN if math.isnan(rounded) else words([np.float32(rounded)])[0]
    assert words(apply(name, x, ""))[0] == expected


def mpfr_power(x, y):
    """IEEE 754's pow, which MPFR's is, as a word."""
    with gmpy2.ieee(32):
        result = float(gmpy2.mpfr(x) ** gmpy2.mpfr(y))
    return NAN if math.isnan(result) else int(words([np.float32(result)])[0])


BASES = [
    0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, math.nan, 2.0, -2.0, 0.5, 3.0, -3.0, 1.5, 1e-45, -1e-45, 3.4028235e38,
    4097.0, 1 - 2**-24, 1 + 2**-23, 16.0, 0.0625, 81.0, -8.0,
]  # fmt: skip
EXPONENTS = [
    0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, math.nan, 2.0, 0.5, -0.5, 3.0, -3.0, 0.25, 0.75, 1e-45, 1e9, -1e9,
    16777215.0, 16777216.0, 3.4028235e38, -3.4028235e38, -149.0, -150.0, 127.0, 128.0,
]  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
def test_powers_of_special_values_are_those_of_ieee_754(isa):
    x = np.repeat(np.float32(BASES), len(EXPONENTS))
    y = np.tile(np.float32(EXPONENTS), len(BASES))
    expected = [mpfr_power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert words(power(x, y, isa)).tolist() == expected


def random_powers(generator, count):
    """Bases and exponents of which many have exact, midway, subnormal or overflowing powers."""
    whole = generator.integers
    yield np.exp(generator.standard_normal(count) * 3), generator.standard_normal(count) * 10
    yield 1 + generator.standard_normal(count) * 1e-5, generator.standard_normal(count) * 1e6
    yield (
        whole(1, 8192, count) * 2.0 ** whole(-30, 30, count),
        generator.choice([2, 3, 4, 0.5, 1.5, 0.25, 2.5, -1], count),
    )
    yield (
        whole(1, 300, count) ** generator.choice([2.0, 4.0], count),
        generator.choice([0.5, 1.5, 0.25, 0.75, 3.5], count),
    )
    yield 2.0 ** whole(-149, 127, count), whole(-600, 600, count) / 2.0 ** whole(0, 9, count)
    yield -whole(1, 50, count), whole(-40, 40, count)
    base = generator.uniform(0.5, 2, count)
    yield base, -generator.uniform(126, 150, count) / np.log2(base)


@pytest.mark.parametrize("isa", ISAS)
def test_powers_are_correctly_rounded(isa):
    generator = np.random.default_rng(3)
    for base, exponent in random_powers(generator, 500):
        x, y = base.astype(np.float32), exponent.astype(np.float32)
        expected = [mpfr_power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        assert words(power(x, y, isa)).tolist() == expected


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("exponent", [2.0, 0.5, 3.0, -1.0])
def test_one_exponent_for_all_changes_nothing(exponent, isa):
    x = np.random.default_rng(4).integers(0, 2**32, 3001, np.uint64).astype(np.uint32).view(np.float32)
    one = power(x, np.float32([exponent]), isa)
    assert np.array_equal(words(one), words(power(x, np.full_like(x, exponent), isa)))


def test_exponents_of_other_dtypes_are_taken_as_they_are():
    x = np.float32([2, -1, -1, 3, 1.5])
    assert power(x, np.int64([10, 2**53 + 1, 2**62, -2, 0]), "").tolist() == [1024, -1, 1, np.float32(1 / 9), 1]
    third = power(np.float32([7.0]), np.float64([1 / 3]), "")
    with gmpy2.ieee(32):
        assert float(third[0]) == float(gmpy2.mpfr(gmpy2.mpfr(7) ** gmpy2.mpfr(1 / 3, 53)))


def test_powers_of_integers_wrap_and_their_reciprocals_are_rounded_to_zero():
    x = np.int32([3, 2, -2, 7, 1, -1, -1, 5])
    y = np.int32([4, 31, 3, 0, -5, -5, -4, -1])
    assert power(x, y, "", "int32").tolist() == [81, -(2**31), -8, 1, 1, -1, 1, 0]
    assert power(x[:3], np.float32([4, 0.5, 3]), "", "int32").tolist() == [81, 1, -8]
