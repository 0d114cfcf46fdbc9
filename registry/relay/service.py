"""The relay's face: a path for each kind of message, taken by POST, beside the gateway's routes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from registry.relay.messages import (
    LIMIT,
    HandedCommitment,
    HandedList,
    HandedOpening,
    HandedPledge,
    HandedProof,
    Kind,
    RelayError,
    decode,
)
from registry.relay.rates import Rates

if TYPE_CHECKING:
    from starlette.requests import Request

    from registry.relay.board import Board

#: Where each kind of message is handed in.
PATHS: dict[Kind, str] = {
    HandedProof: "/relay/proofs",
    HandedPledge: "/relay/pledges",
    HandedList: "/relay/lists",
    HandedCommitment: "/relay/commitments",
    HandedOpening: "/relay/openings",
}
#: Seconds in which a message must have come.
BODY_SECONDS = 5.0


def routes(board: Board, rates: Rates | None = None) -> list[Route]:
    """The routes of a relay.

    They answer 204 to what was taken, and else, with a sentence: 409 to what was not, 408 to what comes too slowly, 413
    to what is too long, 429 to whom asks too often.

    Args:
        board: what is taken is kept there.
        rates: how often each address is listened to; by default, often enough for every member of a committee.
    """
    limits = Rates() if rates is None else rates

    def route(kind: Kind) -> Route:
        async def endpoint(request: Request) -> Response:
            if not limits.admits(request.client.host if request.client else ""):
                return _refusal("too many messages from this address", 429)
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await _body(request)
            except TimeoutError:
                return _refusal(f"the message did not come within {BODY_SECONDS:g} s", 408)
            if body is None:
                return _refusal(f"a message has at most {LIMIT} bytes", 413)
            try:
                board.take(decode(body, kind))
            except RelayError as error:
                return _refusal(error.message, 409)
            return Response(status_code=204)

        return Route(PATHS[kind], endpoint, methods=["POST"])

    return [route(kind) for kind in PATHS]


async def _body(request: Request) -> bytes | None:
    """The whole message, or None if it is too long: then the rest of it is not read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LIMIT:
            return None
    return body


def _refusal(why: str, status: int) -> Response:
    # A body that was not read must not be taken for the next request.
    return PlainTextResponse(why + "\n", status_code=status, headers={"connection": "close"})
