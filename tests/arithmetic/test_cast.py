"""Casts: one rounding to nearest even, floats to integers towards zero and held within the range, integers modulo."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stepping import SPECIAL, prepare, run_step, same_bits

from aivm.arithmetic.errors import PlanError

FLOATS = {
    "float16": (11, -24, 15),
    "bfloat16": (8, -133, 127),
    "float32": (24, -149, 127),
    "float64": (53, -1074, 1023),
}
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
NAMES = [*FLOATS, *INTEGERS, "bool"]


def numpy_type(name):
    """The type whose elements have the values."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def rounded(value, name):
    """A fraction, infinity or NaN in a float format, by the definition of rounding to nearest even."""
    digits, least, most = FLOATS[name]
    if isinstance(value, float):  # no fraction can be one of these
        return value
    if value == 0:
        return 0.0
    magnitude = abs(value)
    exponent = math.floor(math.log2(magnitude.numerator) - math.log2(magnitude.denominator))
    while Fraction(2) ** exponent > magnitude:
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= magnitude:
        exponent += 1
    unit = Fraction(2) ** max(exponent - digits + 1, least)
    result = round(magnitude / unit) * unit  # Python rounds halves to even
    if result >= Fraction(2) ** (most + 1):
        return math.copysign(math.inf, value)
    return math.copysign(float(result), value)


def wanted_of(value, source, target):
    """What one element becomes: `value` is a Python number with the element's value."""
    if target == "bool":
        return value != 0
    if target in FLOATS:
        exact = isinstance(value, float) and (value == 0 or not math.isfinite(value))
        return value if exact else rounded(Fraction(value), target)
    info = np.iinfo(target)
    if source not in FLOATS:
        return (int(value) - info.min) % 2**info.bits + info.min
    bounded = 0 if math.isnan(value) else min(max(value, -(2.0**70)), 2.0**70)
    return min(max(math.trunc(bounded), info.min), info.max)


def samples(name, rng):
    """Values of a dtype that are easy to get wrong."""
    if name == "bool":
        return np.array([False, True] * 5)
    if name in INTEGERS:
        info = np.iinfo(name)
        powers = [sign * 2**k + d for k in range(info.bits) for d in (-1, 0, 1) for sign in (1, -1)]
        halfway = [2**k + 2 ** (k - n) + d for k in range(12, 63) for n in (8, 11, 24, 53) if k > n for d in (-1, 0, 1)]
        inside = [v for v in powers + halfway if info.min <= v <= info.max]
        return np.concatenate([np.array(inside, name), rng.integers(info.min, info.max, 200, name, endpoint=True)])
    with np.errstate(all="ignore"):
        bits = rng.integers(0, 2**64, 300, np.uint64).view(np.float64)
        near = np.ldexp(1 + rng.integers(0, 2**12, 400) / 2**12, rng.integers(-30, 66, 400)) * rng.choice([-1, 1], 400)
        ends = [float(v) for item in INTEGERS for v in (np.iinfo(item).min, np.iinfo(item).max)]
        ends += [v + d for v in ends if abs(v) < 2**40 for d in (-1, -0.5, 0.5, 1)]
        halves = [
            (2**k) * (1 + Fraction(1, 2**n)) * (1 + d * Fraction(1, 2**52))
            for k in (-140, -24, -15, 0, 15, 100)
            for n in (8, 11, 24)
            for d in (-1, 0, 1)
        ]
        wide = np.concatenate(
            [SPECIAL, bits, near, ends, [float(v) for v in halves], [65504, 65519.99, 65520, 3.3895e38, 3.4e38]]
        )
        return wide.astype(numpy_type(name))


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("source", NAMES)
def test_every_cast_is_what_its_definition_says(source, target):
    x = samples(source, np.random.default_rng(50))
    values = [bool(v) if source == "bool" else float(v) if source in FLOATS else int(v) for v in x]
    wanted = [wanted_of(v, source, target) for v in values]
    bits = np.uint16 if source == "bfloat16" else x.dtype
    (y,) = run_step("cast", [x.view(bits)], [(x.shape, target)], [1], dtypes={0: source})
    result = y.view(numpy_type(target)) if target == "bfloat16" else y
    with np.errstate(all="ignore"):
        expected = np.array(wanted, np.float64 if target in FLOATS else target).astype(numpy_type(target))
    if target in FLOATS:  # the one quiet NaN, without a sign
        expected[np.isnan(expected)] = np.abs(np.array(np.nan, numpy_type(target)))
        if source == "bfloat16" and target not in {"bfloat16", "float16"}:
            assert np.isnan(result).any()
    if source == target and target in FLOATS:
        expected = np.where(np.isnan(x), expected, x)
    assert same_bits(result, expected)


@pytest.mark.parametrize("target", ["float16", "bfloat16"])
def test_every_short_float_survives_a_round_trip(target):
    every = np.arange(2**16, dtype=np.uint16)
    x = every.view(numpy_type(target))
    (wide,) = run_step(
        "cast", [every if target == "bfloat16" else x], [(every.shape, "float32")], [1], dtypes={0: target}
    )
    assert np.array_equal(wide, x.astype(np.float32), equal_nan=True)
    (back,) = run_step("cast", [wide], [(every.shape, target)], [1])
    nan = np.isnan(x.astype(np.float32))
    assert (back.view(np.uint16)[~nan] == every[~nan]).all()
    assert set(back.view(np.uint16)[nan].tolist()) == {0x7E00 if target == "float16" else 0x7FC0}


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(st.floats(width=64), min_size=1, max_size=40),
    target=st.sampled_from(["float16", "bfloat16", "float32"]),
)
def test_a_double_is_rounded_once(values, target):
    x = np.array(values)
    (y,) = run_step("cast", [x], [(x.shape, target)], [1], isas=["portable"])
    result = y.view(numpy_type(target)) if target == "bfloat16" else y
    for value, got in zip(values, result, strict=True):
        wanted = wanted_of(value, "float64", target)
        assert (
            math.isnan(float(got))
            if math.isnan(wanted)
            else (float(got), math.copysign(1, float(got))) == (wanted, math.copysign(1, wanted))
        )


def test_another_extent_is_refused_by_name():
    with pytest.raises(PlanError, match="tensors 'in0' and 'out0' differ in extent"):
        prepare("cast", [np.zeros(3, np.float32)], [((4,), "int8")], [1])
