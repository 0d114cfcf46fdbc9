"""JSON-RPC over HTTP to several endpoints, of which any may be slow, wrong or gone."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import httpx
import msgspec

from registry.errors import RpcResponseError, RpcUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Largest answer that is read, in bytes: ten thousand logs are about 6 MB.
MAXIMUM_ANSWER = 256 * 2**20
#: Every endpoint is tried this often before a call fails.
ROUNDS = 2
#: Seconds between two rounds.
PAUSE = 0.25
#: JSON-RPC: "limit exceeded". From `eth_getLogs` it speaks of the range that was asked for, else of the rate.
LIMIT_EXCEEDED = -32005
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _UnusableError(Exception):
    """This endpoint did not answer; the next one may."""


def shown(url: str) -> str:
    """A URL for messages: without user, path and query, which may hold an API key."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "an invalid URL"
    if not parsed.host:
        return "a URL without a scheme"
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{host}{port}" + ("/…" if parsed.path not in {"", "/"} or parsed.query else "")


@dataclass(slots=True)
class _Endpoint:
    url: str
    client: httpx.Client = field(repr=False)
    right_chain: bool = False

    @classmethod
    def open(cls, url: str, timeout: float) -> Self:
        # A proxy from the environment must not see calls to this machine.
        trust = httpx.URL(url).host not in LOOPBACK
        return cls(url, httpx.Client(timeout=timeout, trust_env=trust, headers={"Content-Type": "application/json"}))

    def exchange(self, payload: bytes) -> Any:
        try:
            with self.client.stream("POST", self.url, content=payload) as response:
                if response.status_code != httpx.codes.OK:
                    # Some nodes send JSON-RPC errors with 4xx; only what is no JSON-RPC answer counts as a failure.
                    body = self._body(response)
                    with suppress(msgspec.DecodeError):
                        answer = msgspec.json.decode(body)
                        if response.status_code < 500 and response.status_code != 429 and _is_answer(answer):
                            return answer
                    raise _UnusableError(f"HTTP status {response.status_code}")
                return msgspec.json.decode(self._body(response))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _UnusableError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error
        except msgspec.DecodeError as error:
            raise _UnusableError(f"the answer is not JSON: {error}") from error

    def _body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > MAXIMUM_ANSWER:
                raise _UnusableError(f"the answer is longer than {MAXIMUM_ANSWER} bytes")
            parts.append(part)
        return b"".join(parts)


def _is_answer(answer: object) -> bool:
    return isinstance(answer, dict) and (isinstance(answer.get("error"), dict) or "result" in answer)


def _result(method: str, answer: Any, identity: int) -> Any:
    """The result in an answer. Raises _UnusableError if it is none, RpcResponseError if it is an error."""
    if not _is_answer(answer) or answer.get("id", identity) not in {identity, None}:
        raise _UnusableError("the answer is not a JSON-RPC answer to this request")
    error = answer.get("error")
    if not isinstance(error, dict):
        return answer["result"]
    code, text = error.get("code"), error.get("message")
    refused = RpcResponseError(method, code if isinstance(code, int) else 0, str(text), error.get("data"))
    if code == LIMIT_EXCEEDED and method != "eth_getLogs":
        raise _UnusableError(f"rate limit: {text}")
    return refused


class Rpc:
    """A JSON-RPC client that falls back from one endpoint to the next.

    It stays with the endpoint that answered last. An endpoint that cannot be reached, answers too late, with HTTP 429
    or 5xx, or with what is no JSON-RPC answer, or that turns out to serve another chain, is passed over. A JSON-RPC
    error is an answer: it is raised, not asked for again elsewhere. Safe to use from several threads.

    Args:
        urls: at least one http or https URL, in order of preference.
        timeout: seconds that one answer may take.
        chain_id: the chain that every endpoint must serve; None to accept any.
    """

    def __init__(self, urls: Sequence[str], *, timeout: float = 30.0, chain_id: int | None = None) -> None:
        bad = [url for url in urls if not url.startswith(("http://", "https://"))]
        if not urls or bad:
            reason = "not an http or https URL, such as http://127.0.0.1:8545"
            raise RpcUnavailableError("connect", [(shown(url), reason) for url in bad] or [("(none)", "no URL given")])
        self._endpoints = [_Endpoint.open(url, timeout) for url in urls]
        self._preferred = 0
        self._ids = itertools.count(1)
        self.chain_id = chain_id

    def close(self) -> None:
        """Closes the connections."""
        for endpoint in self._endpoints:
            endpoint.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def urls(self) -> tuple[str, ...]:
        """The endpoints, in order of preference."""
        return tuple(endpoint.url for endpoint in self._endpoints)

    def call(self, method: str, *params: Any) -> Any:
        """One call's result.

        Raises:
            RpcResponseError: when an endpoint answers with an error.
            RpcUnavailableError: when no endpoint answers.
        """
        (result,) = self.batch([(method, params)])
        if isinstance(result, RpcResponseError):
            raise result
        return result

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Several calls in one exchange: for each its result, or the RpcResponseError that it met.

        Raises:
            RpcUnavailableError: when no endpoint answers them all.
        """
        if not calls:
            return []
        failures: dict[str, str] = {}
        count = len(self._endpoints)
        for turn in range(ROUNDS):
            if turn:
                time.sleep(PAUSE)
            first = self._preferred
            for step in range(count):
                index = (first + step) % count
                endpoint = self._endpoints[index]
                try:
                    self._check_chain(endpoint)
                    results = self._exchange(endpoint, calls)
                except _UnusableError as error:
                    failures[shown(endpoint.url)] = str(error)
                else:
                    self._preferred = index
                    return results
        raise RpcUnavailableError(calls[0][0], list(failures.items()))

    def _check_chain(self, endpoint: _Endpoint) -> None:
        if self.chain_id is None or endpoint.right_chain:
            return
        (have,) = self._exchange(endpoint, [("eth_chainId", ())])
        try:
            identity = int(have, 16)
        except (TypeError, ValueError):
            raise _UnusableError("it does not say which chain it serves") from None
        if identity != self.chain_id:
            raise _UnusableError(f"it serves chain {identity}, not {self.chain_id}")
        endpoint.right_chain = True

    def _exchange(self, endpoint: _Endpoint, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        numbered = [(next(self._ids), method, params) for method, params in calls]
        requests = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, method, params in numbered
        ]
        if len(requests) == 1:
            answer = endpoint.exchange(msgspec.json.encode(requests[0]))
            return [_result(calls[0][0], answer, numbered[0][0])]
        answers = endpoint.exchange(msgspec.json.encode(requests))
        if not isinstance(answers, list):
            raise _UnusableError("it does not answer batches")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        return [_result(method, by_id.get(number), number) for number, method, _ in numbered]
