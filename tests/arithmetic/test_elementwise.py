"""Elementwise primitives: NumPy's result to the bit, since each is one exact or correctly rounded operation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference.numbers import maximum, minimum
from stepping import SPECIAL, canonical, prepare, run_step, same_bits, specials

from aivm.arithmetic.errors import PlanError

SIGNED = [np.int8, np.int16, np.int32, np.int64]
UNSIGNED = [np.uint8, np.uint16, np.uint32, np.uint64]
INTEGERS = SIGNED + UNSIGNED
FLOATS = [np.float32, np.float64]
NUMBERS = FLOATS + INTEGERS


def sample(rng, shape, dtype):
    """Numbers of a dtype, the ends of its range among them."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return specials(rng, shape, dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    values[rng.random(shape) < 0.1] = info.min
    values[rng.random(shape) < 0.1] = info.max
    return values


UNARY = {
    "abs": (np.abs, NUMBERS),
    "neg": (np.negative, FLOATS + SIGNED),
    "sign": (lambda x: np.sign(x) + np.zeros((), x.dtype), NUMBERS),
    "floor": (np.floor, FLOATS),
    "ceil": (np.ceil, FLOATS),
    "round": (np.rint, FLOATS),
    "relu": (lambda x: np.where(x <= 0, np.zeros((), x.dtype), x), FLOATS + SIGNED),
    "sqrt": (np.sqrt, FLOATS),
    "reciprocal": (lambda x: np.ones((), x.dtype) / x, FLOATS),
    "bitwise_not": (np.invert, INTEGERS),
    "not": (np.logical_not, [np.bool_]),
}
BINARY = {
    "add": (np.add, NUMBERS),
    "sub": (np.subtract, NUMBERS),
    "mul": (np.multiply, NUMBERS),
    "div": (np.divide, FLOATS),
    "min": (minimum, NUMBERS),
    "max": (maximum, NUMBERS),
    "equal": (np.equal, [*NUMBERS, np.bool_]),
    "less": (np.less, NUMBERS),
    "less_or_equal": (np.less_equal, NUMBERS),
    "greater": (np.greater, NUMBERS),
    "greater_or_equal": (np.greater_equal, NUMBERS),
    "and": (np.logical_and, [np.bool_]),
    "or": (np.logical_or, [np.bool_]),
    "xor": (np.logical_xor, [np.bool_]),
    "bitwise_and": (np.bitwise_and, INTEGERS),
    "bitwise_or": (np.bitwise_or, INTEGERS),
    "bitwise_xor": (np.bitwise_xor, INTEGERS),
}


@pytest.mark.parametrize(("op", "dtype"), [(op, d) for op, (_, allowed) in UNARY.items() for d in allowed])
def test_a_function_of_one_operand_is_numpys(op, dtype):
    x = sample(np.random.default_rng(7), (3, 61), dtype)
    with np.errstate(all="ignore"):
        wanted = canonical(UNARY[op][0](x))
    (y,) = run_step(op, [x], [(x.shape, x.dtype)])
    assert same_bits(y, wanted.astype(x.dtype))


@pytest.mark.parametrize(("op", "dtype"), [(op, d) for op, (_, allowed) in BINARY.items() for d in allowed])
def test_a_function_of_two_operands_is_numpys(op, dtype):
    rng = np.random.default_rng(8)
    for left, right in [
        ((5, 37), (5, 37)),
        ((5, 37), (37,)),
        ((5, 1), (5, 37)),
        ((1,), (4, 3)),
        ((2, 1, 9), (4, 1)),
        ((), ()),
    ]:
        a, b = sample(rng, left, dtype), sample(rng, right, dtype)
        with np.errstate(all="ignore"):
            wanted = np.asarray(BINARY[op][0](*np.broadcast_arrays(a, b)))
        (y,) = run_step(op, [a, b], [(wanted.shape, wanted.dtype)])
        assert same_bits(y, canonical(wanted))


@settings(max_examples=60, deadline=None)
@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=5, max_side=7),
    op=st.sampled_from(["add", "sub", "mul", "div", "min", "max"]),
    seed=st.integers(0, 2**32),
)
def test_operands_broadcast_as_numpys(shapes, op, seed):
    rng = np.random.default_rng(seed)
    a, b = (specials(rng, shape) for shape in shapes.input_shapes)
    with np.errstate(all="ignore"):
        wanted = np.asarray(BINARY[op][0](*np.broadcast_arrays(a, b)))
    (y,) = run_step(op, [a, b], [(shapes.result_shape, "float32")])
    assert same_bits(y, canonical(wanted))


@pytest.mark.parametrize("op", ["min", "max", "add", "sub", "mul", "div", "less", "equal"])
def test_every_pair_of_special_numbers_is_right(op):
    a, b = np.meshgrid(SPECIAL, SPECIAL)
    with np.errstate(all="ignore"):
        wanted = np.asarray(BINARY[op][0](a, b))
    (y,) = run_step(op, [a, b], [(wanted.shape, wanted.dtype)])
    assert same_bits(y, canonical(wanted))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_divided_to_zero_and_wrap(dtype):
    rng = np.random.default_rng(9)
    a, b = sample(rng, (400,), dtype), sample(rng, (400,), dtype)
    b[b == 0] = 1
    if np.dtype(dtype).kind == "i":
        a[0], b[0] = np.iinfo(dtype).min, -1
    exact = [abs(int(p)) // abs(int(q)) * (1 if (p < 0) == (q < 0) else -1) for p, q in zip(a, b, strict=True)]
    bits = np.dtype(dtype).itemsize * 8
    wanted = np.array([v % 2**bits for v in exact], f"uint{bits}").view(dtype)
    (y,) = run_step("div", [a, b], [((400,), a.dtype)])
    assert same_bits(y, wanted)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("fmod", [0, 1])
def test_remainders_have_the_sign_that_was_asked_for(dtype, fmod):
    rng = np.random.default_rng(10)
    a, b = sample(rng, (500,), dtype), sample(rng, (500,), dtype)
    if np.dtype(dtype).kind != "f":
        b[b == 0] = 1
    with np.errstate(all="ignore"):
        wanted = np.fmod(a, b) if fmod else np.mod(a, b)
    (y,) = run_step("mod", [a, b], [((500,), a.dtype)], [fmod])
    assert same_bits(y, canonical(wanted))


@settings(max_examples=200, deadline=None)
@given(a=st.floats(width=32), b=st.floats(width=32))
def test_a_float_remainder_is_exact(a, b):
    with np.errstate(all="ignore"):
        wanted = np.fmod(np.float32(a), np.float32(b)).reshape(1)
    (y,) = run_step("mod", [np.float32([a]), np.float32([b])], [((1,), "float32")], [1], isas=["portable"])
    assert same_bits(y, canonical(wanted))


@pytest.mark.parametrize("op", ["div", "mod"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_an_integer_divided_by_zero_is_an_error_that_names_the_step(op, dtype):
    plan, arrays = prepare(op, [np.ones(40, dtype), np.zeros(40, dtype)], [((40,), np.dtype(dtype))], [0])
    with pytest.raises(PlanError, match=rf"step 'the step' \({op}\): an integer is divided by zero"):
        plan.run(arrays, 2)


@pytest.mark.parametrize("dtype", UNSIGNED)
@pytest.mark.parametrize("left", [0, 1])
def test_bits_shifted_out_are_gone(dtype, left):
    rng = np.random.default_rng(11)
    a = sample(rng, (300,), dtype)
    width = np.dtype(dtype).itemsize * 8
    b = rng.integers(0, width + 3, 300).astype(dtype)
    exact = [(int(p) << int(q) if left else int(p) >> int(q)) % 2**width for p, q in zip(a, b, strict=True)]
    (y,) = run_step("bit_shift", [a, b], [((300,), a.dtype)], [left])
    assert same_bits(y, np.array(exact, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("negative", "positive"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_infinities_are_told_apart(dtype, negative, positive):
    x = specials(np.random.default_rng(12), (99,), dtype)
    (inf,) = run_step("is_inf", [x], [((99,), "bool")], [negative, positive])
    (nan,) = run_step("is_nan", [x], [((99,), "bool")])
    assert (inf == (np.isneginf(x) & bool(negative) | np.isposinf(x) & bool(positive))).all()
    assert (nan == np.isnan(x)).all()


@pytest.mark.parametrize("dtype", [*NUMBERS, np.float16, np.bool_])
def test_where_takes_bits_as_they_are(dtype):
    rng = np.random.default_rng(13)
    for shapes in [
        ((7, 33), (7, 33), (7, 33)),
        ((33,), (7, 1), ()),
        ((7, 1), (33,), (7, 33)),
        ((), (5,), (4, 1)),
        ((5,), (), ()),
    ]:
        c = rng.random(shapes[0]) < 0.5
        a, b = sample(rng, shapes[1], dtype), sample(rng, shapes[2], dtype)
        wanted = np.where(c, a, b)
        (y,) = run_step("where", [c, a, b], [(wanted.shape, wanted.dtype)])
        assert same_bits(y, wanted)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("bounds", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_clip_is_the_function_body(dtype, bounds):
    rng = np.random.default_rng(14)
    x = sample(rng, (5, 41), dtype)
    for low, high in [(2, 5), (5, 2), (0, 0)]:
        low, high = np.array([low], dtype), np.array([high], dtype)  # noqa: PLW2901
        with np.errstate(all="ignore"):
            raised = np.where(x < low, low, x) if bounds[0] else x
            wanted = np.where(high < raised, high, raised) if bounds[1] else raised
        operands = [x, low if bounds[0] else None, high if bounds[1] else None]
        (y,) = run_step("clip", operands, [(x.shape, x.dtype)])
        assert same_bits(y, canonical(wanted))


def test_a_long_row_and_many_short_ones_give_what_numpy_gives():
    rng = np.random.default_rng(15)
    for left, right in [((70001,), (70001,)), ((50001, 3), (3,)), ((50001, 1), (1, 2)), ((3, 1, 40001), (1, 2, 1))]:
        a, b = specials(rng, left), specials(rng, right)
        with np.errstate(all="ignore"):
            wanted = a + b
        (y,) = run_step("add", [a, b], [(wanted.shape, "float32")])
        assert same_bits(y, canonical(wanted))


@pytest.mark.parametrize(
    ("op", "inputs", "out", "message"),
    [
        (
            "add",
            [np.zeros(3, np.float32), np.zeros(4, np.float32)],
            ((3,), "float32"),
            r"'in1' of shape \[4\] does not broadcast to \[3\]",
        ),
        ("add", [np.zeros(3, np.float32), np.zeros(3, np.int32)], ((3,), "float32"), "'in1' is int32, not float32"),
        ("add", [np.zeros(3, np.float16), np.zeros(3, np.float16)], ((3,), "float16"), "'in0' is float16, for which"),
        ("less", [np.zeros(3, np.bool_), np.zeros(3, np.bool_)], ((3,), "bool"), "booleans have no order"),
        ("less", [np.zeros(3, np.float32), np.zeros(3, np.float32)], ((3,), "float32"), "'out0' is float32, not bool"),
        ("neg", [np.zeros(3, np.uint8)], ((3,), "uint8"), "'in0' is uint8, for which"),
        ("bit_shift", [np.zeros(3, np.int8), np.zeros(3, np.int8)], ((3,), "int8"), "'in0' is int8, for which"),
        ("exp", [np.zeros(3, np.float64)], ((3,), "float64"), "'in0' is float64, not float32"),
        (
            "where",
            [np.zeros(3, np.int8), np.zeros(3, np.int8), np.zeros(3, np.int8)],
            ((3,), "int8"),
            "'in0' is int8, not bool",
        ),
        ("clip", [np.zeros(3, np.int8), np.zeros(2, np.int8)], ((3,), "int8"), "'in1' does not have one element"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(op, inputs, out, message):
    with pytest.raises(PlanError, match=message):
        prepare(op, inputs, [out], [0])
