"""The client: whatever a gateway sends, only the right bytes are returned, and in bounded time."""

from __future__ import annotations

import io
import itertools
import time

import pytest

from aivm import dagpb
from aivm.cid import DAG_PB, MAX_BLOCK, RAW, Cid
from aivm.unixfs import CHUNK, import_bytes
from registry.content import BlockMismatchError, ContentError, ContentUnavailableError, GatewayClient
from registry.content.car import car_size, write_car
from registry.content.errors import GatewayError, ResponseTooLargeError, ResponseTooSlowError

BLOCK = b"the right bytes"
CID = Cid.of(RAW, BLOCK)
OTHER = Cid.of(RAW, b"other")
ROOT_BLOCK = dagpb.encode([dagpb.Link(cid=CID, tsize=15), dagpb.Link(cid=OTHER, tsize=5)], b"")
ROOT = Cid.of(DAG_PB, ROOT_BLOCK)
ROOT_BLOCKS = [(ROOT, ROOT_BLOCK), (CID, BLOCK), (OTHER, b"other")]


def answer(body, *headers, length=None):
    length = len(body) if length is None else length
    # The peer ends the connection after its answer, and an honest one says so.
    head = [b"HTTP/1.1 200 OK", b"connection: close", b"content-length: %d" % length]
    return b"\r\n".join([*head, *headers, b"", body])


def endless(send, _):
    send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        send(bytes(65536))


def endless_chunks(send, _):
    send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        send(b"10000\r\n" + bytes(65536) + b"\r\n")


def endless_headers(send, _):
    send(b"HTTP/1.1 200 OK\r\n")
    for index in itertools.count():
        send(b"x-%d: y\r\n" % index)


def dripping_body(send, _):
    send(b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n")
    for byte in BLOCK:
        send(bytes([byte]))
        time.sleep(0.2)


def dripping_headers(send, _):
    send(b"HTTP/1.1 200 OK\r\nx: ")
    for _ in range(50):
        send(b"y")
        time.sleep(0.2)


def silence(_, __):
    time.sleep(1.5)


HOSTILE = {
    "wrong bytes": (lambda send, _: send(answer(b"the wrong bytes")), BlockMismatchError, "are those of"),
    "no bytes": (lambda send, _: send(answer(b"")), BlockMismatchError, "0 bytes given"),
    "fewer than announced": (lambda send, _: send(answer(BLOCK, length=20)), GatewayError, "15 bytes, expected 20"),
    "more than announced": (lambda send, _: send(answer(BLOCK, length=5)), BlockMismatchError, "5 bytes given"),
    "one block too many": (lambda send, _: send(answer(BLOCK + BLOCK)), BlockMismatchError, "30 bytes given"),
    "endless": (endless, ResponseTooLargeError, "sent more than"),
    "endless chunks": (endless_chunks, ResponseTooLargeError, "sent more than"),
    "endless headers": (endless_headers, GatewayError, "ProtocolError"),
    "announces an exabyte": (lambda send, _: send(answer(b"", length=1 << 60)), ResponseTooLargeError, "announces"),
    "announces nonsense": (lambda send, _: send(answer(b"", length=5).replace(b": 5", b": -5")), GatewayError, ""),
    "drips a body": (dripping_body, ResponseTooSlowError, "more than 0.6 s"),
    "drips headers": (dripping_headers, ResponseTooSlowError, "more than 0.6 s"),
    "says nothing": (silence, ResponseTooSlowError, "more than 0.6 s"),
    "hangs up": (lambda _, __: None, GatewayError, "disconnected"),
    "is no HTTP": (lambda send, _: send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), GatewayError, "ProtocolError"),
    "compresses": (lambda send, _: send(answer(bytes(9), b"content-encoding: gzip")), GatewayError, "encoding"),
    "redirects": (
        lambda send, _: send(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"),
        GatewayError,
        "302",
    ),
    "explains itself": (
        lambda send, _: send(b"HTTP/1.1 503 Busy\r\ncontent-length: 12\r\n\r\nout of paper"),
        GatewayError,
        "out of paper",
    ),
    "fails at length": (
        lambda send, _: send(b"HTTP/1.1 500 Oops\r\ncontent-length: 99999999\r\n\r\n" + bytes(99999)),
        GatewayError,
        "500",
    ),
}


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def hostile(request, peer):
    behaviour, kind, says = request.param
    return peer(behaviour), kind, says


def test_a_hostile_gateway_is_stopped_and_named(hostile):
    url, kind, says = hostile
    began = time.monotonic()
    with GatewayClient([url], deadline=0.6) as client, pytest.raises(ContentUnavailableError) as caught:
        client.get_block(CID)
    assert time.monotonic() - began < 3
    [(source, error)] = caught.value.attempts
    assert source == url
    assert isinstance(error, kind)
    assert says in error.message
    assert url in caught.value.message
    assert str(CID) in caught.value.message


def test_the_next_gateway_is_asked_after_a_hostile_one(hostile, store, gateway):
    store.put(CID, BLOCK)
    with GatewayClient([hostile[0], gateway], deadline=0.6) as client:
        assert client.get_block(CID) == BLOCK


def test_a_mismatch_names_the_gateway_and_both_cids(peer):
    url = peer(lambda send, _: send(answer(b"lie")))
    with GatewayClient([url]) as client, pytest.raises(ContentUnavailableError) as caught:
        client.get_block(CID)
    [(_, error)] = caught.value.attempts
    for part in (url, str(CID), str(Cid.of(RAW, b"lie"))):
        assert part in error.message


def test_with_no_network_every_url_is_listed_with_its_reason(dead, gateway):
    with GatewayClient([dead, gateway]) as client, pytest.raises(ContentUnavailableError) as caught:
        client.get_block(CID)
    text = caught.value.diagnostics()
    assert dead in text
    assert "refused" in text
    assert gateway in text
    assert "404" in text
    assert "Check that the publisher's gateway is up" in text


def test_without_any_gateway_the_error_says_so():
    with GatewayClient([]) as client, pytest.raises(ContentUnavailableError, match="no source is known"):
        client.get_block(CID)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "host:80",
        "",
        "http://",
        "http://user:word@host",
        "http://h/?a=b",
        "http://[",
        "http://a..b",
        "http://192.168.0.1/reboot?",
        "http://192.168.0.1/reboot#",
        "http://@host",
        "file:///etc",
    ],
)
def test_what_is_no_base_url_is_refused_at_once(url):
    with pytest.raises(ContentError, match="URL"):
        GatewayClient([url])


def test_a_gateway_that_failed_is_asked_last_the_next_time(peer, store, gateway):
    store.put(CID, BLOCK)
    asked = []

    def fail(send, request):
        asked.append(request)
        send(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n")

    with GatewayClient([peer(fail), gateway]) as client:
        for _ in range(5):
            assert client.get_block(CID) == BLOCK
    assert len(asked) == 1


def test_the_request_asks_for_a_verifiable_form_and_no_compression(peer):
    seen = []

    def record(send, request):
        seen.append(request.lower())
        send(answer(BLOCK))

    with GatewayClient([peer(record)]) as client:
        assert client.get_block(CID) == BLOCK
    assert seen[0].startswith(f"get /ipfs/{CID}?format=raw http/1.1")
    assert "accept: application/vnd.ipld.raw" in seen[0]
    assert "accept-encoding: identity" in seen[0]


def test_a_block_of_the_greatest_size_is_fetched(store, gateway):
    cid = store.put_block(RAW, bytes(MAX_BLOCK))
    with GatewayClient([gateway]) as client:
        assert len(client.get_block(cid)) == MAX_BLOCK


def test_a_dag_is_fetched_as_one_car(store, gateway):
    expected = {}
    data = b"".join(bytes([index]) * CHUNK for index in range(3)) + b"end"
    root = import_bytes(data, expected.__setitem__).cid
    for cid, block in expected.items():
        store.put(cid, block)
    got = {}
    with GatewayClient([gateway]) as client:
        assert client.fetch_car(root, got.__setitem__, limit=5 * CHUNK) == 5
    assert got == expected
    assert next(iter(got)) == root


def test_a_car_beyond_the_limit_is_stopped(store, gateway):
    root = import_bytes(bytes(CHUNK) + b"end", store.put).cid
    with GatewayClient([gateway]) as client, pytest.raises(ContentUnavailableError, match="at most 1000"):
        client.fetch_car(root, lambda *_: None, limit=1000)


def car_of(blocks, root=ROOT):
    stream = io.BytesIO()
    write_car(stream, [root], blocks)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (car_of(ROOT_BLOCKS[:2]), GatewayError, f"lacks 1 blocks, among them {OTHER}"),
        (car_of([]), GatewayError, "lacks 1 blocks"),
        (car_of([*ROOT_BLOCKS, (Cid.of(RAW, b"?"), b"?")]), GatewayError, "nothing before it links to"),
        (car_of(ROOT_BLOCKS[::-1]), GatewayError, "nothing before it links to"),
        (car_of([*ROOT_BLOCKS[:2], (OTHER, b"wrong")]), BlockMismatchError, "are those of"),
        (car_of(ROOT_BLOCKS)[:-1], GatewayError, "cut short"),
        (car_of(ROOT_BLOCKS) + b"\x05trash", GatewayError, "no room for a CID"),
        (b"<html>404 not found, politely</html>", GatewayError, "not usable"),
        (b"", GatewayError, "empty"),
    ],
)
def test_a_wrong_car_is_refused_and_the_next_gateway_asked(peer, body, kind, says):
    bad, good = peer(lambda send, _: send(answer(body))), peer(lambda send, _: send(answer(car_of(ROOT_BLOCKS))))
    with GatewayClient([bad]) as client, pytest.raises(ContentUnavailableError) as caught:
        client.fetch_car(ROOT, lambda *_: None, limit=10**6)
    [(_, error)] = caught.value.attempts
    assert isinstance(error, kind)
    assert says in error.message
    got = {}
    with GatewayClient([bad, good]) as client:
        assert client.fetch_car(ROOT, got.__setitem__, limit=10**6) == 3
    assert got == dict(ROOT_BLOCKS)


def test_an_endless_car_of_good_blocks_is_stopped(peer):
    def repeat(send, _):
        send(b"HTTP/1.1 200 OK\r\n\r\n" + car_of(ROOT_BLOCKS))
        section = car_of([(CID, BLOCK)])[car_size([CID], []) :]
        while True:
            send(section * 1000)

    with GatewayClient([peer(repeat)]) as client, pytest.raises(ContentUnavailableError, match="100000"):
        client.fetch_car(ROOT, lambda *_: None, limit=100_000)


# --- gateways that strangers chose


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0"]
)
def test_a_strangers_gateway_at_a_private_address_is_never_connected_to(host):
    client = GatewayClient([f"http://{host}:9"], public_only=True)
    with client, pytest.raises(ContentUnavailableError, match="not a public address"):
        client.get_block(CID)


def test_a_gateway_that_is_slow_and_right_is_asked_after_the_others_from_then_on(peer, monkeypatch):
    monkeypatch.setattr("registry.content.client._QUICK", 1.0)  # far from what a busy machine takes for the quick one
    asked = []

    def slow(send, _):
        asked.append("slow")
        time.sleep(1.2)
        send(answer(BLOCK))

    with GatewayClient([peer(slow), peer(lambda send, _: send(answer(BLOCK)))]) as client:
        for _ in range(8):
            assert client.get_block(CID) == BLOCK
    # Once, unless the machine stood still so long that the other one was slow too.
    assert len(asked) < 4


def test_strangers_are_asked_no_longer_than_the_time_that_there_is(peer):
    def trickle(send, _):
        send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            send(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    with GatewayClient([peer(trickle) for _ in range(5)], total=0.5) as client:
        for _ in range(20):
            with pytest.raises(ContentUnavailableError):
                client.get_block(CID)
    assert time.monotonic() - started < 5
