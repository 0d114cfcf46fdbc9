"""A Kubo node's RPC, as much of it as content needs; this is what takes the place of `ipfshttpclient`.

Nothing is asked about the node's version: an endpoint either does what is asked or says so. Every import parameter is
passed, none left to the node's defaults, and the CID that the node reports must be the one that we computed.

Source: the Kubo RPC API, `/api/v0`.
"""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from aivm.cid import MAX_BLOCK, RAW, Cid, CidError, CidMismatchError
from aivm.nesting import is_deeper
from aivm.unixfs import CHUNK, MAX_LINKS, ImportResult, import_bytes, import_file
from registry.content.car import write_car
from registry.content.errors import BlockMismatchError, GatewayError
from registry.content.http import HttpClient, base_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

#: The profile unixfs-v1-2025 in the parameters of `add`.
_PROFILE: Final = {
    "cid-version": "1",
    "hash": "sha2-256",
    "raw-leaves": "true",
    "chunker": f"size-{CHUNK}",
    "max-file-links": str(MAX_LINKS),
    "trickle": "false",
    "inline": "false",
    "nocopy": "false",
    "only-hash": "false",
    "wrap-with-directory": "false",
    "preserve-mode": "false",
    "preserve-mtime": "false",
    "progress": "false",
}
_MAX_ANSWER: Final = 1024 * 1024
_DEPTH: Final = 16  # of JSON in an answer; Kubo's have two


class KuboClient:
    """One Kubo node, or anything that answers like it."""

    def __init__(self, url: str, *, timeout: float = 30.0, deadline: float = 600.0) -> None:
        """Name the node.

        Args:
            url: base URL of its RPC, `http://127.0.0.1:5001`.
            timeout: seconds that it may be silent, and that it may look for a block.
            deadline: seconds that one call may take in all.

        Raises:
            ContentError: a URL that is not http or https.
        """
        self.url = base_url(url)
        self._timeout, self._deadline = timeout, deadline
        self._http = HttpClient(timeout=timeout)

    def __str__(self) -> str:
        return self.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def version(self) -> str:
        """What the node says that it is; for a person to read, nothing depends on it."""
        return str(self._value(self._call("version", {}), "Version"))

    def add(self, stream: BinaryIO, *, pin: bool = True) -> ImportResult:
        """Import a file under the profile `unixfs-v1-2025`.

        Args:
            stream: seekable; read twice, first to compute the CID ourselves.
            pin: whether the node shall keep it.

        Raises:
            BlockMismatchError: the node made another CID of it.
            GatewayError: the node cannot be reached or refuses.
        """
        start = stream.tell()
        result = import_file(stream)
        stream.seek(start)
        query = {**_PROFILE, "pin": _flag(pin)}
        answer = self._call("add", query, files={"file": ("file", stream, "application/octet-stream")})
        self._same("add", self._value(answer, "Hash"), result.cid)
        return result

    def put_block(self, cid: Cid, block: bytes, *, pin: bool = False) -> None:
        """Give the node one block."""
        cid.verify(block)
        query = {
            "cid-codec": "raw" if cid.codec == RAW else "dag-pb",
            "mhtype": "sha2-256",
            "mhlen": "32",
            "pin": _flag(pin),
            "allow-big-block": "true",
        }
        answer = self._call("block/put", query, files={"data": ("block", block, "application/octet-stream")})
        self._same("block/put", self._value(answer, "Key"), cid)

    def get_block(self, cid: Cid) -> bytes:
        """One block, verified.

        Raises:
            BlockMismatchError: the node gave other bytes.
            GatewayError: it has none, or does not answer.
        """
        block = self._call("block/get", {"arg": str(cid)}, limit=MAX_BLOCK)
        try:
            cid.verify(block)
        except CidMismatchError as error:
            raise BlockMismatchError(self.url, error.message, hint=error.hint) from error
        return block

    def cat(self, cid: Cid, *, limit: int) -> bytes:
        """A whole file, verified by importing it again.

        Raises:
            BlockMismatchError: these bytes do not give the CID under the profile.
            ResponseTooLargeError: more than `limit` bytes.
        """
        data = self._call("cat", {"arg": str(cid), "progress": "false"}, limit=limit)
        self._same("cat", str(import_bytes(data).cid), cid)
        return data

    def pin(self, cid: Cid) -> None:
        """Have the node keep everything from this root on."""
        answer = self._call("pin/add", {"arg": str(cid), "recursive": "true", "progress": "false"})
        if str(cid) not in self._value(answer, "Pins"):
            raise GatewayError(self.url, f"pin/add did not pin {cid}: {answer[:200]!r}")

    def import_dag(self, roots: Sequence[Cid], blocks: Iterable[tuple[Cid, bytes]]) -> None:
        """Give the node a DAG as one CAR and have it keep the roots.

        Raises:
            BlockMismatchError: the node reports other roots.
            GatewayError: it could not keep one, for instance because blocks are missing.
        """
        query = {"pin-roots": "true", "silent": "false", "stats": "false", "allow-big-block": "true"}
        with tempfile.TemporaryFile() as file:
            write_car(file, roots, blocks)
            file.seek(0)
            answer = self._call("dag/import", query, files={"path": ("dag.car", file, "application/vnd.ipld.car")})
        lines = [line for line in self._lines(answer) if "Root" in line]
        if len(lines) != len(roots):
            raise GatewayError(self.url, f"dag/import reports {len(lines)} roots of {len(roots)}: {answer[:200]!r}")
        for line, root in zip(lines, roots, strict=True):
            if problem := line["Root"].get("PinErrorMsg"):
                raise GatewayError(self.url, f"dag/import could not keep {root}: {problem}")
            self._same("dag/import", line["Root"].get("Cid", {}).get("/"), root)

    def _call(self, command: str, query: Mapping[str, str], *, limit: int = _MAX_ANSWER, **body: Any) -> bytes:
        params = {**query, "timeout": f"{self._deadline:g}s" if body else f"{self._timeout:g}s"}
        with self._http.answer(
            "POST", self.url, f"/api/v0/{command}", limit=limit, deadline=self._deadline, params=params, **body
        ) as parts:
            return b"".join(parts)

    def _lines(self, answer: bytes) -> list[dict[str, Any]]:
        try:
            text = answer.decode("utf-8")
            if is_deeper(text, _DEPTH):
                raise GatewayError(self.url, f"answered JSON that is nested deeper than {_DEPTH} levels")
            lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        except ValueError as error:
            raise GatewayError(self.url, f"answered something else than JSON: {answer[:200]!r}") from error
        if not lines or not all(isinstance(line, dict) for line in lines):
            raise GatewayError(self.url, f"answered no JSON object: {answer[:200]!r}")
        return lines

    def _value(self, answer: bytes, member: str) -> Any:
        last = self._lines(answer)[-1]
        if member not in last:
            raise GatewayError(self.url, f"the answer lacks {member!r}: {answer[:200]!r}")
        return last[member]

    def _same(self, command: str, reported: Any, cid: Cid) -> None:
        try:
            equal = Cid.parse(str(reported)) == cid
        except CidError:
            equal = False
        if not equal:
            raise BlockMismatchError(
                self.url,
                f"{command} gave {str(reported)[:100]!r} where the content is {cid}",
                hint="The node may be too old for the profile's parameters; `import_dag` does not depend on them.",
            )


def _flag(value: bool) -> str:  # noqa: FBT001 - a word for a bool, nothing to name
    return "true" if value else "false"
