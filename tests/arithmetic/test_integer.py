"""Sums of products of 8-bit integers: exact, whatever the instruction set, the zero points and the tiles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stepping import prepare, run_step, same_bits

from aivm.arithmetic.errors import PlanError

BYTES = [np.int8, np.uint8]


def sample(rng, shape, dtype):
    """Bytes, the ends of their range among them."""
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    if rng.random() < 0.3:
        values[...] = rng.choice([info.min, info.max], shape)
    return values


def wrapped(exact):
    """Modulo 2^32."""
    return exact.astype(np.int64).astype(np.uint64).astype(np.uint32).view(np.int32)


@settings(max_examples=150, deadline=None)
@given(
    extents=st.tuples(
        st.sampled_from([1, 2, 3, 5, 6, 11, 12, 13, 30]),
        st.sampled_from([1, 7, 15, 16, 17, 31, 32, 33, 64, 65, 100]),
        st.sampled_from([0, 1, 2, 3, 4, 5, 31, 64, 130]),
    ),
    kinds=st.tuples(st.sampled_from(BYTES), st.sampled_from(BYTES)),
    zeros=st.tuples(st.sampled_from(["none", "one", "each"]), st.sampled_from(["none", "one", "each"])),
    constant=st.sampled_from([(), (1,), (1, 3), (0, 1, 2, 3)]),
    seed=st.integers(0, 2**32),
)
def test_products_of_matrices_are_exact(extents, kinds, zeros, constant, seed):
    rows, columns, terms = extents
    rng = np.random.default_rng(seed)
    a, b = sample(rng, (rows, terms), kinds[0]), sample(rng, (terms, columns), kinds[1])
    a_zero = None if zeros[0] == "none" else sample(rng, (1 if zeros[0] == "one" else rows,), kinds[0])
    b_zero = None if zeros[1] == "none" else sample(rng, (1 if zeros[1] == "one" else columns,), kinds[1])
    left = a.astype(np.int64) - (0 if a_zero is None else a_zero.astype(np.int64)[:, None])
    right = b.astype(np.int64) - (0 if b_zero is None else b_zero.astype(np.int64)[None])
    (y,) = run_step("matmul_integer", [a, b, a_zero, b_zero], [((rows, columns), "int32")], constant=constant)
    assert same_bits(y, wrapped(left @ right))


@pytest.mark.parametrize("kinds", list(itertools.product(BYTES, BYTES)))
@pytest.mark.parametrize("constant", [(), (1,)])
def test_large_products_and_stacks_of_them_are_exact(kinds, constant):
    rng = np.random.default_rng(70)
    for left, right in [
        ((200, 300), (300, 500)),
        ((1, 3000), (3000, 200)),
        ((3, 1, 9, 70), (2, 70, 40)),
        ((4, 5, 6), (6, 7)),
    ]:
        a, b = sample(rng, left, kinds[0]), sample(rng, right, kinds[1])
        zeros = [sample(rng, (1,), kinds[0]), sample(rng, (right[-1],), kinds[1])]
        exact = (a.astype(np.int64) - zeros[0]) @ (b.astype(np.int64) - zeros[1].astype(np.int64))
        (y,) = run_step("matmul_integer", [a, b, *zeros], [(exact.shape, "int32")], constant=constant)
        assert same_bits(y, wrapped(exact))


def test_a_sum_beyond_32_bits_wraps():
    terms = 70000
    a, b = np.full((1, terms), 255, np.uint8), np.full((terms, 1), 255, np.uint8)
    (y,) = run_step("matmul_integer", [a, b], [((1, 1), "int32")])
    assert y[0, 0] == (255 * 255 * terms + 2**31) % 2**32 - 2**31


def convolved(x, w, group, window, outs):
    """Plainly, over outputs and taps; positions outside the input are left out."""
    kernel, strides, dilations, begin, _ = window
    images, channels, maps = x.shape[0], w.shape[1], w.shape[0] // group
    y = np.zeros((images, w.shape[0], *outs), np.int64)
    for out in itertools.product(*map(range, outs)):
        for tap in itertools.product(*map(range, kernel)):
            at = [o * s - b + k * d for o, s, b, k, d in zip(out, strides, begin, tap, dilations, strict=True)]
            if not all(0 <= i < size for i, size in zip(at, x.shape[2:], strict=True)):
                continue
            for g in range(group):
                seen = x[(slice(None), slice(g * channels, (g + 1) * channels), *at)]
                y[(slice(None), slice(g * maps, (g + 1) * maps), *out)] += (
                    seen @ w[(slice(g * maps, (g + 1) * maps), slice(None), *tap)].T
                )
    return y


axis_windows = st.tuples(
    st.integers(1, 9), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(0, 2)
)


@settings(max_examples=120, deadline=None)
@given(
    axes=st.lists(axis_windows, min_size=1, max_size=3),
    planes=st.tuples(
        st.integers(1, 2), st.sampled_from([1, 2, 3]), st.sampled_from([1, 2, 3, 5, 14]), st.sampled_from([1, 2, 3])
    ),
    kinds=st.tuples(st.sampled_from(BYTES), st.sampled_from(BYTES)),
    zeros=st.tuples(st.booleans(), st.sampled_from(["none", "one", "each"])),
    seed=st.integers(0, 2**32),
)
def test_convolutions_are_exact(axes, planes, kinds, zeros, seed):
    sizes, *window = (list(part) for part in zip(*axes, strict=True))
    images, channels, maps, group = planes
    outs = [(n + b + e - (k - 1) * d - 1) // s + 1 for n, k, s, d, b, e in zip(sizes, *window, strict=True)]
    assume(all(n + b + e >= (k - 1) * d + 1 for n, k, s, d, b, e in zip(sizes, *window, strict=True)))
    rng = np.random.default_rng(seed)
    x = sample(rng, (images, group * channels, *sizes), kinds[0])
    w = sample(rng, (group * maps, channels, *window[0]), kinds[1])
    x_zero = sample(rng, (1,), kinds[0]) if zeros[0] else None
    w_zero = None if zeros[1] == "none" else sample(rng, (1 if zeros[1] == "one" else len(w),), kinds[1])
    left = x.astype(np.int64) - (0 if x_zero is None else int(x_zero[0]))
    shift = 0 if w_zero is None else w_zero.astype(np.int64).reshape(-1, *([1] * (w.ndim - 1)))
    wanted = convolved(left, w.astype(np.int64) - shift, group, window, outs)
    ints = [group, len(sizes), *itertools.chain.from_iterable(window)]
    (y,) = run_step("conv_integer", [x, w, x_zero, w_zero], [(wanted.shape, "int32")], ints)
    assert same_bits(y, wrapped(wanted))


@pytest.mark.parametrize(
    ("shape", "weights", "placing"),
    [
        ((1, 64, 28, 28), (96, 64, 3, 3), (1, 1, 1)),
        ((2, 40, 15, 15), (33, 40, 1, 1), (1, 1, 0)),
        ((1, 3, 64, 64), (20, 3, 7, 7), (1, 2, 3)),
        ((1, 48, 20, 20), (48, 1, 3, 3), (48, 1, 1)),
        ((1, 256, 7, 7), (300, 256, 3, 3), (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("kinds", list(itertools.product(BYTES, BYTES)))
def test_convolutions_of_networks_are_exact(shape, weights, placing, kinds):
    group, stride, pad = placing
    rng = np.random.default_rng(71)
    x, w = sample(rng, shape, kinds[0]), sample(rng, weights, kinds[1])
    zeros = [sample(rng, (1,), kinds[0]), sample(rng, (weights[0],), kinds[1])]
    kernel = list(weights[2:])
    outs = [(n + 2 * pad - k) // stride + 1 for n, k in zip(shape[2:], kernel, strict=True)]
    window = [kernel, [stride] * 2, [1, 1], [pad] * 2, [pad] * 2]
    shift = zeros[1].astype(np.int64).reshape(-1, 1, 1, 1)
    left, right = x.astype(np.int64) - int(zeros[0][0]), w.astype(np.int64) - shift
    wide = np.pad(left, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    wanted = np.zeros((shape[0], weights[0], *outs), np.int64)
    for i, j in itertools.product(*map(range, kernel)):
        part = wide[:, :, i : i + stride * outs[0] : stride, j : j + stride * outs[1] : stride][
            :, :, : outs[0], : outs[1]
        ]
        if group == 1:
            wanted += np.einsum("nchw,mc->nmhw", part.astype(np.float64), right[:, :, i, j].astype(np.float64)).astype(
                np.int64
            )
        else:
            wanted += part * right[:, 0, i, j].reshape(-1, 1, 1)
    ints = [group, 2, *itertools.chain.from_iterable(window)]
    (y,) = run_step("conv_integer", [x, w, *zeros], [(wanted.shape, "int32")], ints)
    assert same_bits(y, wrapped(wanted))


@pytest.mark.parametrize(
    ("op", "inputs", "out", "ints", "message"),
    [
        ("matmul_integer", [((2, 3), "int8"), ((4, 5), "int8")], ((2, 5), "int32"), [], "do not fit together"),
        ("matmul_integer", [((2, 3), "int16"), ((3, 5), "int8")], ((2, 5), "int32"), [], "'in0' is int16"),
        ("matmul_integer", [((3,), "int8"), ((3, 5), "int8")], ((5,), "int32"), [], "matrices have two axes"),
        (
            "matmul_integer",
            [((2, 3), "int8"), ((3, 5), "int8"), ((3,), "int8")],
            ((2, 5), "int32"),
            [],
            "zero point 'in2' of 'in0' has 3",
        ),
        (
            "matmul_integer",
            [((2, 3), "int8"), ((3, 5), "int8"), ((1,), "uint8")],
            ((2, 5), "int32"),
            [],
            "'in2' is uint8, not int8",
        ),
        (
            "matmul_integer",
            [((2, 2, 3), "int8"), ((3, 3, 5), "int8")],
            ((2, 2, 5), "int32"),
            [],
            "'in1' of shape .* does not broadcast",
        ),
        (
            "conv_integer",
            [((1, 4, 9), "int8"), ((6, 2, 3), "int8")],
            ((1, 6, 7), "int32"),
            [1, 1, 3, 1, 1, 0, 0],
            "in 1 groups",
        ),
        (
            "conv_integer",
            [((1, 4, 9), "int8"), ((6, 4, 3), "int8")],
            ((1, 6, 7), "int32"),
            [0, 1, 3, 1, 1, 0, 0],
            "in 0 groups",
        ),
        (
            "conv_integer",
            [((1, 4, 9), "int8"), ((6, 4, 3), "int8")],
            ((1, 6, 7), "int32"),
            [1, 1, 2, 1, 1, 0, 0],
            "'in1' does not have the kernel's",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(op, inputs, out, ints, message):
    with pytest.raises(PlanError, match=message):
        prepare(op, [np.zeros(shape, dtype) for shape, dtype in inputs], [out], ints)
