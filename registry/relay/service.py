"""The relay's face: `POST /relay/commitments` and `POST /relay/openings`, beside the gateway's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from registry.relay.messages import LIMIT, HandedCommitment, HandedOpening, RelayError, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from registry.relay.board import Board

#: Where each kind of message is handed in.
PATHS = {HandedCommitment: "/relay/commitments", HandedOpening: "/relay/openings"}


def routes(board: Board) -> list[Route]:
    """The routes of a relay: 204 for what was taken, 409 and a sentence for what was not."""

    def route(kind: type[HandedCommitment | HandedOpening], take: Callable[[bytes], None]) -> Route:
        async def endpoint(request: Request) -> Response:
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > LIMIT:
                    break
            try:
                take(body)
            except RelayError as error:
                return PlainTextResponse(error.message + "\n", status_code=409)
            return Response(status_code=200)

        return Route(PATHS[kind], endpoint, methods=["POST"])

    return [
        route(HandedCommitment, lambda body: board.take_commitment(decode(body, HandedCommitment))),
        route(HandedOpening, lambda body: board.take_opening(decode(body, HandedOpening))),
    ]
