"""The digest type: 32 bytes of SHA-256, the name of one raw block."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from aivm.errors import AivmError

_HEX = re.compile(r"(0x)?([0-9a-f]{64})")


class DigestError(AivmError):
    """Something that should be a SHA-256 digest is not 32 bytes, or not 64 lower-case hex digits."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 digest. `Digest.from_hex(d.hex()) == d`, and digests order as their bytes do."""

    value: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.value, bytes) or len(self.value) != 32:
            have = f"{len(self.value)} bytes" if isinstance(self.value, bytes) else type(self.value).__name__
            raise DigestError(f"a digest is 32 bytes, this is {have}")

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The SHA-256 of data."""
        return cls(hashlib.sha256(data).digest())

    @classmethod
    def from_hex(cls, text: str) -> Digest:
        """Parses 64 lower-case hex digits, with or without `0x`.

        Raises:
            DigestError: for anything else.
        """
        match = _HEX.fullmatch(text)
        if match is None:
            raise DigestError(f"{text[:80]!r} is not a digest", hint="A digest is 0x and 64 lower-case hex digits.")
        return cls(bytes.fromhex(match[2]))

    def hex(self) -> str:
        """`0x` and 64 lower-case hex digits: the only form in records."""
        return "0x" + self.value.hex()

    def __bytes__(self) -> bytes:
        return self.value

    def __str__(self) -> str:
        return self.hex()
