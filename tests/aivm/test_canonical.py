"""Canonical JSON: one value, one byte string."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from aivm import canonical
from aivm.canonical import CanonicalError, decode, encode

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
integers = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | integers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("value", [1.0, 0.5, float("nan"), [1, 2.0], {"a": {"b": -0.0}}])
def test_a_float_anywhere_is_refused(value):
    with pytest.raises(CanonicalError, match="float"):
        encode(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**400])
def test_an_integer_that_binary64_may_lose_is_refused_with_its_member(value):
    with pytest.raises(CanonicalError, match=r"\$\.fee\[1\].*2\^53"):
        encode({"fee": [0, value]})


@pytest.mark.parametrize("value", [2**53 - 1, -(2**53) + 1, 0])
def test_the_largest_integers_are_kept(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, {None: 1}, object(), {1, 2}, "\ud800", {"\udfff": 1}, 1j])
def test_what_json_has_no_form_for_is_refused(value):
    with pytest.raises(CanonicalError):
        encode(value)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'{"a":{"b":1,"c":2,"b":3}}', "'b' is there twice"),
        (b'{"a":1.0}', "not an integer"),
        (b"1e2", "not an integer"),
        (b"-0", "canonical form"),
        (b"NaN", "not an integer"),
        (b"-Infinity", "not an integer"),
        (b"9007199254740992", r"2\^53"),
        (b"9" * 5000, r"2\^53"),
        (b'{"b":1,"a":2}', "canonical form"),
        (b'{"a": 1}', "canonical form"),
        (b'{"a":1}\n', "canonical form"),
        (b' {"a":1}', "canonical form"),
        (b'"\\u0061"', "canonical form"),
        (b'"\\/"', "canonical form"),
        (b'"\\ud800"', "lone surrogate"),
        (b'"\xff"', "not UTF-8"),
        (b"\xef\xbb\xbf1", "not JSON"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"01", "not JSON"),
        (b"[" * 100_000, "nested"),
        (b"[" * 100 + b"]" * 100, "nested"),
    ],
)
def test_bytes_that_are_not_the_one_form_are_refused(data, what):
    with pytest.raises(CanonicalError, match=what):
        decode(data)


def test_a_value_nested_too_deeply_is_refused():
    value: list = []
    for _ in range(canonical.MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(CanonicalError, match="deeper"):
        encode(value)


def test_members_are_sorted_by_utf16_code_units_as_rfc_8785_section_3_2_3_shows():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    data = encode(dict.fromkeys(names, 0))
    # U+1F600 is d83d de00 in UTF-16 and so comes before fb33, though its code point is greater.
    want = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert [name for name, _ in json.loads(data, object_pairs_hook=list)] == want


def test_strings_escape_only_what_must_be():
    assert encode('€$\x0f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


@given(values)
def test_what_is_written_reads_back(value):
    assert decode(encode(value)) == value


@given(values)
def test_it_agrees_with_rfc_8785(value):
    assert encode(value) == rfc8785.dumps(value)


@given(st.dictionaries(text, integers, min_size=2, max_size=5), st.randoms())
def test_the_order_of_members_does_not_matter(members, random):
    items = list(members.items())
    random.shuffle(items)
    assert encode(dict(items)) == encode(members)


@given(st.binary(max_size=40) | values.map(lambda v: json.dumps(v, ensure_ascii=False).encode("utf-8", "replace")))
def test_any_bytes_either_re_encode_to_themselves_or_are_refused(data):
    try:
        value = decode(data)
    except CanonicalError:
        return
    assert encode(value) == data
