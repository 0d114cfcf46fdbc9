"""Files as trees of blocks: the reference's CIDs, and a reader that a hostile peer cannot mislead."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivm import dagpb
from aivm.cid import DAG_PB, RAW, Cid, CidError, CidMismatchError
from aivm.dagpb import DagPbError, Link
from aivm.errors import AivmError
from aivm.unixfs import (
    CHUNK,
    PROFILE,
    FileTooLargeError,
    ProfileError,
    UnixFsError,
    UnsupportedNodeError,
    import_bytes,
    import_file,
    read_bytes,
    read_file,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cids.json").read_text(encoding="utf-8"))
REPEATED = bytes(i % 251 for i in range(CHUNK + 251))
NO_LIMIT = 1 << 62


class Content(io.RawIOBase):
    """The golden content, byte i = i mod 251, of any size; reads are as short as `most`."""

    def __init__(self, size, most=CHUNK):
        self.at, self.size, self.most = 0, size, most

    def read(self, count=-1):
        count = min(count, self.most, self.size - self.at)
        start = self.at % 251
        self.at += count
        return REPEATED[start : start + count]


def stored(data):
    """A file's root and its blocks."""
    blocks = {}
    return import_bytes(data, blocks.__setitem__).cid, blocks


def node(links, data):
    block = dagpb.encode(links, data)
    return Cid.of(DAG_PB, block), block


def declares(size, parts, *, kind=2, extra=b""):
    """The UnixFS data of a node."""
    sizes = b"".join(dagpb.number(4, part) for part in parts)
    return dagpb.number(1, kind) + dagpb.number(3, size) + sizes + extra


def leaf(data=b"x"):
    return Cid.of(RAW, data), data


@pytest.mark.parametrize("golden", GOLDEN["files"], ids=lambda golden: str(golden["size"]))
def test_cids_are_those_of_the_reference_importer(golden):
    assert GOLDEN["profile"] == PROFILE
    result = import_file(Content(golden["size"]))
    assert str(result.cid) == golden["cid"]
    assert result.size == golden["size"]


def test_the_golden_sizes_stand_on_every_boundary_of_the_profile():
    sizes = {golden["size"] for golden in GOLDEN["files"]}
    mib = 1 << 20
    assert {0, 1, mib - 1, mib, mib + 1, 1023 * mib, 1024 * mib - 1, 1024 * mib, 1024 * mib + 1, 1025 * mib} <= sizes


@pytest.mark.parametrize("size", [1024 * CHUNK, 1024 * CHUNK + 1])
def test_a_file_of_more_links_than_a_node_has_is_read_back(size):
    blocks = {}
    cid = import_file(Content(size), blocks.__setitem__).cid
    expected = Content(size)
    total = 0
    for chunk in read_file(cid, blocks.__getitem__, limit=size):
        assert chunk == expected.read(CHUNK)
        total += len(chunk)
    assert total == size


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([0, 1, 2, 3]),
    st.integers(-3, 3) | st.integers(0, CHUNK),
    st.integers(1000, 2 * CHUNK),
)
def test_any_file_reads_back_and_its_cid_does_not_depend_on_how_the_stream_was_read(chunks, offset, most):
    size = max(0, chunks * CHUNK + offset)
    cid, blocks = stored(b"".join(pieces(size)))
    assert import_file(Content(size, most)).cid == cid
    assert read_bytes(cid, blocks.__getitem__, limit=size) == b"".join(pieces(size))


def pieces(size):
    content = Content(size)
    while piece := content.read(CHUNK):
        yield piece


def test_blocks_come_leaves_first_and_the_root_last():
    order = []
    result = import_bytes(bytes(2 * CHUNK + 5), lambda cid, block: order.append((cid, len(block))))
    assert [length for _, length in order[:3]] == [CHUNK, CHUNK, 5]
    assert order[-1][0] == result.cid


def test_a_file_of_one_chunk_is_one_raw_block():
    cid, blocks = stored(b"hello")
    assert blocks == {cid: b"hello"}
    assert cid.codec == RAW


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_flipped_bit_in_any_block_is_always_found(data):
    cid, blocks = stored(REPEATED[: CHUNK + 100])
    victim = data.draw(st.sampled_from(sorted(blocks)))
    bit = data.draw(st.integers(0, 8 * len(blocks[victim]) - 1))
    wrong = bytearray(blocks[victim])
    wrong[bit // 8] ^= 1 << (bit % 8)
    blocks[victim] = bytes(wrong)
    with pytest.raises(CidMismatchError, match=str(victim)):
        read_bytes(cid, blocks.__getitem__, limit=NO_LIMIT)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_node_that_was_changed_and_named_anew_is_refused_or_leads_nowhere(data):
    cid, blocks = stored(REPEATED[: 2 * CHUNK + 100])
    block = bytearray(blocks[cid])
    at = data.draw(st.integers(0, len(block) - 1))
    match data.draw(st.sampled_from(["set", "insert", "delete", "append"])):
        case "set":
            block[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != block[at]))
        case "insert":
            block.insert(at, data.draw(st.integers(0, 255)))
        case "delete":
            del block[at]
        case "append":
            block += data.draw(st.binary(min_size=1, max_size=20))
    if bytes(block) == blocks[cid]:
        return
    fake = Cid.of(DAG_PB, bytes(block))
    blocks[fake] = bytes(block)
    # A changed digest names a block that nobody has; everything else is the reader's to find.
    with pytest.raises((AivmError, KeyError)):
        read_bytes(fake, blocks.__getitem__, limit=NO_LIMIT)


@given(st.binary(max_size=120))
def test_random_bytes_named_as_a_node_raise_the_package_errors_only(block):
    cid = Cid.of(DAG_PB, block)
    with pytest.raises((UnixFsError, DagPbError, CidError)):
        read_bytes(cid, {cid: block}.__getitem__, limit=NO_LIMIT)


def test_a_file_larger_than_the_limit_is_refused_before_any_chunk_is_fetched():
    cid, blocks = stored(bytes(3 * CHUNK))
    asked = []

    def get_block(wanted):
        asked.append(wanted)
        return blocks[wanted]

    with pytest.raises(FileTooLargeError, match=f"{3 * CHUNK} bytes; at most {3 * CHUNK - 1}"):
        read_bytes(cid, get_block, limit=3 * CHUNK - 1)
    assert asked == [cid]


def test_a_raw_file_larger_than_the_limit_is_refused():
    cid, blocks = stored(b"four")
    with pytest.raises(FileTooLargeError):
        read_bytes(cid, blocks.__getitem__, limit=3)


def test_a_node_that_claims_less_than_its_children_hold_is_refused():
    cid, blocks = stored(bytes(2 * CHUNK))
    links = dagpb.decode(blocks[cid]).links
    small, block = node(links, declares(CHUNK + 1, [CHUNK, 1]))
    with pytest.raises(ProfileError, match="differs at byte"):
        read_bytes(small, {**blocks, small: block}.__getitem__, limit=CHUNK + 1)


def test_a_chunk_of_another_size_than_declared_is_refused():
    first, full = leaf(bytes(CHUNK))
    second, rest = leaf(b"longer than one byte")
    cid, block = node(
        [Link(cid=first, tsize=CHUNK), Link(cid=second, tsize=1)],
        declares(CHUNK + 1, [CHUNK, 1]),
    )
    with pytest.raises(ProfileError, match="has 20 bytes"):
        read_bytes(cid, {cid: block, first: full, second: rest}.__getitem__, limit=NO_LIMIT)


def test_an_enormous_claimed_size_is_refused_without_work():
    cid, block = node([Link(cid=leaf()[0], tsize=1)], declares((1 << 64) - 1, [1]))
    with pytest.raises(FileTooLargeError):
        read_bytes(cid, {cid: block}.__getitem__, limit=10**12)
    with pytest.raises(ProfileError, match="links"):
        read_bytes(cid, {cid: block}.__getitem__, limit=1 << 64)


def test_a_chain_of_nodes_cannot_be_deeper_than_its_size_allows():
    cid, block = node([Link(cid=leaf(bytes(CHUNK))[0], tsize=CHUNK)], declares(CHUNK, [CHUNK]))
    blocks = {cid: block}
    for _ in range(50):
        cid, block = node([Link(cid=cid, tsize=len(block) + CHUNK)], declares(2 * CHUNK, [2 * CHUNK]))
        blocks[cid] = block
    with pytest.raises(ProfileError, match="1 links for 2097152 bytes; the profile has 2"):
        read_bytes(cid, blocks.__getitem__, limit=NO_LIMIT)


def test_a_node_where_a_chunk_belongs_is_refused():
    first, full = leaf(bytes(CHUNK))
    inner, inner_block = node([Link(cid=leaf()[0], tsize=1)], declares(1, [1]))
    cid, block = node(
        [Link(cid=first, tsize=CHUNK), Link(cid=inner, tsize=1)],
        declares(CHUNK + 1, [CHUNK, 1]),
    )
    with pytest.raises(ProfileError, match="another codec"):
        read_bytes(cid, {cid: block, first: full, inner: inner_block}.__getitem__, limit=NO_LIMIT)


@pytest.mark.parametrize(
    ("kind", "name"), [(0, "raw leaf"), (1, "directory"), (3, "metadata"), (4, "symlink"), (5, "HAMT"), (99, "type 99")]
)
def test_something_else_than_a_file_is_refused_by_its_name(kind, name):
    cid, block = node([], dagpb.number(1, kind))
    with pytest.raises(UnsupportedNodeError, match=name):
        read_bytes(cid, {cid: block}.__getitem__, limit=NO_LIMIT)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "does not start with a type"),
        (dagpb.number(3, 5), "does not start with a type"),
        (dagpb.number(1, 2), "0 file sizes"),
        (declares(2 * CHUNK, []) + dagpb.number(3, 7), "2 file sizes"),
        (dagpb.number(1, 2) + dagpb.octets(2, b"inline") + dagpb.number(3, 6), "holds file data itself"),
        (declares(2 * CHUNK, [CHUNK, CHUNK], extra=dagpb.number(7, 0o644)), "field 7"),
        (declares(2 * CHUNK, [CHUNK, CHUNK], extra=dagpb.octets(8, b"\x08\x01")), "field 8"),
        (declares(2 * CHUNK, [CHUNK, CHUNK], extra=dagpb.number(1, 2)), "field 1"),
        (declares(CHUNK, [CHUNK]), "one raw block"),
        (declares(2 * CHUNK, [CHUNK, CHUNK]), "0 links"),
    ],
)
def test_data_that_the_profile_does_not_write_is_refused(data, says):
    cid, block = node([], data)
    with pytest.raises(ProfileError, match=says):
        read_bytes(cid, {cid: block}.__getitem__, limit=NO_LIMIT)


def test_a_file_cut_by_another_profile_is_refused_with_a_hint_to_add_it_again():
    chunk = bytes(262144)
    links = [Link(cid=Cid.of(RAW, chunk), tsize=len(chunk))] * 8
    cid, block = node(links, declares(2 * CHUNK, [262144] * 8))
    with pytest.raises(ProfileError, match="8 links") as caught:
        read_bytes(cid, {cid: block, Cid.of(RAW, chunk): chunk}.__getitem__, limit=NO_LIMIT)
    assert PROFILE in caught.value.hint


def test_a_raw_block_longer_than_a_chunk_is_refused():
    cid, block = leaf(bytes(CHUNK + 1))
    with pytest.raises(ProfileError, match="the profile cuts at"):
        read_bytes(cid, {cid: block}.__getitem__, limit=NO_LIMIT)


def test_a_block_longer_than_any_may_be_is_refused_unhashed():
    cid, _ = leaf()
    with pytest.raises(ProfileError, match="a block has at most"):
        read_bytes(cid, lambda _: bytes((2 << 20) + 1), limit=NO_LIMIT)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (b"\x0a\x02\x08\x02" + b"\x12\x00", "out of order"),
        (b"\x0a\x02\x08\x02" + b"\x0a\x02\x08\x02", "out of order"),
        (b"\x1a\x00", "unknown"),
        (b"\x0a\x05\x08\x02", "5 bytes; the rest is 2"),
        (b"\x0a\x82\x00\x08\x02", "shortest form"),
        (b"\x0a" + 10 * b"\xff" + b"\x01", "more than 10 bytes"),
        (b"\x0a" + 9 * b"\xff" + b"\x02", "too large"),
        (b"\x0a", "cut short"),
        (b"\x0d\x00\x00\x00\x00", "wire type 5"),
        (b"", "without data"),
        (b"\x12\x02\x18\x01\x0a\x00", "hash, name and size"),
    ],
)
def test_protobuf_that_is_not_canonical_is_refused(block, says):
    with pytest.raises(DagPbError, match=says):
        dagpb.decode(block)


def test_a_link_by_an_identity_hash_is_refused():
    identity = b"\x01\x55\x00\x05hello"
    link = dagpb.octets(1, identity) + dagpb.octets(2, b"") + dagpb.number(3, 5)
    with pytest.raises(CidError, match="identity"):
        dagpb.decode(dagpb.octets(2, link) + dagpb.octets(1, declares(5, [5])))


@given(
    st.lists(st.tuples(st.binary(max_size=9), st.text(max_size=5), st.integers(0, (1 << 64) - 1)), max_size=5),
    st.binary(max_size=20),
)
def test_a_canonical_node_reads_back(parts, data):
    links = tuple(Link(cid=Cid.of(RAW, block), name=name, tsize=tsize) for block, name, tsize in parts)
    read = dagpb.decode(dagpb.encode(links, data))
    assert read.links == links
    assert read.data == data
