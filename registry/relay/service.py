"""The relay's face: `POST /relay/commitments` and `POST /relay/openings`, beside the gateway's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from registry.relay.messages import LIMIT, HandedCommitment, HandedOpening, Kind, RelayError, decode

if TYPE_CHECKING:
    from starlette.requests import Request

    from registry.relay.board import Board

#: Where each kind of message is handed in.
PATHS: dict[Kind, str] = {HandedCommitment: "/relay/commitments", HandedOpening: "/relay/openings"}


def routes(board: Board) -> list[Route]:
    """The routes of a relay: 204 for what was taken, 409 and a sentence for what was not."""

    def route(kind: Kind) -> Route:
        async def endpoint(request: Request) -> Response:
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > LIMIT:
                    break
            try:
                board.take(decode(body, kind))
            except RelayError as error:
                return PlainTextResponse(error.message + "\n", status_code=409)
            return Response(status_code=204)

        return Route(PATHS[kind], endpoint, methods=["POST"])

    return [route(kind) for kind in PATHS]
