"""What can go wrong with content: absent, damaged on disk, or wrong from a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.cid import Cid


class ContentError(RegistryError):
    """Base of the errors of this package."""


class BlockStoreError(ContentError):
    """The block store's files cannot be written or read."""


class BlockNotFoundError(ContentError):
    """A block that is nowhere to be had.

    Attributes:
        cid: its name.
    """

    def __init__(self, cid: Cid, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or f"block {cid} is not in the local store", hint=hint)
        self.cid = cid


class CorruptBlockError(BlockNotFoundError):
    """A stored file whose bytes are no longer those of its CID; it has been moved out of the way."""


class ContentUnavailableError(BlockNotFoundError):
    """No source gave the content.

    Attributes:
        cid: what was asked for.
        attempts: every source that was asked, and its error.
    """

    def __init__(self, cid: Cid, attempts: Sequence[tuple[str, Exception]]) -> None:
        reasons = "".join(
            f"\n  {source}: {type(error).__name__}: {getattr(error, 'reason', error)}" for source, error in attempts
        )
        super().__init__(
            cid,
            f"no source gave {cid}; {len(attempts)} tried:{reasons}" if attempts else f"no source is known for {cid}",
            hint="Check that the publisher's gateway is up and reachable, or add another source.",
        )
        self.attempts = tuple(attempts)


class GatewayError(ContentError):
    """One gateway or node did not give what it should.

    Attributes:
        url: which one.
        reason: the message without it.
    """

    def __init__(self, url: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{url}: {message}", hint=hint)
        self.url = url
        self.reason = message


class BlockMismatchError(GatewayError):
    """A peer sent bytes that are not those of the CID it was asked for."""


class ResponseTooLargeError(GatewayError):
    """A peer sent, or announced, more bytes than the content may have; the rest was not read."""


class ResponseTooSlowError(GatewayError):
    """A peer kept the answer trickling beyond the time that it may take."""
