from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import doubling, kernel, spec

from aivm.execution.inputs import (
    InputDtypeError,
    InputRangeError,
    InputShapeError,
    MissingInputError,
    UnexpectedInputError,
    bind_shape,
    check_inputs,
    feed,
)
from aivm.seeds import random_input

SEED = bytes(range(32))
FIXED = bytes(range(32, 64))


def manifest(*specs, random=(), policy=None, fixed=None):
    seeds = {
        "policy": policy or ("verifiable" if random else "none"),
        "fixed_seed": fixed,
        "generator": "philox4x32-10/1",
        "random_inputs": [{"name": name, "distribution": distribution} for name, distribution in random],
    }
    return kernel(doubling(), inputs=list(specs), seeds=seeds).manifest


IMAGE = manifest(spec("image", "U8", ["N", 1, 8, 8], "0", "16"))


def test_an_input_within_the_conventions_is_taken_and_its_free_dimensions_learnt():
    assert check_inputs(IMAGE, {"image": np.full([3, 1, 8, 8], 16, np.uint8)}) == {"N": 3}


def test_a_missing_input_is_named_with_what_it_must_be():
    with pytest.raises(MissingInputError, match="'image'") as caught:
        check_inputs(IMAGE, {})
    assert "U8 [N, 1, 8, 8], elements from 0 to 16" in caught.value.hint


def test_an_input_that_the_kernel_does_not_have_is_named():
    with pytest.raises(UnexpectedInputError, match="'extra'") as caught:
        check_inputs(IMAGE, {"image": np.zeros([1, 1, 8, 8], np.uint8), "extra": np.zeros(1)})
    assert "image" in caught.value.hint


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32", "bool", "int64", "object", "str"])
def test_another_dtype_is_refused_with_both(dtype):
    with pytest.raises(InputDtypeError, match="'image' has dtype") as caught:
        check_inputs(IMAGE, {"image": np.zeros([1, 1, 8, 8], dtype)})
    assert "U8" in caught.value.hint


@pytest.mark.parametrize("shape", [[], [64], [1, 8, 8], [1, 1, 8, 9], [1, 3, 8, 8], [0, 1, 8, 8], [1, 1, 8, 8, 1]])
def test_another_shape_is_refused_with_both(shape):
    with pytest.raises(InputShapeError, match="'image' has shape") as caught:
        check_inputs(IMAGE, {"image": np.zeros(shape, np.uint8)})
    assert "[N, 1, 8, 8]" in caught.value.hint


def test_a_free_dimension_is_the_same_for_all_inputs():
    two = manifest(spec("a", "U8", ["N"]), spec("b", "U8", [2, "N"]))
    assert check_inputs(two, {"a": np.zeros(5, np.uint8), "b": np.zeros([2, 5], np.uint8)}) == {"N": 5}
    with pytest.raises(InputShapeError, match="'b'") as caught:
        check_inputs(two, {"a": np.zeros(5, np.uint8), "b": np.zeros([2, 6], np.uint8)})
    assert "N = 5" in caught.value.hint


def test_an_element_beyond_a_bound_is_refused_with_the_extremes():
    image = np.zeros([1, 1, 8, 8], np.uint8)
    image[0, 0, 3, 3] = 17
    with pytest.raises(InputRangeError, match="from 0 to 17") as caught:
        check_inputs(IMAGE, {"image": image})
    assert "from 0 to 16" in caught.value.hint


@pytest.mark.parametrize(
    ("minimum", "maximum", "values", "fine"),
    [
        ("0", "1", [0.0, 1.0, -0.0], True),
        ("0", "1", [np.nextafter(np.float32(1), np.float32(2))], False),
        ("0", "1", [-1e-45], False),
        ("0", None, [np.inf], True),
        ("0", None, [-np.inf], False),
        (None, "0", [-np.inf], True),
        ("0", None, [np.nan, 1.0], False),
        (None, "0", [1.0, np.nan], False),
        (None, None, [np.nan, np.inf], True),
        ("16777217", None, [16777216.0], False),  # the bound is not a binary32 number; the comparison is exact
        (None, "16777217", [16777218.0], False),
        (None, "16777217", [16777216.0], True),
    ],
)
def test_bounds_of_floats_are_exact_and_nan_is_in_no_range(minimum, maximum, values, fine):
    description = manifest(spec("x", "F32", ["n"], minimum, maximum))
    inputs = {"x": np.array(values, np.float32)}
    if fine:
        check_inputs(description, inputs)
    else:
        with pytest.raises(InputRangeError):
            check_inputs(description, inputs)


def test_bounds_of_the_largest_integers_are_exact():
    description = manifest(spec("x", "U64", [1], None, str(2**64 - 2)))
    check_inputs(description, {"x": np.array([2**64 - 2], np.uint64)})
    with pytest.raises(InputRangeError):
        check_inputs(description, {"x": np.array([2**64 - 1], np.uint64)})


NOISY = (spec("x", "F32", ["n"]), spec("noise", "F32", ["n", 2]))


def test_random_inputs_come_from_the_seed_with_the_sizes_of_the_others():
    feeds = feed(manifest(*NOISY, random=[("noise", "normal")]), {"x": np.zeros(3, np.float32)}, SEED)
    assert list(feeds) == ["x", "noise"]
    np.testing.assert_array_equal(feeds["noise"], random_input("noise", [3, 2], "normal", SEED))


def test_a_fixed_seed_is_the_manifests_whatever_the_job_says():
    fixed = manifest(*NOISY, random=[("noise", "uniform")], policy="fixed", fixed="0x" + FIXED.hex())
    feeds = feed(fixed, {"x": np.zeros(3, np.float32)}, SEED)
    np.testing.assert_array_equal(feeds["noise"], random_input("noise", [3, 2], "uniform", FIXED))


def test_a_random_input_cannot_be_given():
    with pytest.raises(UnexpectedInputError, match="'noise' is random"):
        feed(manifest(*NOISY, random=[("noise", "normal")]), {"x": np.zeros(1, np.float32), "noise": np.zeros([1, 2])})


@given(st.lists(st.one_of(st.integers(1, 3), st.sampled_from("ab"))), st.data())
def test_a_shape_binds_exactly_if_one_assignment_of_the_names_gives_it(shape, data):
    actual = data.draw(st.lists(st.integers(0, 3), min_size=len(shape), max_size=len(shape)))
    possible = any(
        [{"a": a, "b": b}.get(size, size) for size in shape] == actual for a in range(1, 4) for b in range(1, 4)
    )
    assert bind_shape(shape, actual, {}) == possible


@pytest.mark.parametrize("rows", [2**14, 10**6])
def test_a_small_input_cannot_ask_for_an_enormous_random_one(rows):
    square = manifest(spec("a", "U8", ["N"]), spec("noise", "F32", ["N", "N"]), random=[("noise", "normal")])
    with pytest.raises(InputShapeError, match=f"would take {4 * rows**2} bytes"):
        feed(square, {"a": np.zeros(rows, np.uint8)}, SEED)
    huge = manifest(spec("noise", "F32", [2**30, 2**30, 2**30]), random=[("noise", "uniform")])
    with pytest.raises(InputShapeError, match=str(2**92)):
        feed(huge, {}, SEED)
