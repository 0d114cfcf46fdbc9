"""The Kubo adapter: explicit about everything, and no answer taken on trust."""

from __future__ import annotations

import io
import json

import pytest

from aivm.cid import RAW, Cid, CidMismatchError
from aivm.unixfs import import_bytes
from registry.content import BlockMismatchError, KuboClient
from registry.content.errors import GatewayError, ResponseTooLargeError

DATA = b"some bytes"
CID = Cid.of(RAW, DATA)
OTHER = Cid.of(RAW, b"other bytes")


@pytest.fixture
def kubo(peer):
    """`kubo(body)` is a client of a node that answers everything so; `kubo.requests` are what it was asked."""

    def start(body, status=b"200 OK"):
        def behaviour(send, request):
            start.requests.append(request)
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            send(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(text), text))

        client = KuboClient(peer(behaviour))
        clients.append(client)
        return client

    start.requests = []
    clients = []
    yield start
    for client in clients:
        client.close()


def test_every_parameter_of_the_profile_is_passed(kubo):
    result = kubo({"Name": "file", "Hash": str(CID), "Size": "10"}).add(io.BytesIO(DATA))
    assert (result.cid, result.size) == (CID, 10)
    [request] = kubo.requests
    line = request.splitlines()[0]
    assert line.startswith("POST /api/v0/add?")
    for parameter in (
        "cid-version=1",
        "hash=sha2-256",
        "raw-leaves=true",
        "chunker=size-1048576",
        "max-file-links=1024",
        "trickle=false",
        "inline=false",
        "wrap-with-directory=false",
        "pin=true",
    ):
        assert parameter in line


def test_the_last_line_of_several_is_the_file(kubo):
    body = b'{"Name":"file","Bytes":10}\n' + json.dumps({"Name": "file", "Hash": str(CID)}).encode() + b"\n"
    assert kubo(body).add(io.BytesIO(DATA)).cid == CID


@pytest.mark.parametrize(
    "reported", [str(OTHER), "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n", "", None, 7, "x" * 900]
)
def test_a_node_that_reports_another_cid_is_refused(kubo, reported):
    with pytest.raises(BlockMismatchError, match=str(CID)):
        kubo({"Hash": reported}).add(io.BytesIO(DATA))
    with pytest.raises(BlockMismatchError, match=str(CID)):
        kubo({"Key": reported}).put_block(CID, DATA)
    with pytest.raises(BlockMismatchError, match=str(CID)):
        kubo({"Root": {"Cid": {"/": reported}, "PinErrorMsg": ""}}).import_dag([CID], [(CID, DATA)])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"{}", b"null", b"[" * 100_000, b'{"Size": 1}'])
def test_an_answer_that_lacks_what_was_asked_is_refused(kubo, body):
    with pytest.raises(GatewayError):
        kubo(body).add(io.BytesIO(DATA))
    with pytest.raises(GatewayError):
        kubo(body).pin(CID)
    with pytest.raises(GatewayError):
        kubo(body).import_dag([CID], [(CID, DATA)])


def test_the_words_of_a_node_that_fails_reach_the_reader(kubo):
    node = kubo({"Message": "merkledag: not found", "Code": 0, "Type": "error"}, status=b"500 Internal Server Error")
    with pytest.raises(GatewayError, match="merkledag: not found") as caught:
        node.get_block(CID)
    assert node.url in caught.value.message


def test_a_block_or_a_file_that_is_another_is_refused(kubo):
    assert kubo(DATA).get_block(CID) == DATA
    assert kubo(DATA).cat(CID, limit=10) == DATA
    with pytest.raises(BlockMismatchError):
        kubo(b"other bytes").get_block(CID)
    with pytest.raises(BlockMismatchError, match="cat gave"):
        kubo(b"other bytes").cat(CID, limit=20)
    with pytest.raises(ResponseTooLargeError):
        kubo(DATA).cat(CID, limit=9)


def test_a_pin_that_did_not_hold_is_an_error(kubo):
    kubo({"Pins": [str(CID)]}).pin(CID)
    with pytest.raises(GatewayError, match="did not pin"):
        kubo({"Pins": [str(OTHER)]}).pin(CID)
    with pytest.raises(GatewayError, match="block was not found"):
        kubo({"Root": {"Cid": {"/": str(CID)}, "PinErrorMsg": "block was not found"}}).import_dag([CID], [(CID, DATA)])


def test_wrong_bytes_are_not_even_sent(kubo):
    with pytest.raises(CidMismatchError):
        kubo({"Key": str(CID)}).put_block(CID, b"other bytes")
    assert kubo.requests == []


@pytest.mark.parametrize("version", ["0.4.22", "0.43.1", "99.0.0-dev", "not a number"])
def test_no_version_is_refused(kubo, version):
    assert kubo({"Version": version}).version() == version


def test_a_file_is_added_from_where_its_stream_stands(kubo):
    stream = io.BytesIO(b"skip" + DATA)
    stream.seek(4)
    assert kubo({"Hash": str(CID)}).add(stream).cid == import_bytes(DATA).cid
