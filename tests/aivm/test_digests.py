"""Digests: 32 bytes with one text."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.digests import Digest, DigestError


@pytest.mark.parametrize(
    "text",
    ["", "0x", "0x" + "0" * 63, "0x" + "0" * 65, "0x" + "A" * 64, "0X" + "0" * 64, "0x" + "g" * 64, "0" * 64 + "\n"],
)
def test_text_that_is_no_digest_is_refused(text):
    with pytest.raises(DigestError, match="digest"):
        Digest.from_hex(text)


@pytest.mark.parametrize("value", [b"", bytes(31), bytes(33), "0" * 32, bytearray(32), None])
def test_a_digest_is_exactly_32_bytes(value):
    with pytest.raises(DigestError):
        Digest(value)


def test_the_digest_of_nothing_is_that_of_sha_256():
    assert Digest.of(b"").hex() == "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_digest_cannot_be_changed():
    with pytest.raises(AttributeError):
        Digest.of(b"").value = bytes(32)


@given(st.binary())
def test_its_text_and_its_bytes_read_back(data):
    digest = Digest.of(data)
    assert bytes(digest) == hashlib.sha256(data).digest()
    assert Digest.from_hex(digest.hex()) == Digest.from_hex(str(digest)[2:]) == digest


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_digests_order_as_their_bytes(a, b):
    assert (Digest(a) < Digest(b)) == (a < b)
