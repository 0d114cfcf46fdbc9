"""The relay over HTTP: what strangers can send, how much of it, and how often."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from registry.content import FileBlockStore
from registry.content.gateway import serve
from registry.contracts.types import JobStatus
from registry.relay import Relay, service
from registry.relay import relay as relaying
from registry.relay.messages import LIMIT, encode
from registry.relay.rates import Rates
from registry.relay.relay import PEER_SECONDS, HttpPeers
from registry.relay.service import routes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Committee

JOB = b"\x0b" * 32
COMMITMENTS, OPENINGS = "/relay/commitments", "/relay/openings"
PROOFS, PLEDGES, LISTS = "/relay/proofs", "/relay/pledges", "/relay/lists"


@contextmanager
def served(committee: Committee, folder: Path, rates: Rates | None = None) -> Iterator[httpx.Client]:
    with (
        serve(FileBlockStore(folder / "blocks"), more=routes(committee.board, rates)) as url,
        httpx.Client(base_url=url) as http,
    ):
        yield http


@pytest.fixture
def http(committee: Committee, tmp_path: Path) -> Iterator[httpx.Client]:
    with served(committee, tmp_path) as client:
        yield client


def test_commitments_and_openings_are_taken_in_their_phases(committee: Committee, http: httpx.Client):
    member = committee.members[0]
    assert http.post(COMMITMENTS, content=encode(committee.handed(member))).status_code == 204
    early = http.post(OPENINGS, content=encode(committee.opening(member)))
    assert (early.status_code, "is committing" in early.text) == (409, True)
    committee.board.follow(committee.job(JobStatus.REVEALING))
    assert http.post(OPENINGS, content=encode(committee.opening(member))).status_code == 204
    assert set(committee.board.openings(JOB)) == {member.address}


def test_pledges_and_signatures_of_the_list_are_taken_each_at_its_path(committee: Committee, http: httpx.Client):
    member = committee.members[0]
    assert http.post(PLEDGES, content=encode(committee.pledge(member))).status_code == 204
    assert http.post(COMMITMENTS, content=encode(committee.pledge(member))).status_code == 409
    early = http.post(LISTS, content=encode(committee.signed_list(member)))
    assert (early.status_code, early.text) == (409, "this validator has not signed a list yet\n")
    committee.board.sign_list(JOB, committee.list())
    assert http.post(LISTS, content=encode(committee.signed_list(member))).status_code == 204
    assert http.post(OPENINGS, content=encode(committee.opening(member))).status_code == 204
    assert set(committee.board.lists(JOB)) == set(committee.board.openings(JOB)) == {member.address}


def test_a_bad_signature_is_named_in_the_answer(committee: Committee, http: httpx.Client):
    first, second = committee.members[:2]
    answer = http.post(COMMITMENTS, content=encode(committee.handed(first, signed_by=second)))
    assert (answer.status_code, answer.text) == (409, f"the commitment is not signed by {first.address}\n")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"{}",
        b'{"job":' * 200,
        b"[" * LIMIT,
        b'{"job":"0x' + b"ab" * 32 + b'"}',
        json.dumps({"round": 10**400}).encode(),
        json.dumps({"a": {"b": {"c": [None] * 50}}}).encode(),
        b'{"job":NaN}',
    ],
)
def test_hostile_json_is_refused_with_a_sentence(http: httpx.Client, body: bytes):
    for path in (PROOFS, PLEDGES, LISTS, COMMITMENTS, OPENINGS):
        answer = http.post(path, content=body)
        assert answer.status_code == 409
        assert answer.text.endswith("\n")
        assert len(answer.text) < 500


def test_what_is_too_long_is_refused_without_being_read_to_its_end(committee: Committee, http: httpx.Client):
    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            yield bytes(10_000)

    with pytest.raises(httpx.TransportError):
        raise_if_refused(http, endless())
    assert http.post(COMMITMENTS, content=bytes(LIMIT + 1)).status_code == 413
    assert http.post(COMMITMENTS, content=encode(committee.handed(committee.members[0]))).status_code == 204


def raise_if_refused(http: httpx.Client, body: Any) -> None:
    """Sends a body; an answer before its end counts as the connection's end, which it is."""
    answer = http.post(COMMITMENTS, content=body)
    assert answer.status_code == 413
    raise httpx.WriteError("refused")


def test_a_message_that_drips_in_is_cut_off(committee: Committee, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "BODY_SECONDS", 0.2)
    with served(committee, tmp_path) as http, socket.create_connection((http.base_url.host, http.base_url.port)) as raw:
        raw.settimeout(10)
        raw.sendall(b"POST /relay/commitments HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
        started = time.monotonic()
        assert raw.recv(4096).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - started < 5


def test_other_methods_are_not_there(http: httpx.Client):
    for path in (PROOFS, PLEDGES, LISTS, COMMITMENTS, OPENINGS):
        for method in ("GET", "PUT", "DELETE"):
            assert http.request(method, path).status_code == 405


def test_an_address_that_sends_too_much_is_not_listened_to_for_a_while(committee: Committee, tmp_path: Path):
    now = [0.0]
    rates = Rates(burst=3, per_second=1, clock=lambda: now[0])
    with served(committee, tmp_path, rates) as http:
        message = encode(committee.handed(committee.members[0]))
        assert [http.post(COMMITMENTS, content=message).status_code for _ in range(5)] == [204, 204, 204, 429, 429]
        assert http.post(OPENINGS, content=message).status_code == 429, "one budget for all of it"
        now[0] += 1
        assert [http.post(COMMITMENTS, content=message).status_code for _ in range(2)] == [204, 429]


def test_addresses_have_a_budget_each_and_a_network_of_one_holder_has_one():
    rates = Rates(burst=1, per_second=0, clock=lambda: 0.0)
    assert [rates.admits(who) for who in ("192.0.2.1", "192.0.2.1", "192.0.2.2")] == [True, False, True]
    assert [rates.admits(who) for who in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [True, False, True]
    assert [rates.admits(who) for who in ("::ffff:192.0.2.3", "192.0.2.3", "", "")] == [True, False, True, False]


def test_strangers_cannot_fill_the_table_of_addresses():
    rates = Rates(addresses=10)
    for number in range(1000):
        rates.admits(f"10.0.{number // 256}.{number % 256}")
    assert len(rates) == 10


# --- a relay and its peers, over the wire


def wait_for(what: Any) -> None:
    end = time.monotonic() + 10
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_relay_hands_in_here_and_at_its_peers_and_a_dead_one_holds_up_nothing(committee: Committee, tmp_path: Path):
    other = type(committee)()
    other.board.follow(other.job())
    with socket.create_server(("127.0.0.1", 0)) as closing:
        dead = f"http://127.0.0.1:{closing.getsockname()[1]}"
    with served(other, tmp_path) as http, HttpPeers(public_only=False) as peers:
        relay = Relay(committee.board, peers)
        started = time.monotonic()
        relay.hand_in(committee.handed(committee.members[0]), ["", "not a url", dead, str(http.base_url)])
        assert time.monotonic() - started < 1, "it waits for nobody"
        assert committee.board.commitments(JOB)
        wait_for(lambda: other.board.commitments(JOB))


def test_peers_in_private_networks_are_left_alone_on_a_public_chain(committee: Committee, tmp_path: Path):
    other = type(committee)()
    other.board.follow(other.job())
    with served(other, tmp_path) as http, HttpPeers(public_only=True) as peers:
        Relay(committee.board, peers).hand_in(committee.handed(committee.members[0]), [str(http.base_url)])
    assert other.board.commitments(JOB) == {}


def test_a_message_is_handed_in_again_after_waits_that_double(committee: Committee, monkeypatch: pytest.MonkeyPatch):
    class Counting:
        sent = 0

        def send(self, endpoints: Any, _: Any) -> None:
            self.sent += len(list(endpoints))

    now, peers = [0.0], Counting()
    monkeypatch.setattr(relaying.time, "monotonic", lambda: now[0])
    relay, sent = Relay(committee.board, peers), []
    for _ in range(41):
        relay.hand_in(committee.handed(committee.members[0]), ["http://peer.invalid"])
        sent.append(peers.sent)
        now[0] += 0.25
    times = [place * 0.25 for place, count in enumerate(sent) if count > ([0, *sent])[place]]
    assert times == [0, 0.25, 0.75, 1.75, 3.75, 5.75, 7.75, 9.75]


def test_peers_that_never_answer_keep_nobody_else_waiting(committee: Committee, tmp_path: Path):
    other = type(committee)()
    other.board.follow(other.job())
    with ExitStack() as stack:
        # They take connections, and say nothing on them.
        tarpits = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        slow = [f"http://127.0.0.1:{each.getsockname()[1]}" for each in tarpits]
        http = stack.enter_context(served(other, tmp_path))
        peers = stack.enter_context(HttpPeers(public_only=False))
        started = time.monotonic()
        for round_ in range(20):
            peers.send(slow, committee.handed(committee.members[1], round_=round_))
        peers.send([str(http.base_url)], committee.handed(committee.members[0]))
        wait_for(lambda: other.board.commitments(JOB))
        assert time.monotonic() - started < PEER_SECONDS
