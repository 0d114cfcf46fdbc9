"""Reductions: sixteen lanes folded as a tree, and what is built on them, against a plain loop in the written order."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator
from reference.reductions import COMBINE, reduced, start_of
from stepping import canonical, prepare, run_step, same_bits, specials
from test_elementwise import NUMBERS, sample

from aivm.arithmetic.errors import PlanError


@settings(max_examples=150, deadline=None)
@given(
    shape=st.lists(st.sampled_from([1, 2, 3, 5, 16, 17, 33]), min_size=1, max_size=4),
    op=st.sampled_from(sorted(COMBINE)),
    choice=st.integers(1, 15),
    seed=st.integers(0, 2**32),
)
def test_terms_go_to_lanes_and_lanes_into_a_tree(shape, op, choice, seed):
    axes = [axis for axis in range(len(shape)) if choice >> axis & 1] or [0]
    x = specials(np.random.default_rng(seed), shape, share=0.02)
    wanted = reduced(op, x, axes)
    (y,) = run_step(f"reduce_{op}", [x], [(wanted.shape, "float32")], axes)
    assert same_bits(y, wanted)


@pytest.mark.parametrize(("op", "dtype"), list(itertools.product(sorted(COMBINE), NUMBERS)))
def test_every_dtype_is_reduced_in_the_same_order(op, dtype):
    rng = np.random.default_rng(20)
    for shape, axes in [((3, 50), [1]), ((50, 3), [0]), ((4, 7, 6), [0, 2]), ((201,), [0])]:
        x = sample(rng, shape, dtype)
        wanted = reduced(op, x, axes)
        (y,) = run_step(f"reduce_{op}", [x], [(wanted.shape, x.dtype)], axes)
        assert same_bits(y, wanted)


@pytest.mark.parametrize("op", sorted(COMBINE))
def test_long_and_wide_reductions_are_the_same_in_parts(op):
    rng = np.random.default_rng(21)
    for shape, axes in [
        ((2, 40003), [1]),
        ((40003, 2), [0]),
        ((9, 3001), [0]),
        ((300, 200), [1]),
        ((5, 70, 300), [1]),
        ((3, 40, 5, 70), [1, 3]),
    ]:
        x = specials(rng, shape, share=1e-5)
        wanted = reduced(op, x, axes)
        (y,) = run_step(f"reduce_{op}", [x], [(wanted.shape, "float32")], axes)
        assert same_bits(y, wanted)


@pytest.mark.parametrize("op", sorted(COMBINE))
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4)])
def test_no_terms_give_what_the_lanes_start_from(op, shape):
    x = np.zeros(shape, np.float32)
    axes = [shape.index(0)]
    wanted = reduced(op, x, axes)
    (y,) = run_step(f"reduce_{op}", [x], [(wanted.shape, "float32")], axes)
    assert same_bits(y, wanted)
    assert same_bits(y, canonical(np.full_like(y, np.nan if op == "mean" else start_of(op, np.float32))))


@pytest.mark.parametrize("op", sorted(COMBINE))
def test_no_axes_are_a_copy(op):
    x = specials(np.random.default_rng(22), (4, 5))
    (y,) = run_step(f"reduce_{op}", [x], [(x.shape, "float32")])
    assert same_bits(y, x)


def test_booleans_have_a_greatest_and_a_least():
    x = np.random.default_rng(23).random((6, 40)) < 0.1
    (most,), (least,) = (run_step(op, [x], [((6,), "bool")], [1]) for op in ("reduce_max", "reduce_min"))
    assert (most == x.any(1)).all()
    assert (least == x.all(1)).all()


@pytest.mark.parametrize(("op", "truth"), [("reduce_max", False), ("reduce_min", True)])
def test_no_booleans_have_the_neutral_one_as_a_byte_of_0_or_1(op, truth):
    (y,) = run_step(op, [np.zeros((2, 0), np.bool_)], [((2,), "bool")], [1])
    assert y.tobytes() == bytes([truth, truth])


@pytest.mark.parametrize("op", ["arg_max", "arg_min"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_the_place_of_an_extreme_is_the_first_or_the_last(op, last, dtype):
    rng = np.random.default_rng(24)
    find = np.argmax if op == "arg_max" else np.argmin  # both take a NaN first
    for shape, axis in [((5, 97), 1), ((97, 5), 0), ((3, 8, 300), 1), ((4, 1), 1), ((2, 33, 2), 1)]:
        for narrow in (False, True):
            x = np.clip(sample(rng, shape, dtype), 0, 3).round() if narrow else sample(rng, shape, dtype)
            x = x.astype(dtype)
            wanted = shape[axis] - 1 - find(np.flip(x, axis), axis) if last else find(x, axis)
            (y,) = run_step(op, [x], [(wanted.shape, "int64")], [axis, last])
            assert (y == wanted).all()


def ordered(x, axis, k, *, largest):
    """top_k by a stable sort: NaN is greater than every number."""
    keys = x.astype(object)
    with np.errstate(all="ignore"):
        rank = np.where(np.isnan(x), np.inf, 0) if x.dtype.kind == "f" else np.zeros(x.shape)
    order = np.empty(x.shape, np.int64)
    for index in np.ndindex(*x.shape[:axis], *x.shape[axis + 1 :]):
        at = (*index[:axis], slice(None), *index[axis:])
        line = [(float(r), 0 if r else v) for r, v in zip(rank[at], keys[at], strict=True)]
        order[at] = sorted(range(len(line)), key=line.__getitem__, reverse=largest)
        if largest:  # a reversed stable sort keeps the order of equal elements too
            assert all(line[a] != line[b] or a < b for a, b in itertools.pairwise(order[at]))
    taken = np.take(order, range(k), axis)
    return canonical(np.take_along_axis(x, taken, axis)), taken


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint64])
def test_the_first_k_come_in_order_and_equal_ones_by_index(largest, dtype):
    rng = np.random.default_rng(25)
    for shape, axis in [((3, 200), 1), ((60, 4), 0), ((2, 30, 3), 1)]:
        x = sample(rng, shape, dtype)
        x[rng.random(shape) < 0.3] = 1
        for k in (0, 1, 2, 7, shape[axis]):
            values, places = ordered(x, axis, k, largest=bool(largest))
            spec = [(values.shape, x.dtype), (values.shape, "int64")]
            y, indices = run_step("top_k", [x], spec, [axis, largest])
            assert same_bits(indices, places)
            assert (y == values).all() if x.dtype.kind != "f" else np.array_equal(y, values, equal_nan=True)


@pytest.mark.parametrize("op", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize(("exclusive", "reverse"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_scan_goes_one_by_one(op, dtype, exclusive, reverse):
    rng = np.random.default_rng(26)
    function = np.cumsum if op == "cumsum" else np.cumprod
    for shape, axis in [((5, 41), 1), ((41, 5), 0), ((3, 7, 1100), 1), ((1, 4), 0), ((4,), 0)]:
        x = sample(rng, shape, dtype)
        line = np.flip(x, axis) if reverse else x
        with np.errstate(all="ignore"):
            wanted = function(line, axis, dtype=x.dtype)
        if exclusive:
            wanted = np.roll(wanted, 1, axis)
            np.moveaxis(wanted, axis, 0)[0] = 0 if op == "cumsum" else 1
        wanted = canonical(np.flip(wanted, axis) if reverse else wanted)
        (y,) = run_step(op, [x], [(shape, x.dtype)], [axis, exclusive, reverse])
        assert same_bits(y, wanted)


def body_of(op, x, axis):
    """The function body, one primitive after the other."""
    kept = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    (top,) = run_step("reduce_max", [x], [(kept, "float32")], [axis])
    (t,) = run_step("sub", [x, top], [(x.shape, "float32")])
    (e,) = run_step("exp", [t], [(x.shape, "float32")])
    (total,) = run_step("reduce_sum", [e], [(kept, "float32")], [axis])
    if op == "softmax":
        return run_step("div", [e, total], [(x.shape, "float32")])[0]
    (logarithm,) = run_step("log", [total], [(kept, "float32")])
    return run_step("sub", [t, logarithm], [(x.shape, "float32")])[0]


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5])
def test_softmax_equals_its_function_body(op, share):
    rng = np.random.default_rng(27)
    for shape, axis in [
        ((7, 130), 1),
        ((3, 2000), 1),
        ((40, 9), 0),
        ((2, 19, 70), 1),
        ((5, 1), 1),
        ((1, 5), 0),
        ((6, 15), 1),
    ]:
        x = specials(rng, shape, share=share)
        x = np.where(np.abs(x) > 4, np.float32(50), 3 * np.clip(x, -4, 4)) if share == 0.01 else x
        (y,) = run_step(op, [x], [(shape, "float32")], [axis])
        assert same_bits(y, body_of(op, x, axis))


@pytest.mark.parametrize(
    "x", [[-0.0], [0.0], [-0.0, 0.0], [0.0, -200.0], [-0.0, -np.inf], [np.inf, 1], [-np.inf, -np.inf]]
)
def test_softmax_of_zeros_and_infinities_equals_its_body(x):
    x = np.float32(x)
    for op in ("softmax", "log_softmax"):
        (y,) = run_step(op, [x], [(x.shape, "float32")], [0])
        assert same_bits(y, body_of(op, x, 0))


def layer_norm_body(x, scale, bias, epsilon):
    """LayerNormalization's function body on rows, one primitive after the other."""
    rows, n = x.shape
    one = (rows, 1)

    def step(op, inputs, shape, ints=()):
        return run_step(op, inputs, [(shape, "float32")], ints)[0]

    mean = step("reduce_mean", [x], one, [1])
    mean_of_squares = step("reduce_mean", [step("mul", [x, x], (rows, n))], one, [1])
    variance = step("sub", [mean_of_squares, step("mul", [mean, mean], one)], one)
    deviation = step("sqrt", [step("add", [variance, np.float32([epsilon])], one)], one)
    y = step("mul", [step("div", [step("sub", [x, mean], (rows, n)), deviation], (rows, n)), scale], (rows, n))
    if bias is not None:
        y = step("add", [y, bias], (rows, n))
    return y, mean, step("reciprocal", [deviation], one)


@pytest.mark.parametrize("n", [1, 5, 16, 31, 384, 1000])
@pytest.mark.parametrize("share", [0.0, 0.003])
@pytest.mark.parametrize("has_bias", [False, True])
def test_layer_norm_equals_its_function_body(n, share, has_bias):
    rng = np.random.default_rng(28)
    x, scale = specials(rng, (9, n), share=share), specials(rng, (n,), share=0)
    bias = specials(rng, (n,), share=0) if has_bias else None
    wanted = layer_norm_body(x, scale, bias, 1e-5)
    outs = [((9, n), "float32"), ((9, 1), "float32"), ((9, 1), "float32")]
    results = run_step("layer_norm", [x, scale, bias], outs, [1], [1e-5])
    for result, body in zip(results, wanted, strict=True):
        assert same_bits(result, body)
    (alone,) = run_step("layer_norm", [x, scale, bias], [outs[0]], [1], [1e-5])
    assert same_bits(alone, wanted[0])


def test_layer_norm_is_onnxs_within_its_tolerance():
    rng = np.random.default_rng(29)
    x, scale, bias = (rng.standard_normal(shape).astype(np.float32) for shape in [(2, 3, 40), (3, 40), (3, 40)])
    node = helper.make_node("LayerNormalization", ["x", "s", "b"], ["y"], axis=1)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xsb"],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": x, "s": scale, "b": bias})
    (y,) = run_step("layer_norm", [x, scale, bias], [(x.shape, "float32")], [1], [1e-5])
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "inputs", "outs", "ints", "message"),
    [
        (
            "reduce_sum",
            [np.zeros((2, 3), np.float32)],
            [((2,), "float32")],
            [2],
            "axes have to be ascending and of 'in0'",
        ),
        ("reduce_sum", [np.zeros((2, 3), np.float32)], [((), "float32")], [1, 0], "axes have to be ascending"),
        ("reduce_sum", [np.zeros((2, 3), np.float32)], [((3,), "float32")], [1], "'out0' has another extent"),
        ("reduce_sum", [np.zeros((2, 3), np.float16)], [((2,), "float16")], [1], "'in0' is float16"),
        ("reduce_mean", [np.zeros((2, 0), np.int32)], [((2,), "int32")], [1], "the mean of no integers"),
        ("arg_max", [np.zeros((2, 0), np.float32)], [((2,), "int64")], [1, 0], "'in0' has no element along axis 1"),
        ("arg_max", [np.zeros((2, 3), np.float32)], [((2,), "int64")], [-1, 0], "'in0' has no axis -1"),
        ("top_k", [np.zeros(3, np.float32)], [((4,), "float32"), ((4,), "int64")], [0, 1], "k is 4, and 'in0' has 3"),
        ("cumsum", [np.zeros((2, 3), np.float32)], [((2, 3), "float32")], [2, 0, 0], "'in0' has no axis 2"),
        ("softmax", [np.zeros((2, 3), np.float64)], [((2, 3), "float64")], [1], "'in0' is float64, not float32"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(op, inputs, outs, ints, message):
    with pytest.raises(PlanError, match=message):
        prepare(op, inputs, outs, ints)
