"""Where content comes from: this machine's own files first, then whoever has it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from aivm.cid import Cid, CidMismatchError
from aivm.unixfs import ImportResult, import_file, read_file
from registry.content.errors import BlockNotFoundError, ContentError, ContentUnavailableError, CorruptBlockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry.content.blockstore import FileBlockStore

#: The most bytes of a record (docs/protocol.md, section 2).
MAX_RECORD: Final = 1024 * 1024


class Remote(Protocol):
    """Somebody who may have a block: a `GatewayClient`, a `KuboClient`."""

    def get_block(self, cid: Cid) -> bytes:
        """The block, or a ContentError."""
        ...


class ContentStore:
    """One place to get content from; what comes from outside is verified and kept."""

    def __init__(self, local: FileBlockStore, remotes: Sequence[Remote] = ()) -> None:
        self.local = local
        self.remotes = tuple(remotes)

    def also(self, remotes: Sequence[Remote]) -> ContentStore:
        """The same local files, with more remotes to ask after those that are known."""
        return ContentStore(self.local, (*self.remotes, *remotes))

    def get(self, cid: Cid) -> bytes:
        """A block, verified: from the local files, else from the first remote that has it, then kept locally.

        Raises:
            CorruptBlockError: the local file was damaged and there is nobody else to ask.
            ContentUnavailableError: nobody gave it; everyone who was asked is named with the reason.
        """
        attempts: list[tuple[str, Exception]] = []
        try:
            return self.local.get(cid)
        except BlockNotFoundError as error:
            if isinstance(error, CorruptBlockError) and not self.remotes:
                raise
            attempts.append((str(self.local.directory), error))
        for remote in self.remotes:
            try:
                block = remote.get_block(cid)
                self.local.put(cid, block)
            except ContentUnavailableError as error:
                attempts.extend(error.attempts)
            except (ContentError, CidMismatchError) as error:
                attempts.append((str(remote), error))
            else:
                return block
        raise ContentUnavailableError(cid, attempts)

    def get_record(self, digest: bytes) -> bytes:
        """The bytes of a record, by the digest that the chain keeps.

        Args:
            digest: 32 bytes, or a digest type that gives them.

        Raises:
            ContentError: the block is larger than a record may be; or as `get`.
        """
        cid = Cid.raw(bytes(digest))
        record = self.get(cid)
        if len(record) > MAX_RECORD:
            raise ContentError(f"record {cid} has {len(record)} bytes; at most {MAX_RECORD} are allowed")
        return record

    def read_file(self, cid: Cid, *, limit: int) -> Iterator[bytes]:
        """The chunks of a file; see `aivm.unixfs.read_file`, whose errors it raises besides those of `get`."""
        return read_file(cid, self.get, limit=limit)

    def read_bytes(self, cid: Cid, *, limit: int) -> bytes:
        """A whole file in memory."""
        return b"".join(self.read_file(cid, limit=limit))

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block locally; see `FileBlockStore.put`."""
        self.local.put(cid, block)

    def put_block(self, codec: int, data: bytes) -> Cid:
        """Keep bytes locally under the CID that they have."""
        return self.local.put_block(codec, data)

    def add_file(self, stream: BinaryIO) -> ImportResult:
        """Cut a stream into blocks and keep them locally, leaves first, so that a root has all below it."""
        return import_file(stream, self.local.put)

    def add_bytes(self, data: bytes) -> ImportResult:
        """Cut bytes into blocks and keep them locally."""
        return self.add_file(io.BytesIO(data))
