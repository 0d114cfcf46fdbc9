"""The gateway: what it answers, byte for byte and header for header."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

import httpx
import pytest

from aivm import dagpb
from aivm.cid import DAG_PB, RAW, Cid
from aivm.unixfs import CHUNK, import_bytes
from registry.content.car import CarReader
from registry.content.errors import ContentError
from registry.content.gateway import serve

BLOCK = b"a block"
#: What a gateway takes at once.
CONNECTIONS = 256
CID = Cid.of(RAW, BLOCK)
CAR_TYPE = "application/vnd.ipld.car; version=1; order=dfs; dups=n"


@pytest.fixture
def http(gateway):
    with httpx.Client(base_url=gateway, headers={"accept": "*/*"}) as client:
        yield client


@pytest.fixture
def root(store):
    """A file of three chunks, two of them equal."""
    return import_bytes(bytes(2 * CHUNK) + b"end", store.put).cid


def blocks(response):
    return list(CarReader(io.BytesIO(response.content)))


@pytest.mark.parametrize(
    ("url", "accept"),
    [
        ("?format=raw", "*/*"),
        ("", "application/vnd.ipld.raw"),
        ("", "text/html, application/vnd.ipld.car;q=0.5, application/vnd.ipld.raw;q=0.9"),
        ("?format=raw", "application/vnd.ipld.car"),
    ],
)
def test_a_raw_block_comes_with_everything_a_cache_and_a_client_need(store, http, url, accept):
    store.put(CID, BLOCK)
    response = http.get(f"/ipfs/{CID}{url}", headers={"accept": accept})
    assert response.status_code == 200
    assert response.content == BLOCK
    expected = {
        "content-type": "application/vnd.ipld.raw",
        "content-length": str(len(BLOCK)),
        "etag": f'"{CID}.raw"',
        "cache-control": "public, max-age=29030400, immutable",
        "x-ipfs-path": f"/ipfs/{CID}",
        "x-ipfs-roots": str(CID),
        "x-content-type-options": "nosniff",
        "access-control-allow-origin": "*",
        "content-disposition": f'attachment; filename="{CID}.bin"',
        "vary": "Accept",
    }
    assert {name: response.headers.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("url", "accept"),
    [
        ("?format=car", "*/*"),
        ("", "application/vnd.ipld.car"),
        ("", CAR_TYPE),
        ("?format=car&dag-scope=all&car-version=1&car-order=unk&car-dups=n", "*/*"),
    ],
)
def test_a_car_holds_the_dag_parents_first_each_block_once(store, http, root, url, accept):
    response = http.get(f"/ipfs/{root}{url}", headers={"accept": accept})
    assert response.headers["content-type"] == CAR_TYPE
    assert response.headers["etag"] == f'"{root}.car"'
    assert int(response.headers["content-length"]) == len(response.content)
    reader = CarReader(io.BytesIO(response.content))
    assert reader.roots == (root,)
    links = [link.cid for link in dagpb.decode(store.get(root)).links]
    assert [cid for cid, _ in reader] == [root, links[0], links[2]]


def test_a_car_of_scope_block_holds_the_root_alone(store, http, root):
    response = http.get(f"/ipfs/{root}?format=car&dag-scope=block")
    assert blocks(response) == [(root, store.get(root))]
    assert response.headers["etag"] == f'"{root}.car.block"'


@pytest.mark.parametrize("form", ["raw", "car"])
def test_head_says_what_get_would_without_the_bytes(http, root, form):
    got, head = (http.request(method, f"/ipfs/{root}?format={form}") for method in ("GET", "HEAD"))
    assert head.status_code == 200
    assert head.content == b""
    ignored = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in got.headers.items() if k not in ignored
    }


@pytest.mark.parametrize("known", ['"{}.raw"', 'W/"{}.raw"', '"other", "{}.raw"', "*"])
def test_a_client_that_has_the_block_is_told_so(store, http, known):
    store.put(CID, BLOCK)
    response = http.get(f"/ipfs/{CID}?format=raw", headers={"if-none-match": known.format(CID)})
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["etag"] == f'"{CID}.raw"'


def test_the_tag_of_another_form_is_no_reason_to_send_nothing(store, http):
    store.put(CID, BLOCK)
    response = http.get(f"/ipfs/{CID}?format=raw", headers={"if-none-match": f'"{CID}.car"'})
    assert response.content == BLOCK


@pytest.mark.parametrize(
    ("path", "accept", "status", "says"),
    [
        (f"/ipfs/{CID}?format=raw", "*/*", 404, str(CID)),
        (f"/ipfs/{CID}?format=car", "*/*", 404, str(CID)),
        (f"/ipfs/{CID}", "*/*", 406, "only verifiable forms"),
        (f"/ipfs/{CID}", "text/html", 406, "only verifiable forms"),
        (f"/ipfs/{CID}", "application/vnd.ipld.raw;q=0", 406, "only verifiable forms"),
        (f"/ipfs/{CID}", "application/vnd.ipld.raw;q=x", 406, "only verifiable forms"),
        (f"/ipfs/{CID}?format=tar", "*/*", 406, "tar"),
        (f"/ipfs/{CID}?format=car&dag-scope=entity", "*/*", 406, "entity"),
        (f"/ipfs/{CID}?format=car&entity-bytes=0:5", "*/*", 406, "entity-bytes"),
        (f"/ipfs/{CID}?format=car&car-dups=y", "*/*", 406, "dups='y'"),
        (f"/ipfs/{CID}", "application/vnd.ipld.car; version=2", 406, "version='2'"),
        ("/ipfs/QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n?format=raw", "*/*", 400, "CIDv0"),
        ("/ipfs/bafkqablimvwgy3y?format=raw", "*/*", 400, "identity"),
        ("/ipfs/nonsense?format=raw", "*/*", 400, "base32"),
        ("/ipfs/?format=raw", "*/*", 400, "base32"),
        ("/ipfs/..%2f..%2fetc%2fpasswd?format=raw", "*/*", 400, "no paths"),
        (f"/ipfs/{CID}/file?format=raw", "*/*", 400, "no paths"),
    ],
)
def test_what_is_not_given_is_refused_with_the_reason_and_never_cached(http, path, accept, status, says):
    response = http.get(path, headers={"accept": accept})
    assert response.status_code == status
    assert says in response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["access-control-allow-origin"] == "*"


def test_a_dag_of_which_a_block_is_missing_is_not_begun(store, http, root):
    missing = dagpb.decode(store.get(root)).links[-1].cid
    store.delete(missing)
    response = http.get(f"/ipfs/{root}?format=car")
    assert response.status_code == 404
    assert str(missing) in response.text


def test_a_damaged_block_is_never_sent(store, http):
    store.put(CID, BLOCK)
    store.path(CID).write_bytes(b"a flock")
    response = http.get(f"/ipfs/{CID}?format=raw")
    assert response.status_code == 404
    assert b"flock" not in response.content


def test_a_node_that_cannot_be_followed_gives_no_car_but_its_raw_block(store, http):
    cid = store.put_block(DAG_PB, b"not protobuf")
    assert http.get(f"/ipfs/{cid}?format=car").status_code == 500
    assert http.get(f"/ipfs/{cid}?format=raw").content == b"not protobuf"


def test_a_client_that_probes_for_a_gateway_finds_one(http):
    response = http.get("/ipfs/bafkqaaa?format=raw")
    assert (response.status_code, response.content) == (200, b"")


def test_a_browser_may_ask_from_any_page(http):
    response = http.options(f"/ipfs/{CID}", headers={"origin": "http://page", "access-control-request-method": "GET"})
    assert response.status_code == 204
    assert "GET" in response.headers["access-control-allow-methods"]
    assert http.post(f"/ipfs/{CID}").status_code == 405


def test_a_port_that_is_taken_is_named(store):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ContentError, match=f"127.0.0.1:{port}"), serve(store, port=port):
            pass


def test_the_port_is_free_again_after_serving(store):
    with serve(store) as url:
        port = int(url.rpartition(":")[2])
    with serve(store, port=port) as again:
        assert again == url


def test_who_holds_all_connections_keeps_others_out_until_it_lets_go(store):
    """What is said of it in docs/security.md: the rest are told to come again, and a proxy is what helps."""
    store.put(CID, BLOCK)
    with serve(store) as url, httpx.Client(base_url=url) as client:
        host, port = url.removeprefix("http://").split(":")
        with ExitStack() as stack:
            for _ in range(CONNECTIONS):
                stack.enter_context(socket.create_connection((host, int(port))))
            assert client.get(f"/ipfs/{CID}?format=raw").status_code == 503
        answered = [client.get(f"/ipfs/{CID}?format=raw") for _ in range(20)]
        assert answered[-1].content == BLOCK


def test_the_blocking_gateway_says_when_it_is_ready_and_ends_on_a_signal(store):
    store.put(CID, BLOCK)
    code = (
        "import sys; from registry.content import FileBlockStore; from registry.content.gateway import run;"
        "run(FileBlockStore(sys.argv[1]), port=0, ready=lambda url: print(url, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(store.directory)], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            url = child.stdout.readline().strip()
            assert httpx.get(f"{url}/ipfs/{CID}?format=raw").content == BLOCK
        finally:
            child.send_signal(signal.SIGTERM)
            code = child.wait(10)
    assert code in {0, -signal.SIGTERM}
