"""A trustless gateway: our blocks, for any IPFS client, over HTTP.

`GET /ipfs/{cid}` answers with the raw block or with a CAR of the DAG below it, never with a file that the client could
not check. Everything about an answer follows from its URL, so it may be cached for ever.

Source: the Trustless Gateway specification of IPFS, with IPIP-412 (order, dups) and IPIP-523 (query parameters).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from aivm.cid import Cid, CidError
from aivm.dagpb import DagPbError
from aivm.errors import AivmError
from registry.content.car import car_size, encode_car
from registry.content.dag import walk
from registry.content.errors import BlockNotFoundError, ContentError
from registry.content.negotiation import CAR, CAR_TYPE, RAW_TYPE, NotAcceptableError, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from registry.content.blockstore import FileBlockStore

_PROBE: Final = "bafkqaaa"  # the empty identity CID, with which clients ask whether this is a gateway at all
_HEADERS: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, OPTIONS",
    "access-control-allow-headers": "Accept, Content-Type, If-None-Match, Range, User-Agent, X-Requested-With",
    "access-control-expose-headers": "Content-Length, Content-Type, ETag, X-Ipfs-Path, X-Ipfs-Roots",
    "x-content-type-options": "nosniff",
}
_STATUS: Final = ((NotAcceptableError, 406), (CidError, 400), (BlockNotFoundError, 404))
_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 10.0


def application(store: FileBlockStore, more: Sequence[BaseRoute] = ()) -> Starlette:
    """The gateway as an ASGI application, for a store of blocks, with whatever else is served beside it."""

    def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_HEADERS)
        try:
            return _answer(store, request)
        except AivmError as error:
            status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
            return PlainTextResponse(
                error.message + "\n", status_code=status, headers={**_HEADERS, "cache-control": "no-store"}
            )

    return Starlette(routes=[Route("/ipfs/{rest:path}", answer, methods=["GET", "HEAD", "OPTIONS"]), *more])


@contextlib.contextmanager
def serve(
    store: FileBlockStore, host: str = "127.0.0.1", port: int = 0, more: Sequence[BaseRoute] = ()
) -> Iterator[str]:
    """Serve a store from a thread; the value is the gateway's URL.

    Args:
        store: whose blocks.
        host: address to listen on.
        port: 0 takes a free one.
        more: routes beside the gateway's.

    Raises:
        ContentError: the address cannot be had, or the server does not start.
    """
    listener = _listen(host, port)
    server = uvicorn.Server(_configuration(store, more))
    thread = threading.Thread(target=server.run, args=([listener],), name="aivm-gateway", daemon=True)
    thread.start()
    try:
        end = time.monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > end:
                raise ContentError(f"the gateway did not start on {host}:{port}")
            time.sleep(0.005)
        yield _url(listener)
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS / 2)
        server.force_exit = True
        thread.join(_STOP_SECONDS / 2)
        listener.close()


def run(
    store: FileBlockStore, host: str = "127.0.0.1", port: int = 8080, ready: Callable[[str], None] | None = None
) -> None:
    """Serve a store until SIGINT or SIGTERM; `ready` is called with the URL before the first request is taken."""
    with contextlib.closing(_listen(host, port)) as listener:
        if ready is not None:
            ready(_url(listener))
        uvicorn.Server(_configuration(store)).run(sockets=[listener])


def _answer(store: FileBlockStore, request: Request) -> Response:
    text, _, path = request.path_params["rest"].partition("/")
    if path:
        raise CidError(f"there are no paths below a CID here, only whole files: ask for /ipfs/{text}")
    want = wanted(request.query_params, request.headers)
    if text == _PROBE:
        return Response(b"", media_type=RAW_TYPE, headers=_HEADERS)
    cid = Cid.parse(text)
    blocks = _below(store, cid) if want.form == CAR and want.whole else [cid]
    # Every size is looked up before the first byte is sent, so that a missing block is a 404 and not a broken answer.
    sizes = [store.size(block) for block in blocks]
    tag = f'"{cid}.{want.form}{"" if want.whole or want.form != CAR else ".block"}"'
    headers = {
        **_HEADERS,
        "cache-control": "public, max-age=29030400, immutable",
        "etag": tag,
        "vary": "Accept",
        "x-ipfs-path": f"/ipfs/{cid}",
        "x-ipfs-roots": str(cid),
    }
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    size, suffix, media = (car_size([cid], sizes), "car", CAR_TYPE) if want.form == CAR else (sizes[0], "bin", RAW_TYPE)
    headers["content-disposition"] = f'attachment; filename="{cid}.{suffix}"'
    headers["content-length"] = str(size)
    if request.method == "HEAD":
        return Response(media_type=media, headers=headers)
    if want.form != CAR:
        return Response(store.get(cid), media_type=media, headers=headers)
    return StreamingResponse(
        encode_car([cid], ((block, store.get(block)) for block in blocks)), media_type=media, headers=headers
    )


def _below(store: FileBlockStore, cid: Cid) -> list[Cid]:
    try:
        return list(walk(cid, store.get))
    except (DagPbError, CidError) as error:
        raise ContentError(f"the blocks below {cid} cannot be followed: {error.message}") from error


def _matches(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names a tag; weak comparison, as RFC 9110 section 13.1.2 has it."""
    return header.strip() == "*" or tag in [known.strip().removeprefix("W/") for known in header.split(",")]


def _configuration(store: FileBlockStore, more: Sequence[BaseRoute] = ()) -> uvicorn.Config:
    return uvicorn.Config(
        application(store, more),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
        limit_concurrency=256,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ContentError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="Choose another port, or 0 for any free one."
        ) from error
    # Inherited by what it accepts. Without it a header waits for the peer's delayed acknowledgement: 40 ms a block.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
