"""Powers: correctly rounded in lanes and in integers, the same on every instruction set."""

from __future__ import annotations

import math

import gmpy2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import one_step

from aivm.arithmetic import _core

ISAS = _core.isas()
NAN = 0x7FC00000
INFINITY = math.inf


def words(array):
    return np.asarray(array, np.float32).view(np.uint32)


def power(x, y, isa, dtype="float32"):
    x, y = np.asarray(x), np.asarray(y)
    return one_step("pow", [x, y], np.broadcast_shapes(x.shape, y.shape), isa=isa, dtype=dtype)()


def mpfr_power(x, y):
    """IEEE 754's pow, which MPFR's is, as a word."""
    with gmpy2.ieee(32):
        result = float(gmpy2.mpfr(x, 24) ** gmpy2.mpfr(y, 53))
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


def test_powers_decided_in_integers_are_correctly_rounded():
    """An exponent in float64 goes there at once: all that the lanes would have decided, and more."""
    generator = np.random.default_rng(5)
    for base, exponent in random_powers(generator, 200):
        x = base.astype(np.float32)
        for y in (exponent.astype(np.float32).astype(np.float64), exponent):
            expected = [mpfr_power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
            assert words(power(x, y, "")).tolist() == expected


def test_powers_as_close_to_a_midpoint_as_an_exponent_can_bring_them_are_correctly_rounded():
    """The exponent is that float64 whose power is closest to a midpoint between two binary32, and its neighbours."""
    generator = np.random.default_rng(6)
    base = generator.uniform(1.01, 50, 300).astype(np.float32)
    below = np.exp(generator.uniform(-100, 88, 300)).astype(np.float32)  # some of them subnormal
    with gmpy2.context(precision=200):
        midpoints = [
            (gmpy2.mpfr(a) + gmpy2.mpfr(b)) / 2
            for a, b in zip(below.tolist(), np.nextafter(below, np.float32(np.inf)).tolist(), strict=True)
        ]
        closest = np.array(
            [float(gmpy2.log(m) / gmpy2.log(gmpy2.mpfr(x))) for m, x in zip(midpoints, base.tolist(), strict=True)]
        )
    for y in (np.nextafter(closest, -np.inf), closest, np.nextafter(closest, np.inf)):
        expected = [mpfr_power(a, b) for a, b in zip(base.tolist(), y.tolist(), strict=True)]
        assert words(power(base, y, "")).tolist() == expected


@pytest.mark.parametrize("isa", ISAS)
def test_powers_at_and_beside_a_midpoint_are_correctly_rounded(isa):
    """Squares and cubes of numbers of 13 and 9 bits, and their roots: exact results, ties, and their neighbours."""
    odd = np.arange(4097, 8192, 2, dtype=np.float32)  # the square has 25 or 26 bits
    cube = np.arange(257, 512, 2, dtype=np.float32)  # the cube has 25 to 27
    for x, exponent in ((odd, 2), (cube, 3), (odd[:400] ** 2, 0.5), (cube**2, 1.5), (odd[:400], -1), (cube, -2)):
        # The exponent of each its own, so that no case of one exponent for all is taken.
        for scale in (1.0, 2.0**-80, 2.0**60):
            scaled = (x * scale).astype(np.float32)
            y = np.full_like(scaled, exponent)
            expected = [mpfr_power(a, b) for a, b in zip(scaled.tolist(), y.tolist(), strict=True)]
            assert words(power(scaled, y, isa)).tolist() == expected


@given(x=st.integers(0, 2**32 - 1), y=st.integers(0, 2**32 - 1))
def test_any_two_numbers_have_the_power_that_mpfr_gives(x, y):
    pair = np.array([x, y], np.uint32).view(np.float32)
    assert words(power(pair[:1], pair[1:], ""))[0] == mpfr_power(float(pair[0]), float(pair[1]))


@given(x=st.floats(0.5, 2, width=32), y=st.floats(-150, 150, width=32))
def test_any_two_ordinary_numbers_have_the_power_that_mpfr_gives(x, y):
    assert words(power(np.float32([x]), np.float32([y]), ""))[0] == mpfr_power(x, y)


def test_places_in_the_array_do_not_matter():
    generator = np.random.default_rng(8)
    x = np.exp(generator.standard_normal(2003) * 3).astype(np.float32)
    y = (generator.standard_normal(2003) * 8).astype(np.float32)
    x[::17], y[::19] = -3, 2.5
    first = words(power(x, y, ISAS[0]))
    for isa in ISAS:
        assert np.array_equal(words(power(x, y, isa)), first)
        assert np.array_equal(words(power(x[7:], y[7:], isa)), first[7:])
        assert np.array_equal(words(power(x[:3], y[:3], isa)), first[:3])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("exponent", [2.0, 0.5, 3.0, -1.0])
def test_one_exponent_for_all_changes_nothing(exponent, isa):
    x = np.random.default_rng(4).integers(0, 2**32, 3001, np.uint64).astype(np.uint32).view(np.float32)
    one = power(x, np.float32([exponent]), isa)
    assert np.array_equal(words(one), words(power(x, np.full_like(x, exponent), isa)))


@pytest.mark.parametrize("isa", ISAS)
def test_cubes_are_correctly_rounded(isa):
    generator = np.random.default_rng(5)
    words_of_any_kind = generator.integers(0, 1 << 32, 1500, np.uint64).astype(np.uint32).view(np.float32)
    scales = np.float32(10) ** generator.uniform(-16, 13, 1500).astype(np.float32)  # subnormal to overflowing
    midway = np.arange(257, 512, 2, dtype=np.float32)  # some of their cubes, between two binary32
    x = [words_of_any_kind, generator.standard_normal(1500, np.float32) * scales, np.float32(BASES), midway]
    x = np.concatenate(x)
    expected = [mpfr_power(a, 3.0) for a in x.tolist()]
    assert words(power(x, np.float32([3]), isa)).tolist() == expected


def test_exponents_of_other_dtypes_are_taken_as_they_are():
    x = np.float32([2, -1, -1, 3, 1.5])
    assert power(x, np.int64([10, 2**53 + 1, 2**62, -2, 0]), "").tolist() == [1024, -1, 1, np.float32(1 / 9), 1]
    assert words(power(np.float32([7.0]), np.float64([1 / 3]), ""))[0] == mpfr_power(7.0, 1 / 3)
    assert words(power(np.float32([1.0000001]), np.int64([-(2**29) - 1]), ""))[0] == mpfr_power(
        float(np.float32(1.0000001)), -(2.0**29) - 1
    )


def test_powers_of_integers_wrap_and_their_reciprocals_are_rounded_to_zero():
    x = np.int32([3, 2, -2, 7, 1, -1, -1, 5])
    y = np.int32([4, 31, 3, 0, -5, -5, -4, -1])
    assert power(x, y, "", "int32").tolist() == [81, -(2**31), -8, 1, 1, -1, 1, 0]
    assert power(x[:3], np.float32([4, 0.5, 3]), "", "int32").tolist() == [81, 1, -8]
