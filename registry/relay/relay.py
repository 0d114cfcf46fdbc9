"""A validator's end of the exchange: its own board, and those of the other members."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, Self

from registry.content.errors import ContentError
from registry.content.http import HttpClient, base_url
from registry.relay.messages import encode
from registry.relay.service import PATHS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry.relay.board import Board
    from registry.relay.messages import Handed

log = logging.getLogger(__name__)

#: Seconds for one peer to take one message.
PEER_SECONDS = 5.0
#: Seconds until a message is handed in again, at first and in the end: the peer may not have known the job, or not have
#: signed its list, when it came. It mostly has a moment later.
FIRST_SECONDS = 0.25
AGAIN_SECONDS = 2.0
SENDERS = 16
#: Messages under way to one peer: one that takes its time holds up its own, and nobody else's.
AT_ONCE = 4


class Peers(Protocol):
    """Where the other members take messages."""

    def send(self, endpoints: Iterable[str], message: Handed) -> None:
        """Hands a message in at each endpoint; never waits for them, and never fails."""


class HttpPeers:
    """Peers over HTTP; a context manager.

    Args:
        public_only: leave out peers at addresses of this machine or of private networks.
    """

    def __init__(self, *, public_only: bool) -> None:
        self._http = HttpClient(timeout=PEER_SECONDS, public_only=public_only)
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="aivm-relay")
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def send(self, endpoints: Iterable[str], message: Handed) -> None:
        """See `Peers`."""
        for endpoint in endpoints:
            with self._lock:
                if self._under_way[endpoint] >= AT_ONCE:
                    continue  # it is handed in again in a moment
                self._under_way[endpoint] += 1
            self._pool.submit(self._send, endpoint, message)

    def _send(self, endpoint: str, message: Handed) -> None:
        try:
            self._post(endpoint, message)
        finally:
            with self._lock:
                self._under_way[endpoint] -= 1
                if not self._under_way[endpoint]:
                    del self._under_way[endpoint]

    def _post(self, endpoint: str, message: Handed) -> None:
        path = PATHS[type(message)]
        try:
            with self._http.answer(
                "POST",
                base_url(endpoint),
                path,
                limit=1_000,
                deadline=PEER_SECONDS,
                content=encode(message),
                headers={"content-type": "application/json"},
            ) as parts:
                for _ in parts:
                    pass
        except ContentError as error:
            log.debug("%s", error.message)


class Relay:
    """Hands in what is due, again and again, and gathers what the others hand in.

    Args:
        board: this validator's own.
        peers: how to reach the others'.
    """

    def __init__(self, board: Board, peers: Peers) -> None:
        self.board = board
        self._peers = peers
        self._sent: dict[Handed, tuple[float, float]] = {}  # when it is to be sent again, and how long that was

    def hand_in(self, message: Handed, endpoints: Iterable[str]) -> None:
        """Hands a message in here and at the endpoints: again and again, after waits that double up to `AGAIN_SECONDS`.

        Raises:
            RelayError: it is not taken here.
        """
        self.board.take(message)
        now = time.monotonic()
        due, waited = self._sent.get(message, (now, FIRST_SECONDS / 2))
        if now < due:
            return
        wait = min(2 * waited, AGAIN_SECONDS)
        self._sent = {each: kept for each, kept in self._sent.items() if now - kept[0] < 60 * AGAIN_SECONDS}
        self._sent[message] = now + wait, wait
        self._peers.send(filter(None, endpoints), message)
