"""Content identifiers: CIDv1 over SHA-256, with the two codecs that this project uses.

A CID here is 36 bytes: version 1, codec ``raw`` (0x55) or ``dag-pb`` (0x70), multihash ``sha2-256`` of 32 bytes. Its
text is multibase base32, lower case, no padding (``bafk…`` for raw, ``bafy…`` for dag-pb). Everything else that the
CID specification allows (CIDv0, other hashes, *identity* hashes that hold their content, other codecs and bases) is
refused by name, because one content must have one name.

Source: the CID, multihash and multibase specifications of the multiformats project.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from aivm.errors import AivmError

#: Codec of a block whose bytes mean only themselves: file chunks and records.
RAW: Final = 0x55
#: Codec of a block that links to others: the inner nodes of a UnixFS file.
DAG_PB: Final = 0x70
#: The largest block that is stored, sent or accepted, in bytes (what IPFS implementations exchange).
MAX_BLOCK: Final = 2 * 1024 * 1024

_LENGTH: Final = 36
_TEXT_LENGTH: Final = 59  # "b" and 36 bytes in base32
_CODECS: Final = {
    RAW: "raw",
    DAG_PB: "dag-pb",
    0x51: "cbor",
    0x71: "dag-cbor",
    0x72: "libp2p-key",
    0x0129: "dag-json",
    0x0200: "json",
}
_HASHES: Final = {
    0x00: "identity",
    0x11: "sha1",
    0x12: "sha2-256",
    0x13: "sha2-512",
    0x16: "sha3-256",
    0x1B: "keccak-256",
    0x1E: "blake3",
    0xB220: "blake2b-256",
}
_HINT: Final = "Use a CIDv1 with codec raw or dag-pb, hash sha2-256, written in lower-case base32 (bafk… or bafy…)."


class CidError(AivmError):
    """Text or bytes that are not a CID of this project."""


class CidMismatchError(CidError):
    """A block that is not the content that its CID names."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Cid:
    """The name of one block.

    Attributes:
        codec: ``RAW`` or ``DAG_PB``.
        digest: SHA-256 of the block, 32 bytes.
    """

    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        _check_codec(self.codec)
        if type(self.digest) is not bytes or len(self.digest) != 32:
            raise CidError(f"a CID needs the 32 bytes of a SHA-256, not {self.digest!r:.80}")

    @classmethod
    def of(cls, codec: int, block: bytes) -> Cid:
        """The CID of a block's bytes."""
        return cls(codec=codec, digest=hashlib.sha256(block).digest())

    @classmethod
    def raw(cls, digest: bytes) -> Cid:
        """The CID of the raw block (a record) whose SHA-256 is given: 32 bytes, or a digest type that gives them."""
        return cls(codec=RAW, digest=bytes(digest))

    @classmethod
    def parse(cls, source: str | bytes) -> Cid:
        """Read a CID from its text or its 36 bytes.

        Raises:
            CidError: anything but the one form described above, saying which part is wrong.
        """
        return cls._from_text(source) if isinstance(source, str) else cls._from_bytes(bytes(source))

    @classmethod
    def _from_text(cls, text: str) -> Cid:
        if text.startswith("Qm") and len(text) == 46:
            raise CidError(f"{text!r} is a CIDv0", hint=f"{_HINT} `ipfs cid format -v 1` converts the name.")
        if not text.startswith("b"):
            raise CidError(f"{text[:80]!r} is not a CID in base32: it does not start with 'b'", hint=_HINT)
        if len(text) > 4 * _TEXT_LENGTH:
            raise CidError(f"{text[:80]!r}… is not a CID: {len(text)} characters", hint=_HINT)
        body = text[1:]
        if not body.isascii() or body != body.lower():
            raise CidError(f"{text!r} is not a CID in lower-case base32", hint=_HINT)
        try:
            data = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
        except ValueError as error:
            raise CidError(f"{text!r} is not base32", hint=_HINT) from error
        cid = cls._from_bytes(data, name=repr(text))
        # The last character carries bits beyond the 36th byte: only zero is a name, or one block would have many.
        if str(cid) != text:
            raise CidError(f"{text!r} is not the canonical text of a CID; that is {cid}", hint=_HINT)
        return cid

    @classmethod
    def _from_bytes(cls, data: bytes, *, name: str = "") -> Cid:
        name = name or f"0x{data[:40].hex()}"
        if data[:2] == b"\x12\x20":
            raise CidError(f"{name} is a CIDv0", hint=_HINT)
        version, rest = _varint(data, name)
        if version != 1:
            raise CidError(f"{name} has CID version {version}, not 1", hint=_HINT)
        codec, rest = _varint(rest, name)
        _check_codec(codec, name)
        hash_code, rest = _varint(rest, name)
        if hash_code != 0x12:
            kind = _HASHES.get(hash_code, hex(hash_code))
            raise CidError(f"{name} has the multihash {kind}, not sha2-256", hint=_HINT)
        length, rest = _varint(rest, name)
        if length != 32 or len(rest) != 32:
            raise CidError(f"{name} says {length} bytes of sha2-256 and holds {len(rest)}, not 32", hint=_HINT)
        return cls(codec=codec, digest=rest)

    def verify(self, block: bytes) -> None:
        """Check that the bytes are this CID's content.

        Raises:
            CidMismatchError: they are not; both CIDs are in the message.
        """
        if hashlib.sha256(block).digest() != self.digest:
            raise CidMismatchError(
                f"{len(block)} bytes given for {self} are those of {Cid.of(self.codec, block)}",
                hint="The source of these bytes is faulty or lying: take the block from another one.",
            )

    def __bytes__(self) -> bytes:
        return bytes((1, self.codec, 0x12, 0x20)) + self.digest

    def __str__(self) -> str:
        return "b" + base64.b32encode(bytes(self)).decode("ascii").rstrip("=").lower()


def _check_codec(codec: int, name: str = "a CID") -> None:
    if codec not in (RAW, DAG_PB):
        kind = _CODECS.get(codec, hex(codec) if isinstance(codec, int) else repr(codec))
        raise CidError(f"{name} has the codec {kind}, not raw or dag-pb", hint=_HINT)


def _varint(data: bytes, name: str) -> tuple[int, bytes]:
    """One unsigned varint (multiformats: at most 9 bytes, shortest form) and the bytes after it."""
    value = 0
    for index, byte in enumerate(data[:9]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if byte == 0 and index > 0:
                raise CidError(f"{name} holds a number that is not in its shortest form", hint=_HINT)
            return value, data[index + 1 :]
    raise CidError(f"{name} is not a CID: it is cut short", hint=_HINT)
