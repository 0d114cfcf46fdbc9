"""The determinism class follows from the cells, and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.determinism.matrix import classify
from aivm.manifest import DeterminismClass

ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.tuples(*[st.sampled_from([None, 1, 2])] * 3)), max_size=6)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "none"),
        ([("a", ())], "none"),
        ([("a", (1, 2))], "bitwise"),
        ([("a", (1, 2)), ("b", (1, 2))], "bitwise"),
        ([("a", (1, 2)), ("b", (1, 3))], "pinned"),
        ([("a", (1, 2)), ("a", (1, 2)), ("b", (1, 3))], "pinned"),
        ([("a", (1, 2)), ("a", (1, 3))], "none"),
        ([("a", (1, 2)), ("a", (1, 3)), ("b", (1, 2))], "none"),
        ([("a", (1, None))], "none"),
        ([("a", (1, 2)), ("b", (1, None))], "none"),
    ],
)
def test_the_class_of_some_environments(rows, expected):
    assert classify(rows) is DeterminismClass(expected)


@given(ROWS, st.randoms())
def test_the_class_does_not_depend_on_the_order_of_the_environments(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert classify(shuffled) is classify(rows)


@given(ROWS, ROWS)
def test_more_environments_never_make_a_better_class(rows, more):
    order = list(DeterminismClass)
    if rows:
        assert order.index(classify(rows + more)) <= order.index(classify(rows))
