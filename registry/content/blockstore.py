"""Blocks as files: one directory, many processes, nothing half-written ever visible.

``<directory>/blocks/<xy>/<cid>`` holds one block, ``xy`` being the two characters before the CID's last. A block is
written to ``<directory>/tmp``, synced, and renamed into place; readers verify what they read. A file that no longer
matches its name is moved to ``<directory>/corrupt`` and reported, so that the block can be fetched anew.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aivm.cid import MAX_BLOCK, Cid, CidError, CidMismatchError
from registry.content.errors import BlockNotFoundError, BlockStoreError, CorruptBlockError

if TYPE_CHECKING:
    from collections.abc import Iterator

_STALE_SECONDS: Final = 3600.0  # a temporary file this old belongs to a process that died


class FileBlockStore:
    """Blocks in the files of a directory; safe for several threads and processes."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        """Open a store, making its directories.

        Raises:
            BlockStoreError: they cannot be made.
        """
        self.directory = Path(directory)
        self._blocks = self.directory / "blocks"
        self._tmp = self.directory / "tmp"
        self._corrupt = self.directory / "corrupt"
        try:
            for folder in (self._blocks, self._tmp, self._corrupt):
                folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
        except OSError as error:
            raise _failure("open", self.directory, error) from error

    def path(self, cid: Cid) -> Path:
        """Where a block's file is, or would be."""
        text = str(cid)
        return self._blocks / text[-3:-1] / text

    def put_block(self, codec: int, data: bytes) -> Cid:
        """Store bytes under the CID that they have."""
        cid = Cid.of(codec, data)
        self._write(cid, data)
        return cid

    def put(self, cid: Cid, block: bytes) -> None:
        """Store a block; storing it again changes nothing.

        Raises:
            CidMismatchError: the bytes are not those of the CID.
            BlockStoreError: the block is larger than any may be, or the file cannot be written.
        """
        cid.verify(block)
        self._write(cid, block)

    def get(self, cid: Cid) -> bytes:
        """A block, verified.

        Raises:
            BlockNotFoundError: it is not here.
            CorruptBlockError: its file held other bytes; the file has been moved aside.
            BlockStoreError: the file cannot be read.
        """
        path = self.path(cid)
        block = self._read(cid, path)
        try:
            cid.verify(block)
        except CidMismatchError:
            return self._quarantine(cid, path)
        return block

    def has(self, cid: Cid) -> bool:
        """Whether a file for the block is here; reading it may still find it damaged."""
        return self.path(cid).is_file()

    def size(self, cid: Cid) -> int:
        """Bytes of a block.

        Raises:
            BlockNotFoundError: it is not here.
        """
        try:
            return self.path(cid).stat().st_size
        except OSError as error:
            raise BlockNotFoundError(cid) from error

    def delete(self, cid: Cid) -> None:
        """Remove a block; removing an absent one changes nothing."""
        self.path(cid).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Cid]:
        """The CIDs of the stored blocks, in no particular order; files with other names are passed over."""
        for path in self._blocks.glob("??/*"):
            with contextlib.suppress(CidError):
                yield Cid.parse(path.name)

    def __contains__(self, cid: Cid) -> bool:
        return self.has(cid)

    def _write(self, cid: Cid, block: bytes) -> None:
        if len(block) > MAX_BLOCK:
            raise BlockStoreError(f"block {cid} has {len(block)} bytes; at most {MAX_BLOCK} are stored")
        path = self.path(cid)
        temporary = self._tmp / f"{cid}.{os.getpid()}.{secrets.token_hex(8)}"
        try:
            if path.is_file() and path.stat().st_size == len(block):
                return
            path.parent.mkdir(exist_ok=True)
            with temporary.open("xb") as file:
                file.write(block)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_directory(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise _failure("write", path, error) from error

    def _read(self, cid: Cid, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(MAX_BLOCK + 1)
        except FileNotFoundError as error:
            raise BlockNotFoundError(cid) from error
        except OSError as error:
            raise _failure("read", path, error) from error

    def _quarantine(self, cid: Cid, path: Path) -> bytes:
        """Move a damaged file aside; if another process has mended it meanwhile, put it back and return the block."""
        aside = self._corrupt / f"{cid}.{time.time_ns()}"
        try:
            path.replace(aside)
            block = self._read(cid, aside)
            cid.verify(block)
            aside.replace(path)
        except CidMismatchError as error:
            raise CorruptBlockError(
                cid,
                f"the file of block {cid} held other bytes: {path}",
                hint=f"It is now {aside}; the block will be fetched again. If this repeats, check the disk.",
            ) from error
        except FileNotFoundError as error:
            raise BlockNotFoundError(cid) from error
        except OSError as error:
            raise _failure("move", path, error) from error
        return block

    def _sweep(self) -> None:
        """Remove what processes that died left in the temporary folder."""
        for path in self._tmp.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failure(verb: str, path: Path, error: OSError) -> BlockStoreError:
    return BlockStoreError(f"cannot {verb} {path}: {error.strerror}", hint="Check the disk's space and permissions.")
