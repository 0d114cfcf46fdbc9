"""A client of trustless gateways: several of them, none believed.

Every block is verified against its CID before it is returned, and no answer can be longer or slower than the content
may be; a gateway that fails either way is passed over for the next one.

Source: the Trustless Gateway specification of IPFS.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Final, Self, TypeVar

from aivm.cid import MAX_BLOCK, Cid, CidError, CidMismatchError
from aivm.dagpb import DagPbError
from registry.content.car import CarError, CarMismatchError, CarReader
from registry.content.dag import links
from registry.content.errors import BlockMismatchError, ContentUnavailableError, GatewayError
from registry.content.http import HttpClient, base_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from aivm.unixfs import Sink

_Result = TypeVar("_Result")
_QUICK: Final = 1.0  # seconds; of gateways that answer within them, the order that was asked for decides
_RAW: Final = "application/vnd.ipld.raw"
_CAR: Final = "application/vnd.ipld.car; version=1; order=dfs; dups=n"


class GatewayClient:
    """Fetches blocks and DAGs from the first gateway that gives them; safe for several threads."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        timeout: float = 20.0,
        deadline: float = 120.0,
        total: float | None = None,
        public_only: bool = False,
    ) -> None:
        """Name the gateways.

        Args:
            urls: base URLs (`http://host:port`), in order of preference.
            timeout: seconds that a gateway may be silent.
            deadline: seconds that one block may take in all.
            total: seconds from now after which nothing more is asked; None for ever.
            public_only: refuse gateways at addresses of this machine or of private networks.

        Raises:
            ContentError: a URL that is not http or https.
        """
        self.urls = tuple(base_url(url) for url in urls)
        self._deadline = deadline
        self._end = None if total is None else time.monotonic() + total
        # For each gateway: how often it failed since it last answered, and how long its last answer took.
        self._records = dict.fromkeys(self.urls, (0, 0.0))
        self._http = HttpClient(timeout=timeout, public_only=public_only)

    def __str__(self) -> str:
        return ", ".join(self.urls)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get_block(self, cid: Cid) -> bytes:
        """One block, verified.

        Raises:
            ContentUnavailableError: no gateway gave it; every URL is named with its reason.
        """
        return self._first(cid, lambda url: self._block(url, cid))

    def fetch_car(self, cid: Cid, sink: Sink, *, limit: int) -> int:
        """Fetch a whole DAG as one CAR and hand each block to a sink, parents first.

        Only blocks that the DAG links to are taken, each verified, and all of them must come. Blocks that a failing
        gateway gave before it failed stay with the sink, being good; the next gateway starts anew.

        Args:
            cid: the root.
            sink: takes `(cid, block)`.
            limit: the most bytes that the CAR may have.

        Returns:
            How many distinct blocks the DAG has.

        Raises:
            ContentUnavailableError: no gateway gave it all; every URL is named with its reason.
        """
        return self._first(cid, lambda url: self._car(url, cid, sink, limit))

    def _first(self, cid: Cid, ask: Callable[[str], _Result]) -> _Result:
        attempts: list[tuple[str, Exception]] = []
        # Those that failed lately come last, and slow ones after quick ones: a gateway that is dead, or as slow as it
        # may be, does not cost its time for every block.
        for url in sorted(self.urls, key=self._records.__getitem__):
            started = time.monotonic()
            try:
                result = ask(url)
            except GatewayError as error:
                self._records[url] = (self._records[url][0] + 1, 0.0)
                attempts.append((url, error))
            else:
                took = time.monotonic() - started
                self._records[url] = (0, took if took > _QUICK else 0.0)
                return result
        raise ContentUnavailableError(cid, attempts)

    def _allowed(self, url: str, seconds: float) -> float:
        """How long an answer may take now."""
        left = seconds if self._end is None else min(seconds, self._end - time.monotonic())
        if left <= 0:
            raise GatewayError(url, "was not asked: there is no time left")
        return left

    def _block(self, url: str, cid: Cid) -> bytes:
        path = f"/ipfs/{cid}?format=raw"
        with self._http.answer(
            "GET", url, path, limit=MAX_BLOCK, deadline=self._allowed(url, self._deadline), headers={"accept": _RAW}
        ) as parts:
            block = b"".join(parts)
        try:
            cid.verify(block)
        except CidMismatchError as error:
            raise _mismatch(url, error.message) from error
        return block

    def _car(self, url: str, cid: Cid, sink: Sink, limit: int) -> int:
        path = f"/ipfs/{cid}?format=car&dag-scope=all&car-order=dfs&car-dups=n"
        # A block's, for as many as the whole may have.
        deadline = self._allowed(url, self._deadline * (1 + limit // MAX_BLOCK))
        with self._http.answer("GET", url, path, limit=limit, deadline=deadline, headers={"accept": _CAR}) as parts:
            try:
                return _collect(url, cid, CarReader(_stream(parts), limit=limit), sink)
            except CarMismatchError as error:
                raise _mismatch(url, error.message) from error
            except (CarError, DagPbError, CidError) as error:
                raise GatewayError(url, f"the CAR of {cid} is not usable: {error.message}", hint=error.hint) from error


class _PartStream(io.RawIOBase):
    """Parts of bytes as a file to be read once."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _stream(parts: Iterator[bytes]) -> io.BufferedReader:
    return io.BufferedReader(_PartStream(parts), buffer_size=256 * 1024)


def _collect(url: str, root: Cid, reader: CarReader, sink: Sink) -> int:
    """Take the blocks that belong to the DAG; refuse others, and an end before all have come."""
    wanted, taken = {root}, set[Cid]()
    for cid, block in reader:
        if cid in taken:
            continue
        if cid not in wanted:
            raise GatewayError(url, f"the CAR of {root} holds {cid}, which nothing before it links to")
        wanted.discard(cid)
        taken.add(cid)
        wanted.update(child for child in links(cid, block) if child not in taken)
        sink(cid, block)
    if wanted:
        raise GatewayError(url, f"the CAR of {root} lacks {len(wanted)} blocks, among them {min(wanted)}")
    return len(taken)


def _mismatch(url: str, message: str) -> BlockMismatchError:
    return BlockMismatchError(url, message, hint="This gateway is faulty or lying: stop using it.")
