"""Interpolation along an axis: from +0, one fused multiply-add per tap, in the order of the taps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import fma
from stepping import canonical, prepare, run_step, same_bits, specials

from aivm.arithmetic.errors import PlanError


def interpolated(x, indices, weights, axis):
    """Tap by tap."""
    line = np.moveaxis(x, axis, 0)
    acc = np.zeros((len(indices), *line.shape[1:]), np.float32)
    for t in range(indices.shape[1]):
        w = weights[:, t].reshape(-1, *([1] * (x.ndim - 1)))
        acc = fma(np.broadcast_to(w, acc.shape), line[indices[:, t]], acc).reshape(acc.shape)
    return canonical(np.ascontiguousarray(np.moveaxis(acc, 0, axis)))


@settings(max_examples=80, deadline=None)
@given(
    shape=st.lists(st.sampled_from([1, 2, 5, 16, 17, 40]), min_size=1, max_size=3),
    out=st.integers(1, 50),
    taps=st.integers(0, 5),
    axis=st.integers(0, 2),
    seed=st.integers(0, 2**32),
)
def test_each_place_is_a_chain_of_fused_multiply_adds(shape, out, taps, axis, seed):
    rng = np.random.default_rng(seed)
    axis %= len(shape)
    x = specials(rng, shape, share=0.03)
    indices = rng.integers(0, shape[axis], (out, taps))
    weights = specials(rng, (out, taps), share=0.05)
    wanted = interpolated(x, indices, weights, axis)
    for constant in [(), (1, 2)]:
        (y,) = run_step("interpolate", [x, indices, weights], [(wanted.shape, "float32")], [axis], constant=constant)
        assert same_bits(y, wanted)


def test_large_planes_along_both_axes():
    rng = np.random.default_rng(80)
    x = specials(rng, (5, 60, 70), share=0)
    for axis, out in [(1, 121), (2, 143), (0, 9)]:
        indices, weights = rng.integers(0, x.shape[axis], (out, 2)), rng.random((out, 2)).astype(np.float32)
        wanted = interpolated(x, indices, weights, axis)
        (y,) = run_step("interpolate", [x, indices, weights], [(wanted.shape, "float32")], [axis])
        assert same_bits(y, wanted)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("bad", [7, -8, 2**40])
def test_an_index_out_of_range_is_an_error_that_names_step_and_tensor(axis, bad):
    indices = np.zeros((30, 2), np.int64)
    indices[29, 1] = bad
    shape = [(30, 7), (7, 30)][axis]
    plan, given_arrays = prepare(
        "interpolate",
        [np.zeros((7, 7), np.float32), indices, np.ones((30, 2), np.float32)],
        [(shape, "float32")],
        [axis],
    )
    with pytest.raises(PlanError, match=rf"step 'the step' \(interpolate\): tensor 'in1' holds index {bad}"):
        plan.run(given_arrays, 2)


@pytest.mark.parametrize(
    ("shapes", "out", "axis", "message"),
    [
        (((3, 4), (5, 2), (5, 2)), (3, 4), 1, "'out0' has shape"),
        (((3, 4), (5, 2), (5, 3)), (3, 5), 1, "'in2' has shape"),
        (((3, 4), (10,), (10,)), (3, 5), 1, "'in1' has shape"),
        (((3, 4), (5, 2), (5, 2)), (3, 5), 2, "'in0' has no axis 2"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(shapes, out, axis, message):
    arrays = [np.zeros(shape, np.int64 if i == 1 else np.float32) for i, shape in enumerate(shapes)]
    with pytest.raises(PlanError, match=message):
        prepare("interpolate", arrays, [(out, "float32")], [axis])
