"""What only moves elements: strided copies, gathering and scattering. Bits stay as they are, and nothing is read or
written outside a tensor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.numbers import maximum, minimum
from stepping import canonical, prepare, run_step, same_bits
from test_elementwise import NUMBERS, sample

from aivm.arithmetic.errors import PlanError

WORDS = [np.uint8, np.int16, np.float32, np.float64]


def strides_of(shape):
    """In elements, in C order."""
    return [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]


def piece(extents, source, target):
    """The integers of a piece; source and target are an offset and strides."""
    return [*extents, source[0], *source[1], target[0], *target[1]]


def copy(arrays, pieces, shape, rank, fill=None):
    """A step of `copy`."""
    ints = [len(pieces), rank, *itertools.chain.from_iterable(pieces)]
    inputs = [*arrays, *([fill] if fill is not None else [])]
    return run_step("copy", inputs, [(shape, inputs[0].dtype)], ints)[0]


@pytest.mark.parametrize("dtype", WORDS)
def test_all_transpositions_of_four_axes(dtype):
    x = sample(np.random.default_rng(40), (5, 18, 7, 33), dtype)
    for perm in itertools.permutations(range(4)):
        wanted = np.ascontiguousarray(np.transpose(x, perm))
        strides = strides_of(x.shape)
        part = piece(wanted.shape, (0, [strides[axis] for axis in perm]), (0, strides_of(wanted.shape)))
        assert same_bits(copy([x], [part], wanted.shape, 4), wanted)


@pytest.mark.parametrize("dtype", WORDS)
@pytest.mark.parametrize("shape", [(300, 200), (1, 70000), (70000, 2), (3, 129, 257), (2, 40, 3, 50)])
def test_large_transpositions(dtype, shape):
    x = sample(np.random.default_rng(41), shape, dtype)
    perm = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    wanted = np.ascontiguousarray(np.transpose(x, perm))
    strides = strides_of(shape)
    part = piece(wanted.shape, (0, [strides[axis] for axis in perm]), (0, strides_of(wanted.shape)))
    assert same_bits(copy([x], [part], wanted.shape, len(shape)), wanted)


slices = st.tuples(st.integers(1, 9), st.integers(0, 8), st.sampled_from([-3, -2, -1, 1, 2, 3]))


@settings(max_examples=150, deadline=None)
@given(axes=st.lists(slices, min_size=1, max_size=4), dtype=st.sampled_from(WORDS), seed=st.integers(0, 2**32))
def test_slices_with_any_steps(axes, dtype, seed):
    shape = [extent for extent, _, _ in axes]
    x = sample(np.random.default_rng(seed), shape, dtype)
    starts = [start % extent for extent, start, _ in axes]
    index = tuple(slice(start, None, step) for start, (_, _, step) in zip(starts, axes, strict=True))
    wanted = np.ascontiguousarray(x[index])
    strides = strides_of(shape)
    offset = sum(start * stride for start, stride in zip(starts, strides, strict=True))
    steps = [step * stride for (_, _, step), stride in zip(axes, strides, strict=True)]
    part = piece(wanted.shape, (offset, steps), (0, strides_of(wanted.shape)))
    assert same_bits(copy([x], [part], wanted.shape, len(shape)), wanted)


@settings(max_examples=60, deadline=None)
@given(
    extents=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    around=st.tuples(st.integers(1, 4), st.integers(1, 40)),
    dtype=st.sampled_from(WORDS),
)
def test_pieces_lie_beside_each_other(extents, around, dtype):
    rng = np.random.default_rng(42)
    arrays = [sample(rng, (around[0], n, around[1]), dtype) for n in extents]
    wanted = np.concatenate(arrays, 1)
    strides, pieces, offset = strides_of(wanted.shape), [], 0
    for array in arrays:
        pieces.append(piece(array.shape, (0, strides_of(array.shape)), (offset, strides)))
        offset += array.shape[1] * strides[1]
    assert same_bits(copy(arrays, pieces, wanted.shape, 3), wanted)


@pytest.mark.parametrize("dtype", WORDS)
def test_one_element_fills_what_no_piece_covers(dtype):
    rng = np.random.default_rng(43)
    x, fill = sample(rng, (3, 40, 50), dtype), sample(rng, (1,), dtype)
    wanted = np.pad(x, [(1, 0), (2, 3), (4, 5)], constant_values=fill[0])
    strides = strides_of(wanted.shape)
    part = piece(x.shape, (0, strides_of(x.shape)), (strides[0] + 2 * strides[1] + 4, strides))
    assert same_bits(copy([x], [part], wanted.shape, 3, fill), wanted)
    assert same_bits(copy([], [], (7,), 3, fill), np.repeat(fill, 7))


@pytest.mark.parametrize("dtype", WORDS)
def test_a_stride_of_zero_repeats(dtype):
    x = sample(np.random.default_rng(44), (4, 1, 30, 1), dtype)
    wanted = np.ascontiguousarray(np.broadcast_to(x, (4, 9, 30, 21)))
    part = piece(wanted.shape, (0, [30, 0, 1, 0]), (0, strides_of(wanted.shape)))
    assert same_bits(copy([x], [part], wanted.shape, 4), wanted)


@pytest.mark.parametrize(
    ("ints", "count", "fill", "message"),
    [
        ([1, 1, 7, 0, 1, 0, 1], 1, False, r"reaches from 0 to 6 in tensor 'in0' of 6"),
        ([1, 1, 6, -1, 1, 0, 1], 1, False, r"reaches from -1 to 4 in tensor 'in0'"),
        ([1, 1, 6, 0, -1, 0, 1], 1, False, r"reaches from -5 to 0 in tensor 'in0'"),
        ([1, 1, 6, 0, 1, 1, 1], 1, False, r"reaches from 1 to 6 in tensor 'out0'"),
        ([1, 1, 6, 0, 1, 5, -1], 1, False, "overlaps itself"),
        ([1, 2, 2, 3, 0, 3, 1, 0, 1, 1], 1, False, "overlaps itself"),
        ([1, 1, 2, 0, 2**62, 0, 1], 1, False, "reaches from 0 to 4611686018427387904"),
        ([1, 1, 3, 0, 2**62, 0, 1], 1, False, "overflows 64 bits"),
        ([1, 1, 5, 0, 1, 0, 1], 1, False, "the pieces have 5 elements, and tensor 'out0' has 6"),
        ([2, 1, 3, 0, 1, 0, 1, 3, 0, 1, 2, 1], 2, False, "pieces overlap"),
        ([2, 1, 3, 0, 1, 0, 1, 1, 0, 1, 2, 1], 2, True, "pieces overlap"),
        ([1, 1, 6, 0, 1, 0], 1, False, "the pieces are incomplete"),
        ([2, 1, 6, 0, 1, 0, 1], 1, False, "one operand per piece"),
        ([1, 1, -1, 0, 1, 0, 1], 1, False, "an extent is negative"),
        ([-1, 1], 0, False, "one operand per piece"),
        ([1, 65], 1, False, "one operand per piece"),
    ],
)
def test_a_copy_that_leaves_its_tensors_is_refused(ints, count, fill, message):
    inputs = [np.arange(6, dtype=np.float32)] * count + [np.zeros(1, np.float32)] * fill
    with pytest.raises(PlanError, match=message):
        prepare("copy", inputs, [((6,), "float32")], ints)


@pytest.mark.parametrize("dtype", WORDS)
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_gather_is_take(dtype, kind):
    rng = np.random.default_rng(45)
    for shape, axis, count in [
        ((9, 30), 0, (4, 3)),
        ((9, 30), 1, (50,)),
        ((3, 8, 700), 1, (2,)),
        ((6,), 0, ()),
        ((5, 1), 1, (0,)),
    ]:
        x = sample(rng, shape, dtype)
        indices = rng.integers(-shape[axis], shape[axis], count).astype(kind)
        wanted = np.take(x, indices, axis)
        (y,) = run_step("gather", [x, np.asarray(indices, kind)], [(wanted.shape, x.dtype)], [axis])
        assert same_bits(y, wanted)


@pytest.mark.parametrize("dtype", WORDS)
def test_gather_elements_takes_along_an_axis(dtype):
    rng = np.random.default_rng(46)
    for shape, axis, smaller in [((5, 40), 1, (5, 90)), ((40, 5), 0, (3, 4)), ((3, 4, 5), 1, (2, 9, 5))]:
        x = sample(rng, shape, dtype)
        indices = rng.integers(-shape[axis], shape[axis], smaller)
        part = x[tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(smaller))]
        wanted = np.take_along_axis(part, indices, axis)
        (y,) = run_step("gather_elements", [x, indices], [(smaller, x.dtype)], [axis])
        assert same_bits(y, wanted)


@pytest.mark.parametrize("dtype", WORDS)
def test_gather_nd_takes_slices_by_tuples(dtype):
    rng = np.random.default_rng(47)
    for shape, batch, tuples in [
        ((4, 5, 6), 0, (7, 2)),
        ((4, 5, 6), 0, (3,)),
        ((4, 5, 6), 1, (4, 9, 1)),
        ((4, 5, 6), 2, (4, 5, 1)),
    ]:
        x = sample(rng, shape, dtype)
        depth = tuples[-1]
        limits = np.array(shape[batch : batch + depth])
        indices = rng.integers(-limits, limits, tuples)
        wanted = np.empty((*tuples[:-1], *shape[batch + depth :]), dtype)
        for at in np.ndindex(*tuples[:-1]):
            wanted[at] = x[(*at[:batch], *indices[at])]
        (y,) = run_step("gather_nd", [x, indices], [(wanted.shape, x.dtype)], [batch])
        assert same_bits(y, wanted)


def combined(reduction, old, new):
    """The element after an update."""
    with np.errstate(all="ignore"):
        return [lambda _, b: b, np.add, np.multiply, maximum, minimum][reduction](np.asarray(old), np.asarray(new))


@pytest.mark.parametrize("dtype", [*NUMBERS, np.float16, np.bool_])
@pytest.mark.parametrize("reduction", range(5))
def test_updates_are_scattered_one_after_the_other(dtype, reduction):
    if reduction and dtype in (np.float16, np.bool_):
        with pytest.raises(PlanError, match="cannot be combined"):
            prepare(
                "scatter_elements",
                [np.zeros(2, dtype), np.zeros(2, np.int64), np.zeros(2, dtype)],
                [((2,), np.dtype(dtype))],
                [0, reduction],
            )
        return
    rng = np.random.default_rng(48)
    for shape, axis, counts in [
        ((6, 30), 1, (5, 70)),
        ((30, 6), 0, (70, 6)),
        ((3, 4, 5), 1, (3, 9, 2)),
        ((4,), 0, (0,)),
    ]:
        x, updates = sample(rng, shape, dtype), sample(rng, counts, dtype)
        indices = rng.integers(-shape[axis], shape[axis], counts)
        wanted = x.copy()
        for at in np.ndindex(*counts):
            place = (*at[:axis], indices[at], *at[axis + 1 :])
            wanted[place] = combined(reduction, wanted[place], updates[at])
        (y,) = run_step("scatter_elements", [x, indices, updates], [(shape, x.dtype)], [axis, reduction])
        assert same_bits(canonical(y), canonical(wanted))


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("reduction", range(5))
def test_slices_are_scattered_one_after_the_other(dtype, reduction):
    rng = np.random.default_rng(49)
    for shape, tuples in [((5, 6), (20, 2)), ((5, 6), (12, 1)), ((3, 9000), (4, 1)), ((5,), (2, 3, 1))]:
        depth = tuples[-1]
        x, updates = sample(rng, shape, dtype), sample(rng, (*tuples[:-1], *shape[depth:]), dtype)
        limits = np.array(shape[:depth])
        indices = rng.integers(-limits, limits, tuples)
        wanted = x.copy()
        for at in np.ndindex(*tuples[:-1]):
            place = tuple(indices[at])
            wanted[place] = combined(reduction, wanted[place], updates[at])
        (y,) = run_step("scatter_nd", [x, indices, updates], [(shape, x.dtype)], [reduction])
        assert same_bits(canonical(y), canonical(wanted))


@pytest.mark.parametrize("bad", [6, -7, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("op", ["gather", "gather_elements", "gather_nd", "scatter_elements", "scatter_nd"])
def test_an_index_out_of_range_is_an_error_that_names_step_and_tensor(op, bad):
    x = np.zeros((6, 3), np.float32)
    indices = np.zeros((400, 1) if op.endswith("nd") else (400, 3), np.int64)
    indices[333, -1] = bad
    updates = [np.zeros((400, 3), np.float32)] if op.startswith("scatter") else []
    shape = (6, 3) if updates else (400, 3, 3) if op == "gather" else (400, 3)
    plan, given = prepare(
        op, [x, indices, *updates], [(shape, "float32")], [0] * (2 if op == "scatter_elements" else 1)
    )
    for threads in (1, 2):
        with pytest.raises(
            PlanError, match=rf"step 'the step' \({op}\): tensor 'in1' holds index {bad}, and tensor 'in0' has 6"
        ):
            plan.run(given, threads)


@pytest.mark.parametrize(
    ("op", "shapes", "out", "ints", "message"),
    [
        ("gather", [(3, 4), (2,)], (2, 5), [0], "'out0' does not have the extent"),
        ("gather", [(3, 4), (2,)], (2, 4), [2], "'in0' has no axis 2"),
        ("gather_elements", [(3, 4), (4, 4)], (4, 4), [1], "'in1' of shape .* reaches beyond 'in0'"),
        ("gather_elements", [(3, 4), (4,)], (4,), [0], "'in1' has shape"),
        ("gather_nd", [(3, 4), (2, 3)], (2,), [0], "index tuples of 3 numbers do not fit"),
        ("gather_nd", [(3, 4), (2, 1)], (2,), [1], "differ in a batch axis"),
        ("gather_nd", [(3, 4), (2, 1)], (2, 4), [2], "batch_dims is out of range"),
        ("scatter_nd", [(3, 4), (2, 1), (2, 3)], (3, 4), [0], "'in2' does not have one slice"),
        ("scatter_nd", [(3, 4), (2, 1), (2, 4)], (3, 4), [5], "no reduction 5"),
        ("scatter_elements", [(3, 4), (2, 2), (2, 3)], (3, 4), [0, 0], "'in2' has shape"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(op, shapes, out, ints, message):
    arrays = [np.zeros(shape, np.int64 if i == 1 else np.float32) for i, shape in enumerate(shapes)]
    with pytest.raises(PlanError, match=message):
        prepare(op, arrays, [(out, "float32")], ints)
