"""How deep a text is, measured without going down into it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.nesting import is_deeper

json_values = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\ab', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\', max_size=3), inner, max_size=3),
    max_leaves=20,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(json_values, st.booleans())
def test_the_answer_is_exact_for_json(value: Any, spaces: bool):  # noqa: FBT001 - hypothesis gives it by position
    text = json.dumps(value, indent=1 if spaces else None)
    levels = depth(value)
    assert not is_deeper(text, levels)
    assert levels == 0 or is_deeper(text, levels - 1)


@given(st.text('[]{}"\\a', max_size=200))
def test_any_text_gets_an_answer(text: str):
    assert is_deeper(text, -1) in {False, True}


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 1_000_000, "]" * 10 + "[" * 1_000_000])
def test_a_hostile_text_is_found_out_at_once(text: str):
    assert is_deeper(text, 64)


def test_a_long_string_is_one_step():
    assert not is_deeper('"' + '[\\"' * 500_000 + '"', 0)
