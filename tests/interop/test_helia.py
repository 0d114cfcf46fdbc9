"""A real IPFS implementation takes our content, and we take its."""

from __future__ import annotations

import io

import httpx
import pytest

from aivm.cid import DAG_PB, RAW, Cid
from aivm.unixfs import CHUNK, import_bytes, read_bytes
from registry.content import (
    BlockMismatchError,
    ContentStore,
    ContentUnavailableError,
    FileBlockStore,
    GatewayClient,
    KuboClient,
)
from registry.content.car import write_car
from registry.content.errors import GatewayError
from registry.content.gateway import serve

# Several blocks, like a kernel with a large model: distinct chunks, one repeated, and a rest.
DATA = b"".join(bytes([index % 7]) * CHUNK for index in range(9)) + b"the rest of a model"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Our store and the URL of our gateway in front of it."""
    store = ContentStore(FileBlockStore(tmp_path_factory.mktemp("store")))
    with serve(store.local) as url:
        yield store, url


@pytest.fixture(scope="module")
def follower(helia, ours):
    """A Helia node that asks our gateway."""
    with KuboClient(helia(gateway=ours[1])) as client:
        yield client


@pytest.fixture(scope="module")
def loner(helia):
    """A Helia node that knows nobody."""
    with KuboClient(helia()) as client:
        yield client


def test_helia_fetches_a_file_of_many_blocks_from_our_gateway(ours, follower):
    cid = ours[0].add_bytes(DATA).cid
    assert follower.cat(cid, limit=len(DATA)) == DATA


def test_helia_fetches_a_record_from_our_gateway(ours, follower):
    cid = ours[0].put_block(RAW, b'{"type":"aivm/input","version":1}')
    assert follower.get_block(cid) == b'{"type":"aivm/input","version":1}'


def test_helia_does_not_find_what_our_gateway_does_not_have(follower):
    with pytest.raises(GatewayError, match="500"):
        follower.get_block(Cid.of(RAW, b"nowhere"))


def test_helia_imports_the_car_that_our_gateway_gives(ours, loner):
    store, url = ours
    root = store.add_bytes(DATA[: 4 * CHUNK + 1]).cid
    blocks = {}
    with GatewayClient([url]) as client:
        client.fetch_car(root, blocks.__setitem__, limit=2 * len(DATA))
    loner.import_dag([root], blocks.items())
    assert loner.cat(root, limit=len(DATA)) == DATA[: 4 * CHUNK + 1]


def test_our_client_fetches_blocks_from_helia(loner):
    cid = loner.add(io.BytesIO(DATA)).cid
    with GatewayClient([loner.url]) as client:
        assert read_bytes(cid, client.get_block, limit=len(DATA)) == DATA


def test_our_client_fetches_a_car_from_helia(loner):
    cid = loner.add(io.BytesIO(DATA)).cid
    blocks = {}
    with GatewayClient([loner.url]) as client:
        client.fetch_car(cid, blocks.__setitem__, limit=2 * len(DATA))
    expected = {}
    assert import_bytes(DATA, expected.__setitem__).cid == cid
    assert blocks == expected


def test_helia_as_a_remote_of_our_store(loner, tmp_path):
    cid = loner.add(io.BytesIO(DATA)).cid
    store = ContentStore(FileBlockStore(tmp_path), [loner])
    assert store.read_bytes(cid, limit=len(DATA)) == DATA


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 175 * CHUNK])
def test_our_parameters_give_our_cid_where_the_defaults_would_give_another(loner, size):
    # 175 chunks: more links than Kubo's default of 174 allows in one node.
    data = bytes(range(256)) * (size // 256 + 1)
    assert loner.add(io.BytesIO(data[:size]), pin=False).cid == import_bytes(data[:size]).cid


def test_defaults_do_give_another_cid(loner):
    answer = httpx.post(f"{loner.url}/api/v0/add", files={"file": DATA})
    assert answer.json()["Hash"] != str(import_bytes(DATA).cid)


def test_blocks_of_both_codecs_go_to_helia_and_come_back(loner):
    blocks = {}
    root = import_bytes(DATA[: CHUNK + 1], blocks.__setitem__).cid
    assert root.codec == DAG_PB
    for cid, block in blocks.items():
        loner.put_block(cid, block)
        assert loner.get_block(cid) == block
    loner.pin(root)


def test_a_dag_with_a_missing_block_is_not_kept_and_we_are_told(loner):
    blocks = {}
    root = import_bytes(b"unfinished" * CHUNK, blocks.__setitem__).cid
    with pytest.raises((GatewayError, BlockMismatchError)) as caught:
        loner.import_dag([root], [(root, blocks[root])])
    assert loner.url in caught.value.message


def test_a_block_that_helia_lacks_is_a_named_error(loner):
    with GatewayClient([loner.url]) as client, pytest.raises(ContentUnavailableError, match="404"):
        client.get_block(Cid.of(RAW, b"nowhere"))


def test_helia_says_what_it_is(loner):
    assert loner.version().startswith("helia")


def test_helia_refuses_the_car_whose_block_was_changed(loner):
    stream = io.BytesIO()
    cid = Cid.of(RAW, b"right")
    write_car(stream, [cid], [(cid, b"wrong")])
    httpx.post(f"{loner.url}/api/v0/dag/import", files={"path": stream.getvalue()})
    with GatewayClient([loner.url]) as client, pytest.raises(ContentUnavailableError):
        client.get_block(cid)
