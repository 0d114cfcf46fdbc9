from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import doubling, kernel

from aivm.execution.answers import AnswerError, answer

NUMBERS = st.lists(st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, float("nan")])), min_size=1, max_size=8)


def manifest(convention, dtype="F32", shape=("n",)):
    return kernel(
        doubling(),
        answer={"convention": convention, "output": None if convention == "none" else "y"},
        outputs=[{"name": "y", "dtype": dtype, "shape": list(shape), "description": ""}],
    ).manifest


def number(word: bytes) -> int:
    assert len(word) == 32
    return int.from_bytes(word, "big", signed=True)


def test_no_convention_answers_zero():
    assert answer(manifest("none"), {"y": np.float32([7])}) == bytes(32)


@given(NUMBERS)
def test_argmax_is_the_first_of_the_greatest_and_nan_is_greater_than_nothing(values):
    row = np.array(values, np.float32)
    numbers = [value for value in row.tolist() if value == value]  # noqa: PLR0124 - NaN is not itself
    expected = row.tolist().index(max(numbers)) if numbers else 0
    assert number(answer(manifest("argmax"), {"y": row})) == expected


@pytest.mark.parametrize("shape", [[3], [1, 3], [1, 1, 3]])
def test_argmax_takes_one_row_in_any_rank(shape):
    assert number(answer(manifest("argmax"), {"y": np.int32([-5, 2, 2]).reshape(shape)})) == 1


@pytest.mark.parametrize("shape", [[2, 3], [1, 2, 3], [0], [1, 0]])
def test_argmax_of_several_rows_or_of_none_is_refused(shape):
    with pytest.raises(AnswerError, match="'y' has shape"):
        answer(manifest("argmax"), {"y": np.zeros(shape, np.float32)})


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("I8", -128), ("U8", 255), ("I32", -1), ("I64", -(2**63)), ("I64", 2**63 - 1), ("U64", 2**64 - 1), ("I16", 0)],
)
def test_first_is_the_first_element_in_twos_complement(dtype, value):
    array = np.array([value, 1], {"I": "int", "U": "uint"}[dtype[0]] + dtype[1:])
    assert number(answer(manifest("first", dtype), {"y": array})) == value


def test_first_of_nothing_is_refused():
    with pytest.raises(AnswerError, match="no element"):
        answer(manifest("first", "I64"), {"y": np.zeros(0, np.int64)})
