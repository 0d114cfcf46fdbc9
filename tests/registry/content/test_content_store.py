"""The content store: its own files first, then everybody else, believing nobody."""

from __future__ import annotations

import hashlib

import pytest

from aivm.cid import RAW, Cid
from aivm.unixfs import CHUNK, FileTooLargeError
from registry.content import (
    BlockNotFoundError,
    ContentError,
    ContentStore,
    ContentUnavailableError,
    CorruptBlockError,
    FileBlockStore,
    GatewayClient,
)
from registry.content.gateway import serve

RECORD = b'{"type":"aivm/output","version":1}'
DIGEST = hashlib.sha256(RECORD).digest()


class Liar:
    """A remote that gives the same bytes for every CID."""

    def __init__(self, block):
        self.block = block

    def get_block(self, _):
        return self.block


@pytest.fixture
def publisher(tmp_path):
    return ContentStore(FileBlockStore(tmp_path / "publisher"))


@pytest.fixture
def client(publisher):
    with serve(publisher.local) as url, GatewayClient([url]) as client:
        yield client


@pytest.fixture
def validator(store, client):
    return ContentStore(store, [client])


def test_a_record_is_fetched_by_its_digest_and_kept(publisher, validator):
    publisher.put_block(RAW, RECORD)
    assert validator.get_record(DIGEST) == RECORD
    assert validator.local.get(Cid.raw(DIGEST)) == RECORD


def test_what_is_kept_is_not_fetched_again(publisher, validator, store):
    cid = publisher.put_block(RAW, RECORD)
    validator.get(cid)
    assert ContentStore(store).get(cid) == RECORD


def test_a_file_of_several_blocks_is_read_through_the_network(publisher, validator):
    data = b"".join(bytes([index]) * CHUNK for index in range(3)) + b"end"
    cid = publisher.add_bytes(data).cid
    assert validator.read_bytes(cid, limit=len(data)) == data
    assert set(validator.local) == set(publisher.local)


def test_a_file_beyond_the_limit_costs_one_block(publisher, validator):
    cid = publisher.add_bytes(bytes(2 * CHUNK)).cid
    with pytest.raises(FileTooLargeError):
        validator.read_bytes(cid, limit=CHUNK)
    assert set(validator.local) == {cid}


def test_a_damaged_local_block_is_fetched_anew(publisher, validator):
    cid = publisher.put_block(RAW, RECORD)
    validator.get(cid)
    validator.local.path(cid).write_bytes(b"x" * len(RECORD))
    assert validator.get(cid) == RECORD
    assert validator.local.get(cid) == RECORD


def test_a_damaged_local_block_that_nobody_else_has_is_reported_as_damaged(store):
    cid = store.put_block(RAW, RECORD)
    store.path(cid).write_bytes(b"damage")
    with pytest.raises(CorruptBlockError, match=str(store.path(cid))):
        ContentStore(store).get(cid)


def test_a_remote_that_lies_is_passed_over_and_its_bytes_are_not_kept(publisher, client, store):
    cid = publisher.put_block(RAW, RECORD)
    validator = ContentStore(store, [Liar(b"lie"), client])
    assert validator.get(cid) == RECORD
    assert set(store) == {cid}


def test_content_that_nobody_has_is_reported_with_everyone_who_was_asked(store, client):
    cid = Cid.of(RAW, b"nowhere")
    validator = ContentStore(store, [Liar(b"lie"), client])
    with pytest.raises(ContentUnavailableError) as caught:
        validator.get(cid)
    assert isinstance(caught.value, BlockNotFoundError)
    for part in (str(cid), str(store.directory), "Liar", client.urls[0]):
        assert part in caught.value.message


def test_a_record_larger_than_any_may_be_is_refused(publisher):
    block = bytes(CHUNK + 1)
    cid = publisher.put_block(RAW, block)
    with pytest.raises(ContentError, match="at most 1048576"):
        publisher.get_record(cid.digest)
