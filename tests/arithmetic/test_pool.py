"""Pooling: every window by itself, in the written order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference.pooling import pooled
from reference.windows import outputs_of
from stepping import canonical, prepare, run_step, same_bits, specials
from test_elementwise import NUMBERS, sample

from aivm.arithmetic.errors import PlanError


def window_ints(kernel, strides, dilations, begin, end):
    return [len(kernel), *kernel, *strides, *dilations, *begin, *end]


def named(window):
    """The window as the reference has it."""
    return dict(zip(("kernel", "strides", "dilations", "begin", "end"), window, strict=True))


def check(x, window, outs, *, include_pad, column_major):
    """Both pools, and with channels last the same numbers."""
    ints = window_ints(*window)
    shape = (*x.shape[:2], *outs)
    wanted, places = pooled(x, named(window), outs, mean=False, column_major=column_major)
    y, indices = run_step("max_pool", [x], [(shape, x.dtype), (shape, "int64")], [*ints, column_major])
    wanted = canonical(wanted)
    assert same_bits(y, wanted)
    assert same_bits(indices, places)
    (y,) = run_step("max_pool", [x], [(shape, x.dtype)], [*ints, column_major])
    assert same_bits(y, wanted)
    if x.dtype.kind == "f":
        mean = canonical(pooled(x, named(window), outs, mean=True, include_pad=include_pad)[0])
        (y,) = run_step("average_pool", [x], [(shape, x.dtype)], [*ints, include_pad])
        assert same_bits(y, mean)
    last, last_shape = np.moveaxis(x, 1, -1), (shape[0], *outs, shape[1])
    (y,) = run_step("max_pool", [last], [(last_shape, x.dtype)], [*ints, column_major, 1, 1])
    assert same_bits(np.ascontiguousarray(np.moveaxis(y, -1, 1)), wanted)
    if x.dtype.kind == "f":
        (y,) = run_step("average_pool", [last], [(last_shape, x.dtype)], [*ints, include_pad, 1, 1])
        assert same_bits(np.ascontiguousarray(np.moveaxis(y, -1, 1)), mean)


axis_windows = st.tuples(
    st.integers(1, 11), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3)
)


@settings(max_examples=120, deadline=None)
@given(
    axes=st.lists(axis_windows, min_size=1, max_size=3),
    planes=st.tuples(st.integers(1, 2), st.sampled_from([1, 3, 9, 20])),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 2**32),
)
def test_each_window_is_pooled_by_itself(axes, planes, flags, seed):
    sizes, *window = (list(part) for part in zip(*axes, strict=True))
    include_pad, column_major, ceil = flags
    shape = (*planes, *sizes)
    outs = outputs_of(shape[2:], named(window), ceil=ceil)
    assume(min(outs) >= 1)
    x = specials(np.random.default_rng(seed), shape, share=0.1)
    check(x, window, outs, include_pad=include_pad, column_major=column_major)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_dtype_is_pooled(dtype):
    rng = np.random.default_rng(30)
    for shape, window in [
        ((2, 3, 9, 20), ([3, 3], [2, 2], [1, 1], [1, 1], [1, 1])),
        ((1, 2, 40), ([2], [2], [1], [0], [0])),
        ((1, 20, 7, 7), ([7, 7], [1, 1], [1, 1], [0, 0], [0, 0])),
        ((2, 2, 4, 5, 6), ([2, 2, 3], [1, 2, 3], [1, 2, 1], [0, 1, 1], [1, 0, 1])),
    ]:
        check(
            sample(rng, shape, dtype), window, outputs_of(shape[2:], named(window)), include_pad=True, column_major=True
        )


@pytest.mark.parametrize(
    ("shape", "window"),
    [
        ((1, 64, 56, 56), ([3, 3], [2, 2], [1, 1], [1, 1], [1, 1])),
        ((1, 8, 112, 113), ([2, 2], [2, 2], [1, 1], [0, 0], [0, 0])),
        ((2, 4, 35, 35), ([3, 3], [1, 1], [1, 1], [1, 1], [1, 1])),
        ((1, 3, 64, 64), ([5, 5], [3, 3], [1, 1], [2, 2], [2, 2])),
    ],
)
def test_planes_of_networks_are_pooled_in_their_order(shape, window):
    """A sum per kernel position, which is quick enough for large planes."""
    x = specials(np.random.default_rng(31), shape, share=1e-4)
    kernel, strides, _, begin, end = window
    outs = outputs_of(shape[2:], named(window))
    wide = np.pad(x, [(0, 0), (0, 0), *zip(begin, end, strict=True)], constant_values=0)
    low = np.pad(x, [(0, 0), (0, 0), *zip(begin, end, strict=True)], constant_values=-np.inf)
    ones = np.pad(np.ones_like(x), [(0, 0), (0, 0), *zip(begin, end, strict=True)])
    total, count = np.zeros((*shape[:2], *outs), np.float32), np.zeros((*shape[:2], *outs), np.float32)
    most = np.full_like(total, -np.inf)
    for i, j in itertools.product(*map(range, kernel)):
        at = (..., slice(i, i + strides[0] * outs[0], strides[0]), slice(j, j + strides[1] * outs[1], strides[1]))
        part = tuple(slice(None, n) for n in (*shape[:2], *outs))
        with np.errstate(all="ignore"):
            total, count = total + wide[at][part], count + ones[at][part]
            most = np.where(
                most == low[at][part], np.where(np.signbit(most), low[at][part], most), np.maximum(most, low[at][part])
            )
    with np.errstate(all="ignore"):
        mean = canonical(total / count)
    (y,) = run_step("average_pool", [x], [(total.shape, "float32")], [*window_ints(*window), 0])
    assert same_bits(y, mean)
    (y,) = run_step("max_pool", [x], [(total.shape, "float32")], [*window_ints(*window), 0])
    assert same_bits(y, canonical(most))


def test_a_window_that_sees_nothing_has_no_maximum_and_no_mean():
    x = np.ones((1, 1, 2), np.float32)
    ints = window_ints([2], [1], [1], [4], [4])
    y, indices = run_step("max_pool", [x], [((1, 1, 9), "float32"), ((1, 1, 9), "int64")], [*ints, 0])
    assert y[0, 0, 0] == -np.inf
    assert indices[0, 0, 0] == -1
    (mean,) = run_step("average_pool", [x], [((1, 1, 9), "float32")], [*ints, 0])
    assert same_bits(mean[0, 0, :1], canonical(np.float32([np.nan])))
    (mean,) = run_step("average_pool", [x], [((1, 1, 9), "float32")], [*ints, 1])
    assert mean[0, 0].tolist() == [0, 0, 0, 0.5, 1, 0.5, 0, 0, 0]


@pytest.mark.parametrize(
    ("window", "outs", "extra"),
    [
        (([3], [2**31 - 1], [2**31 - 1], [2**31 - 1], [2**31 - 1]), [3], 0),
        (([2**30], [1], [1], [0], [0]), [1], 0),
        (([3], [1], [1], [-2], [0]), [4], 0),
        (([3], [1], [1], [5], [5]), [40], 0),
    ],
)
def test_odd_geometries_stay_within_the_tensor(window, outs, extra):
    x = specials(np.random.default_rng(32), (1, 2, 7))
    shape = (1, 2, *outs)
    (y,) = run_step("max_pool", [x], [(shape, "float32")], [*window_ints(*window), extra])
    (z,) = run_step("average_pool", [x], [(shape, "float32")], [*window_ints(*window), extra])
    for out in range(outs[0]):
        start = out * window[1][0] - window[3][0]
        seen = [start + k * window[2][0] for k in range(min(window[0][0], 8)) if 0 <= start + k * window[2][0] < 7]
        assert np.array_equal(y[0, :, out], np.max(x[0][:, seen], 1, initial=-np.inf), equal_nan=True)
        with np.errstate(all="ignore"):
            total = np.add.accumulate(np.pad(x[0][:, seen], [(0, 0), (1, 0)]), 1)[:, -1]
            assert np.array_equal(z[0, :, out], total / np.float32(len(seen)), equal_nan=True)


@pytest.mark.parametrize(
    ("shape", "ints", "message"),
    [
        ((1, 2, 7), [1, 3, 1, 1, 0, 0], "one parameter after the window"),
        ((1, 2, 7), [1, 0, 1, 1, 0, 0, 0], "a kernel extent, stride or dilation has to be positive"),
        ((1, 2, 7), [1, 3, 1, 1, 0], "the window is incomplete"),
        ((1, 2, 7), [4, *[1] * 20, 0], "at most three axes"),
        ((1, 2, 7, 7), [1, 3, 1, 1, 0, 0, 0], "'in0' has shape .*, not 3 dimensions"),
        ((2, 2, 7), [1, 3, 1, 1, 0, 0, 0], "differ in images or channels"),
        ((1, 2, 7), [1, 3, 1, 1, 0, 0, 0, 1, 0], "the order of axes is not changed"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(shape, ints, message):
    with pytest.raises(PlanError, match=message):
        prepare("max_pool", [np.zeros(shape, np.float32)], [((1, 2, 5), "float32")], ints)
