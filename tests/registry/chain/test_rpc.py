from __future__ import annotations

import json
import socket

import pytest
from fake_node import FakeNode, error, raw

from registry.chain.rpc import Rpc, shown
from registry.errors import RpcResponseError, RpcUnavailableError


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr("registry.chain.rpc.PAUSE", 0.0)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (raw(500, b"oops"), "HTTP status 500"),
        (raw(429, b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"slow down"}}'), "HTTP status 429"),
        (raw(404, b"<html>"), "HTTP status 404"),
        (raw(200, b"<html>not json"), "not JSON"),
        (raw(200, b"\xff\xfe"), "not JSON"),
        (raw(200, b"null"), "not a JSON-RPC answer"),
        (raw(200, b"[]"), "not a JSON-RPC answer"),
        (raw(200, b'{"jsonrpc":"2.0","id":1}'), "not a JSON-RPC answer"),
        (raw(200, b'{"jsonrpc":"2.0","id":987654,"result":"0x1"}'), "not a JSON-RPC answer"),
        (raw(200, b'{"jsonrpc":"2.0","id":1,"error":"a text"}'), "not a JSON-RPC answer"),
        (error(-32005, "daily limit"), "rate limit"),
    ],
)
def test_an_endpoint_that_gives_no_answer_is_passed_over(bad, reason):
    with FakeNode(bad) as first, FakeNode() as second, Rpc([first.url, second.url]) as rpc:
        assert rpc.call("eth_chainId") == "0x7a69"
        assert rpc.call("eth_chainId") == "0x7a69"
        assert len(first.calls) == 1, "it stays with the endpoint that answered"
        assert len(second.calls) == 2
    with FakeNode(bad) as alone, Rpc([alone.url]) as rpc:
        with pytest.raises(RpcUnavailableError, match=reason) as caught:
            rpc.call("eth_chainId")
        assert alone.url in str(caught.value)


def test_an_endpoint_that_is_down_is_passed_over():
    with FakeNode() as second, Rpc([closed_port(), second.url]) as rpc:
        assert rpc.call("eth_chainId") == "0x7a69"


def test_an_endpoint_that_is_slow_is_passed_over():
    with FakeNode(delay=2.0) as slow, FakeNode() as second, Rpc([slow.url, second.url], timeout=0.1) as rpc:
        assert rpc.call("eth_chainId") == "0x7a69"


def test_an_endpoint_that_floods_us_is_passed_over(monkeypatch):
    monkeypatch.setattr("registry.chain.rpc.MAXIMUM_ANSWER", 1000)
    with FakeNode(raw(200, b" " * 2000)) as flood, FakeNode() as second, Rpc([flood.url, second.url]) as rpc:
        assert rpc.call("eth_chainId") == "0x7a69"


def test_an_endpoint_of_another_chain_is_passed_over_and_named():
    with FakeNode(result="0x1") as wrong, FakeNode(result="0x2") as right:
        with Rpc([wrong.url, right.url], chain_id=2) as rpc:
            assert rpc.call("eth_blockNumber") == "0x2"
        with Rpc([wrong.url], chain_id=2) as rpc, pytest.raises(RpcUnavailableError, match="serves chain 1, not 2"):
            rpc.call("eth_blockNumber")


def test_when_no_endpoint_answers_each_is_named_with_its_reason():
    down = closed_port()
    with FakeNode(raw(503, b"")) as busy, Rpc([down, busy.url]) as rpc:
        with pytest.raises(RpcUnavailableError) as caught:
            rpc.call("eth_blockNumber")
        assert dict(caught.value.failures)[busy.url] == "HTTP status 503"
        assert "ConnectError" in dict(caught.value.failures)[down]


def test_an_error_is_an_answer_and_not_asked_for_again():
    with FakeNode(error(3, "execution reverted", "0x12")) as first, FakeNode() as second:
        with Rpc([first.url, second.url]) as rpc, pytest.raises(RpcResponseError) as caught:
            rpc.call("eth_call")
        assert (caught.value.code, caught.value.data) == (3, "0x12")
        assert second.calls == []


def test_an_error_sent_with_a_client_error_status_is_still_an_answer():
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}'
    with FakeNode(raw(400, body)) as node, Rpc([node.url]) as rpc, pytest.raises(RpcResponseError, match="no such"):
        rpc.call("foo")


def test_a_limit_on_logs_is_an_answer_because_it_speaks_of_the_range():
    refusing = FakeNode(error(-32005, "more than 10000 results"))
    with refusing as node, Rpc([node.url]) as rpc, pytest.raises(RpcResponseError, match="more than 10000"):
        rpc.call("eth_getLogs")


def test_a_batch_keeps_the_order_and_each_call_its_own_error():
    def answer(requests):
        answers = [{"id": entry["id"], "result": entry["params"][0]} for entry in requests]
        answers[1] = {"id": answers[1]["id"], "error": {"code": 3, "message": "reverted"}}
        return 200, json.dumps(answers[::-1]).encode()

    with FakeNode(answer) as node, Rpc([node.url]) as rpc:
        first, second, third = rpc.batch([("m", [1]), ("m", [2]), ("m", [3])])
        assert (first, third) == (1, 3)
        assert isinstance(second, RpcResponseError)
        assert rpc.batch([]) == []


@pytest.mark.parametrize("urls", [[], ["ws://127.0.0.1:1"], ["not a url"], ["ftp://x"]])
def test_what_is_no_url_is_refused_at_once(urls):
    with pytest.raises(RpcUnavailableError):
        Rpc(urls)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://user:secret@node.example/v3/key?token=1", "https://node.example/…"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/", "http://[::1]:8545"),
    ],
)
def test_messages_show_no_secrets_of_a_url(url, safe):
    assert shown(url) == safe
