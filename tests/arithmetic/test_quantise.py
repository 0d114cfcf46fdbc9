"""Quantisation: one division or product, rounded to the nearest whole number and held within the range."""

from __future__ import annotations

import numpy as np
import pytest
from reference.quantising import to_integer
from stepping import SPECIAL, canonical, prepare, run_step, same_bits, specials

from aivm.arithmetic.errors import PlanError

SMALL = [np.int8, np.uint8, np.int16, np.uint16]


def layouts(rng, dtype, block_size=0):
    """x's shape, the axis, scales and zeros as the step has them, and as they broadcast to x."""
    for shape, axis in [((3, 40, 7), 1), ((40, 33), 1), ((5, 9), 0), ((2, 64), 1)]:
        if block_size:
            scales = tuple(-(-n // block_size) if i == axis else n for i, n in enumerate(shape))
        else:
            scales = (shape[axis],)
        scale = np.exp2(rng.uniform(-6, 2, scales)).astype(np.float32)
        info = np.iinfo(dtype)
        zero = rng.integers(info.min, info.max, scales, dtype, endpoint=True)
        if block_size:
            spread = [np.repeat(part, block_size, axis)[tuple(slice(n) for n in shape)] for part in (scale, zero)]
        else:
            spread = [part.reshape([-1 if i == axis else 1 for i in range(len(shape))]) for part in (scale, zero)]
        yield shape, axis, scale, zero, *spread


def whole_tensor(rng, dtype):
    """One scale for all."""
    info = np.iinfo(dtype)
    for scale in (0.5, 0.1, 3.0):
        zero = rng.integers(info.min, info.max, (1,), dtype, endpoint=True)
        yield (7, 300), 0, np.float32([scale]), zero, np.float32([scale]), zero


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize("block", [None, 0, 1, 4, 16])
@pytest.mark.parametrize("has_zero", [False, True])
def test_numbers_are_quantised_by_their_scales(dtype, block, has_zero):
    rng = np.random.default_rng(60)
    cases = whole_tensor(rng, dtype) if block is None else layouts(rng, dtype, block)
    for shape, axis, scale, zero, scales, zeros in cases:
        with np.errstate(over="ignore"):
            x = specials(rng, shape, share=0.05) * np.float32(np.iinfo(dtype).max / 40)
        x[0] = scales.reshape(-1)[0] * (np.arange(x[0].size).reshape(x[0].shape) % 9 - 4 + np.float32(0.5))  # ties
        with np.errstate(all="ignore"):
            wanted = to_integer((x / scales).astype(np.float32), zeros.astype(np.float64) if has_zero else 0, dtype)
        (y,) = run_step(
            "quantize_linear", [x, scale, zero if has_zero else None], [(shape, np.dtype(dtype))], [axis, block or 0, 1]
        )
        assert same_bits(y, wanted)


@pytest.mark.parametrize("dtype", [*SMALL, np.int32])
@pytest.mark.parametrize("block", [None, 0, 1, 4, 16])
@pytest.mark.parametrize("has_zero", [False, True])
def test_small_integers_are_numbers_again(dtype, block, has_zero):
    rng = np.random.default_rng(61)
    info = np.iinfo(dtype)
    cases = whole_tensor(rng, dtype) if block is None else layouts(rng, dtype, block)
    for shape, axis, scale, zero, scales, zeros in cases:
        x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
        wanted = (x.astype(np.int64) - (zeros.astype(np.int64) if has_zero else 0)).astype(np.float32) * scales
        (y,) = run_step(
            "dequantize_linear", [x, scale, zero if has_zero else None], [(shape, "float32")], [axis, block or 0]
        )
        assert same_bits(y, wanted)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("per_axis", [False, True])
@pytest.mark.parametrize("has_zero", [False, True])
def test_sums_are_scaled_to_small_integers(dtype, per_axis, has_zero):
    rng = np.random.default_rng(62)
    for shape, axis, scale, zero, scales, zeros in layouts(rng, dtype) if per_axis else whole_tensor(rng, dtype):
        x = rng.integers(-(2**31), 2**31 - 1, shape, np.int32, endpoint=True) >> rng.integers(0, 31, shape, np.int32)
        wanted = to_integer(x.astype(np.float32) * scales, zeros.astype(np.float64) if has_zero else 0, dtype)
        (y,) = run_step("requantize", [x, scale, zero if has_zero else None], [(shape, np.dtype(dtype))], [axis])
        assert same_bits(y, wanted)


def test_what_is_not_a_number_counts_as_zero_and_infinities_are_the_ends():
    x = np.float32([np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, -0.0])
    (y,) = run_step("quantize_linear", [x, np.float32([1e-30]), np.int8([5])], [((6,), "int8")], [0, 0, 1])
    assert y.tolist() == [5, 127, -128, 127, -128, 5]
    (z,) = run_step("quantize_linear", [x, np.float32([0]), np.uint8([5])], [((6,), "uint8")], [0, 0, 1])
    assert z.tolist() == [5, 255, 0, 255, 0, 5]


def test_a_scale_that_is_no_number_gives_the_one_nan():
    scales = np.resize(SPECIAL, 34)
    x = np.arange(34, dtype=np.int8)
    with np.errstate(all="ignore"):
        wanted = canonical(x.astype(np.float32) * scales)
    (y,) = run_step("dequantize_linear", [x, scales], [((34,), "float32")], [0, 0])
    assert same_bits(y, wanted)


@pytest.mark.parametrize(
    ("op", "inputs", "out", "ints", "message"),
    [
        (
            "quantize_linear",
            [((2, 3), "float32"), ((2,), "float32")],
            ((2, 3), "int8"),
            [1, 0, 1],
            r"scale 'in1' of shape \[2\] does not fit",
        ),
        (
            "quantize_linear",
            [((2, 3), "float32"), ((3,), "float32")],
            ((2, 3), "int8"),
            [2, 0, 1],
            "'in0' has no axis 2",
        ),
        (
            "quantize_linear",
            [((2, 3), "float32"), ((2, 3), "float32")],
            ((2, 3), "int8"),
            [1, 2, 1],
            r"scale 'in1' of shape \[2, 3\] does not",
        ),
        (
            "quantize_linear",
            [((2, 3), "float32"), ((2, 1), "float32")],
            ((2, 3), "int8"),
            [1, -2, 1],
            "'in0' has no axis",
        ),
        ("quantize_linear", [((2,), "float32"), ((1,), "float32")], ((2,), "int32"), [0, 0, 1], "'out0' is int32"),
        (
            "quantize_linear",
            [((2,), "float32"), ((1,), "float32"), ((1,), "int8")],
            ((2,), "uint8"),
            [0, 0, 1],
            "'in2' is int8, not uint8",
        ),
        (
            "quantize_linear",
            [((2,), "float32"), ((1,), "float32"), ((2,), "int8")],
            ((2,), "int8"),
            [0, 0, 1],
            "zero 'in2' does not",
        ),
        ("dequantize_linear", [((2,), "float32"), ((1,), "float32")], ((2,), "float32"), [0, 0], "'in0' is float32"),
        ("dequantize_linear", [((2,), "int8"), ((1,), "float32")], ((3,), "float32"), [0, 0], "differ in extent"),
        ("requantize", [((2,), "int32"), ((1,), "float32")], ((2,), "int16"), [0], "'out0' is int16, not uint8"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(op, inputs, out, ints, message):
    with pytest.raises(PlanError, match=message):
        prepare(op, [np.zeros(shape, dtype) for shape, dtype in inputs], [out], ints)
