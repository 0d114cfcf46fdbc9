"""The embedded chain's state on disk: two generations, each written whole or not at all."""

from __future__ import annotations

import fcntl
import gzip
import json
import logging
import os
import zlib
from typing import IO, TYPE_CHECKING

from registry.errors import AnvilStateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)


class StateFolder:
    """A folder that keeps one chain's state, locked while open.

    Args:
        folder: made if missing.
        chain_id: part of the files' names, so that two chains never mix.

    Raises:
        AnvilStateError: when another process has it open.
    """

    def __init__(self, folder: Path, chain_id: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.current = folder / f"state-{chain_id}.json.gz"
        self.previous = folder / f"state-{chain_id}.previous.json.gz"
        self._lock: IO[bytes] = (folder / f"state-{chain_id}.lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise AnvilStateError(
                f"the chain in {folder} is in use by another process", hint="Stop it first, or use another folder."
            ) from error

    def close(self) -> None:
        """Releases the lock."""
        self._lock.close()

    def save(self, state: bytes) -> None:
        """Keeps a new generation; a crash at any moment leaves at least one that is whole."""
        fresh = self.current.with_suffix(".tmp")
        with fresh.open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        if self.current.exists():
            link = self.previous.with_suffix(".tmp")
            link.unlink(missing_ok=True)
            os.link(self.current, link)
            link.replace(self.previous)
        fresh.replace(self.current)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def generations(self) -> Iterator[bytes]:
        """The kept states that are whole, newest first.

        Raises:
            AnvilStateError: after the last one, when there were files and none of them was taken.
        """
        files = [file for file in (self.current, self.previous) if file.exists()]
        for file in files:
            data = file.read_bytes()
            try:
                json.loads(gzip.decompress(data))
            except (OSError, EOFError, ValueError, zlib.error) as error:
                log.warning("%s is damaged (%s); trying the generation before it", file, error)
                continue
            yield data
        if files:
            raise AnvilStateError(
                f"no generation of the chain's state in {self._folder} can be loaded",
                hint="Restore the folder from a backup, or use an empty one to begin a new chain.",
            )
