"""Blocks in files: whole or absent, whatever happens around them."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivm.cid import DAG_PB, MAX_BLOCK, RAW, Cid, CidMismatchError
from registry.content import BlockNotFoundError, CorruptBlockError, FileBlockStore
from registry.content.errors import BlockStoreError

BLOCK = b"a block"
CID = Cid.of(RAW, BLOCK)


def files(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def write_many(directory, seed, count, start):
    store = FileBlockStore(directory)
    start.wait(30)
    for index in range(count):
        store.put_block(RAW, f"shared {index}".encode() * 500)
        store.put_block(RAW, f"own {seed} {index}".encode())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=5000), st.sampled_from([RAW, DAG_PB]))
def test_what_is_put_is_got(store, block, codec):
    cid = store.put_block(codec, block)
    store.put(cid, block)
    assert store.get(cid) == block
    assert store.size(cid) == len(block)
    assert cid in store
    assert cid in set(store)


def test_a_block_is_there_for_whoever_opens_the_directory_later(store):
    store.put(CID, BLOCK)
    assert FileBlockStore(store.directory).get(CID) == BLOCK


def test_putting_a_block_again_writes_nothing(store):
    store.put(CID, BLOCK)
    before = store.path(CID).stat()
    store.put(CID, BLOCK)
    after = store.path(CID).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert files(store.directory) == [store.path(CID)]


def test_bytes_that_are_not_those_of_the_cid_are_not_stored(store):
    with pytest.raises(CidMismatchError):
        store.put(CID, b"another block")
    assert files(store.directory) == []


def test_a_block_larger_than_any_may_be_is_not_stored(store):
    with pytest.raises(BlockStoreError, match="at most"):
        store.put_block(RAW, bytes(MAX_BLOCK + 1))
    assert files(store.directory) == []


def test_an_absent_block_is_named(store):
    for ask in (store.get, store.size):
        with pytest.raises(BlockNotFoundError, match=str(CID)) as caught:
            ask(CID)
        assert caught.value.cid == CID
    assert CID not in store


@pytest.mark.parametrize("damage", [b"a flock", b"", b"a block and more", b"a bl"])
def test_a_damaged_file_is_reported_with_cid_and_path_and_moved_out_of_the_way(store, damage):
    store.put(CID, BLOCK)
    path = store.path(CID)
    path.write_bytes(damage)
    with pytest.raises(CorruptBlockError) as caught:
        store.get(CID)
    assert str(CID) in caught.value.message
    assert str(path) in caught.value.message
    assert not path.exists()
    [aside] = files(store.directory)
    assert str(aside) in caught.value.hint
    assert aside.read_bytes() == damage
    store.put(CID, BLOCK)
    assert store.get(CID) == BLOCK


def test_a_file_of_another_length_is_mended_by_putting_the_block_again(store):
    store.put(CID, BLOCK)
    store.path(CID).write_bytes(b"")
    store.put(CID, BLOCK)
    assert store.get(CID) == BLOCK


def test_a_block_that_cannot_be_written_leaves_nothing_behind(store, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BlockStoreError, match="No space left"):
        store.put(CID, BLOCK)
    assert files(store.directory) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BlockStoreError, match="file/store"):
        FileBlockStore(tmp_path / "file" / "store")


def test_a_deleted_block_is_gone_and_deleting_it_again_is_no_error(store):
    store.put(CID, BLOCK)
    store.delete(CID)
    store.delete(CID)
    assert list(store) == []


def test_a_writer_that_died_leaves_no_block_and_its_rest_is_swept_after_an_hour(store):
    rest = store.directory / "tmp" / f"{CID}.1.x"
    rest.write_bytes(BLOCK[:3])
    assert CID not in store
    assert list(FileBlockStore(store.directory)) == []
    assert rest.exists()
    old = time.time() - 2 * 3600
    os.utime(rest, (old, old))
    FileBlockStore(store.directory)
    assert not rest.exists()


def test_files_with_other_names_are_passed_over(store):
    store.put(CID, BLOCK)
    (store.path(CID).parent / "notes.txt").write_text("mine")
    assert list(store) == [CID]


def test_several_processes_write_the_same_blocks_at_once(store):
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writers = [context.Process(target=write_many, args=(store.directory, seed, 30, start)) for seed in range(3)]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(list(store)) == 30 + 3 * 30
    for cid in store:
        cid.verify(store.get(cid))
    assert not files(store.directory / "tmp")


def test_a_block_is_never_seen_half_written(store):
    block = os.urandom(MAX_BLOCK)
    cid = Cid.of(RAW, block)
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writer = context.Process(target=rewrite, args=(store.directory, block, 20, start))
    writer.start()
    start.set()
    seen = 0
    end = time.monotonic() + 60
    while writer.is_alive() and time.monotonic() < end:
        try:
            assert store.get(cid) == block
        except BlockNotFoundError as error:
            assert type(error) is BlockNotFoundError  # noqa: PT017 - absent is fine, damaged is not
        else:
            seen += 1
    writer.join(10)
    assert writer.exitcode == 0
    assert seen > 0


def rewrite(directory, block, count, start):
    store = FileBlockStore(directory)
    start.wait(30)
    for _ in range(count):
        cid = store.put_block(RAW, block)
        time.sleep(0.005)
        store.delete(cid)
    store.put_block(RAW, block)
    time.sleep(0.3)
