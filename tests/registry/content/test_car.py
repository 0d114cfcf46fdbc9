"""CARv1: what is written reads back, and nothing else does."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.cid import DAG_PB, RAW, Cid
from aivm.dagpb import varint
from registry.content.car import CarError, CarMismatchError, CarReader, car_size, encode_header, write_car

ROOT = Cid.of(RAW, b"root")

parts = st.lists(st.tuples(st.sampled_from([RAW, DAG_PB]), st.binary(max_size=300)), max_size=8)


def car(blocks, roots=(ROOT,)):
    stream = io.BytesIO()
    written = write_car(stream, roots, blocks)
    assert written == stream.tell() == car_size(roots, [len(block) for _, block in blocks])
    return stream.getvalue()


def read(data, **limits):
    reader = CarReader(io.BytesIO(data), **limits)
    return reader.roots, list(reader)


class Trickle(io.RawIOBase):
    """Gives one byte at a time."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def read(self, count=-1):
        return self.data.read(min(count, 1))


def test_the_header_of_one_root_is_the_bytes_that_the_specification_gives():
    assert encode_header([ROOT]).hex() == "a265726f6f747381d82a582500" + bytes(ROOT).hex() + "6776657273696f6e01"


@given(parts, st.integers(1, 300))
def test_a_car_reads_back(parts, count):
    blocks = [(Cid.of(codec, block), block) for codec, block in parts]
    roots = tuple(Cid.of(RAW, bytes([index % 256, index // 256])) for index in range(count))
    assert read(car(blocks, roots)) == (roots, blocks)


def test_short_reads_change_nothing():
    blocks = [(ROOT, b"root")]
    assert list(CarReader(Trickle(car(blocks)))) == blocks


@given(parts.filter(bool), st.data())
def test_a_flipped_bit_is_always_found_or_changes_what_is_named(parts, data):
    blocks = [(Cid.of(codec, block), block) for codec, block in parts]
    whole = bytearray(car(blocks))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << (bit % 8)
    try:
        roots, found = read(bytes(whole))
    except CarError:
        return
    # What is left are the bits that choose another root, or between raw and dag-pb in the name of a block.
    assert roots != (ROOT,) or [cid.digest for cid, _ in found] == [cid.digest for cid, _ in blocks]
    for cid, block in found:
        cid.verify(block)


@given(parts.filter(bool), st.data())
def test_a_car_that_is_cut_short_is_refused_unless_whole_blocks_are_left(parts, data):
    blocks = [(Cid.of(codec, block), block) for codec, block in parts]
    whole = car(blocks)
    cut = data.draw(st.integers(0, len(whole) - 1))
    ends = [car_size([ROOT], [len(block) for _, block in blocks[:count]]) for count in range(len(blocks))]
    if cut in ends:
        assert read(whole[:cut])[1] == blocks[: ends.index(cut)]
    else:
        with pytest.raises(CarError):
            read(whole[:cut])


@given(st.binary(max_size=200))
def test_random_bytes_raise_the_package_error_only(data):
    with pytest.raises(CarError):
        read(data)


def section(cid, block):
    return varint(len(cid) + len(block)) + cid + block


@pytest.mark.parametrize(
    ("data", "says", "offset"),
    [
        (b"", "empty", 0),
        (b"\x00", "0 bytes", 0),
        (b"\xff\xff\xff\xff\x01", "more than 4 bytes", 0),
        (b"\xff\xff\x7f", "2097151 bytes", 0),
        (b"\x80\x00", "shortest form", 0),
        (b"\x3b", "cut short: 59 of 59", 1),
        (b"\x0a\xa1\x67version\x02", "CARv2", 1),
        (b"\x11\xa2\x65roots\x80\x67version\x01", "not canonical", 1),
        (b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + bytes(ROOT) + b"\x67version\x00", "not canonical", 1),
        (b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + bytes(36) + b"\x67version\x01", "a root", 1),
        (b"\x3a\xa2\x67version\x01\x65roots\x81\xd8\x2a\x58\x25\x00" + bytes(ROOT), "not canonical", 1),
    ],
)
def test_a_header_that_is_not_the_one_form_is_refused(data, says, offset):
    with pytest.raises(CarError, match=says) as caught:
        read(data)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        (b"\x00", "0 bytes"),
        (b"\x05hello", "no room for a CID"),
        (section(bytes(ROOT), b"another"), "are those of"),
        (section(b"\x01\x55\x00\x20" + bytes(32), b""), "identity"),
        (section(b"\x12\x20" + bytes(34), b""), "CIDv0"),
        (varint(3 << 20), "are allowed"),
        (varint(36) + bytes(ROOT)[:20], "cut short"),
        (varint(46) + bytes(ROOT) + b"123", "7 of 10 bytes are missing"),
        (b"\x80", "cut short"),
    ],
)
def test_a_section_that_is_not_a_block_is_refused_at_its_offset(tail, says):
    start = car([(ROOT, b"root")])
    with pytest.raises(CarError, match=says) as caught:
        read(start + tail)
    assert caught.value.offset == len(start)


def test_a_wrong_block_has_an_error_of_its_own():
    with pytest.raises(CarMismatchError, match=str(ROOT)):
        read(car([(ROOT, b"lie")]))


def test_a_car_beyond_the_limit_is_refused_before_the_block_is_read():
    data = car([(ROOT, b"root")])
    assert read(data, limit=len(data))[1] == [(ROOT, b"root")]
    with pytest.raises(CarError, match="for the whole"):
        read(data[:-4], limit=len(data) - 1)
    with pytest.raises(CarError, match="are allowed"):
        read(data[:-4], max_block=3)


def test_a_car_needs_a_root():
    with pytest.raises(ValueError, match="root"):
        encode_header([])
