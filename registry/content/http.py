"""HTTP with peers that may be hostile: one answer, bounded in bytes and in time.

A timeout between two reads does not bound an answer: a peer that sends one byte a minute, in a header or in the body,
would hold its client for days. So every network operation here also ends at the deadline of the whole answer.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import time
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from registry.content.errors import ContentError, GatewayError, ResponseTooLargeError, ResponseTooSlowError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

_deadline: ContextVar[float] = ContextVar("deadline")
_EXCERPT: Final = 300  # bytes of an error page that a person gets to see


class HttpClient:
    """Connections to peers, kept alive; follows no redirect, uses no proxy, safe for several threads."""

    def __init__(self, *, timeout: float, public_only: bool = False) -> None:
        """Open nothing yet.

        Args:
            timeout: seconds that a peer may be silent.
            public_only: refuse peers at addresses of this machine or of private networks.
        """
        self._http = httpx.Client(
            transport=_Transport(public_only=public_only),
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            follow_redirects=False,
            headers={"accept-encoding": "identity", "user-agent": "aivm"},
        )
        weakref.finalize(self, self._http.close)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @contextlib.contextmanager
    def answer(
        self, method: str, base: str, path: str, *, limit: int, deadline: float, **request: Any
    ) -> Iterator[Iterator[bytes]]:
        """Send a request; the value is the body of the answer, part by part as it comes.

        Args:
            method: of HTTP.
            base: the peer's URL, which errors name.
            path: what is asked of it.
            limit: the most bytes that the body may have.
            deadline: seconds for the whole answer.
            request: `params`, `headers` and so on, as `httpx.Client.build_request` takes them.

        Raises:
            GatewayError: the peer cannot be reached or refuses; its own words are in the message.
            ResponseTooLargeError: it announces or sends more than the limit.
            ResponseTooSlowError: it takes longer than the deadline.
        """
        end = time.monotonic() + deadline
        token = _deadline.set(end)
        try:
            with self._http.stream(method, base + path, **request) as response:
                _check(response, base, path, limit)
                yield _parts(response, base, path, limit)
        except httpx.HTTPError as error:
            if time.monotonic() >= end:
                raise ResponseTooSlowError(base, f"the answer to {path} took more than {deadline:g} s") from error
            text = f"{path}: {type(error).__name__}: {error}"
            raise GatewayError(base, text, hint="Is it up, and is the URL right?") from error
        finally:
            _deadline.reset(token)


def base_url(url: str) -> str:
    """A peer's URL without the slash at its end.

    Raises:
        ContentError: not an http or https URL, or one with more than a host, a port and a path.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ContentError(f"{url!r} is not a URL", hint="Write it as http://host:port.") from error
    labels = parsed.host.split(".")
    named = all(re.fullmatch("[A-Za-z0-9_-]{1,63}", label) for label in labels) or ":" in parsed.host
    # An empty query or fragment shows in the text alone: what is put behind it would not be the path any more.
    more = parsed.userinfo or any(mark in url for mark in "?#@\\")
    if parsed.scheme not in {"http", "https"} or not named or more:
        raise ContentError(f"{url!r} is not the base URL of a peer", hint="Write it as http://host:port.")
    return url.rstrip("/")


def _check(response: httpx.Response, base: str, path: str, limit: int) -> None:
    if response.status_code != httpx.codes.OK:
        page = b""
        for part in response.iter_raw(_EXCERPT):
            page = part[:_EXCERPT]
            break
        said = f", saying {page.decode(errors='replace').strip()!r}" if page.strip() else ""
        raise GatewayError(base, f"answered {response.status_code} {response.reason_phrase!r} to {path}{said}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise GatewayError(base, f"answered {path} in a content encoding that was not asked for")
    announced = response.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > limit:
        raise ResponseTooLargeError(base, f"announces {announced[:40]} bytes for {path}; at most {limit} are taken")


def _parts(response: httpx.Response, base: str, path: str, limit: int) -> Iterator[bytes]:
    total = 0
    for part in response.iter_raw():
        total += len(part)
        if total > limit:
            raise ResponseTooLargeError(base, f"sent more than {limit} bytes for {path}")
        yield part


def _left(timeout: float | None) -> float:
    """Seconds for one network operation: its own timeout, or what is left of the whole."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for the whole answer is over")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, *, public_only: bool) -> None:
        self._backend = httpcore.SyncBackend()
        self._public_only = public_only

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if self._public_only:
            host = _public_address(host, port)  # and connect to that one: the name may mean another a moment later
        return _Stream(self._backend.connect_tcp(host, port, _left(timeout), local_address, socket_options))


def _public_address(host: str, port: int) -> str:
    """The first address of a name, if all of them are public."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise httpcore.ConnectError(f"{host} cannot be looked up: {error.strerror}") from error
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    for address in addresses:
        if not address.is_global or address.is_multicast:
            raise httpcore.ConnectError(f"{host} is {address}, which is not a public address")
    return found[0]


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Transport(httpx.BaseTransport):
    """httpx's transport over httpcore, with streams that know the deadline."""

    def __init__(self, *, public_only: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=5.0,
            network_backend=_Backend(public_only=public_only),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with _translated():
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Errors of httpcore as those of httpx."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error) or "timed out") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error) or "the connection broke") from error
