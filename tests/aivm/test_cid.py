"""CIDs: one name per content, and nothing else accepted."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.cid import DAG_PB, RAW, Cid, CidError, CidMismatchError

EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
DIGEST = hashlib.sha256(b"").digest()

cids = st.builds(Cid, codec=st.sampled_from([RAW, DAG_PB]), digest=st.binary(min_size=32, max_size=32))


def text_of(data):
    return "b" + base64.b32encode(data).decode().rstrip("=").lower()


def test_the_empty_block_has_the_name_that_all_of_ipfs_gives_it():
    assert str(Cid.of(RAW, b"")) == EMPTY
    assert Cid.parse(EMPTY) == Cid.raw(DIGEST)
    assert bytes(Cid.parse(EMPTY)) == bytes.fromhex("01551220") + DIGEST


@given(cids)
def test_text_and_bytes_read_back_as_the_same_cid(cid):
    assert Cid.parse(str(cid)) == cid
    assert Cid.parse(bytes(cid)) == cid
    assert len(str(cid)) == 59
    assert len(bytes(cid)) == 36


@given(st.text(max_size=70) | st.binary(max_size=70))
def test_anything_else_raises_the_package_error_only(source):
    try:
        cid = Cid.parse(source)
    except CidError:
        return
    assert source in {str(cid), bytes(cid)}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n", "CIDv0"),
        (b"\x12\x20" + DIGEST, "CIDv0"),
        ("bafkqaaa", "identity"),
        (b"\x01\x55\x00\x20" + DIGEST, "identity"),
        (b"\x01\x55\x13\x40" + bytes(64), "sha2-512"),
        (b"\x01\x71\x12\x20" + DIGEST, "dag-cbor"),
        (b"\x01\xa9\x02\x12\x20" + DIGEST, "dag-json"),
        (b"\x02\x55\x12\x20" + DIGEST, "version 2"),
        (b"\x01\x55\x12\x1f" + DIGEST[:31], "31 bytes"),
        (b"\x01\x55\x12\x20" + DIGEST + b"\x00", "holds 33"),
        (b"\x01\x55\x12\x20" + DIGEST[:10], "holds 10"),
        (b"\x01\xd5\x00\x12\x20" + DIGEST, "shortest form"),
        (b"\x01" + 12 * b"\xff", "cut short"),
        (b"", "cut short"),
        ("", "does not start with 'b'"),
        ("zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA", "does not start with 'b'"),
        (EMPTY.upper(), "does not start with 'b'"),
        ("b" + EMPTY[1:].upper(), "lower-case"),
        (EMPTY + "=", "not the canonical text"),
        (EMPTY[:-1] + "1", "base32"),
        ("b" * 300, "300 characters"),
    ],
)
def test_another_kind_of_name_is_refused_and_the_error_says_which(source, says):
    with pytest.raises(CidError, match=says):
        Cid.parse(source)


def test_text_whose_unused_last_bits_are_set_is_not_a_second_name_of_the_block():
    text = EMPTY[:-1] + chr(ord(EMPTY[-1]) + 1)
    assert base64.b32decode(text[1:].upper() + "======")[:36] == bytes(Cid.parse(EMPTY))
    with pytest.raises(CidError, match="not the canonical text"):
        Cid.parse(text)


@pytest.mark.parametrize("codec", [0x71, 0x00, -1, None])
def test_a_cid_cannot_be_made_with_another_codec(codec):
    with pytest.raises(CidError, match="codec"):
        Cid(codec=codec, digest=DIGEST)


@pytest.mark.parametrize("digest", [b"", DIGEST[:31], DIGEST + b"\x00", DIGEST.hex()])
def test_a_cid_cannot_be_made_without_exactly_32_bytes(digest):
    with pytest.raises(CidError, match="32 bytes"):
        Cid(codec=RAW, digest=digest)


@given(st.binary(max_size=200), st.data())
def test_a_block_with_any_bit_flipped_is_not_the_content_of_its_cid(block, data):
    cid = Cid.of(RAW, block)
    cid.verify(block)
    if block:
        bit = data.draw(st.integers(0, 8 * len(block) - 1))
        wrong = bytearray(block)
        wrong[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(CidMismatchError) as caught:
            cid.verify(bytes(wrong))
        assert str(cid) in caught.value.message
        assert str(Cid.of(RAW, bytes(wrong))) in caught.value.message
