"""CARv1: blocks in one stream, written and read without ever holding more than one of them.

A CAR is a header and then sections, each preceded by its length as a varint. The header is dag-cbor
``{"roots": [CID…], "version": 1}``, a section the 36 bytes of a CID and its block. The reader verifies every block
against its CID and accepts only the canonical header.

Source: the CARv1 specification of IPLD; RFC 8949 section 4.2 for the header's one encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from aivm.cid import MAX_BLOCK, Cid, CidError, CidMismatchError
from aivm.dagpb import varint
from registry.content.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MAX_HEADER: Final = 64 * 1024
_CID_LENGTH: Final = 36
_ROOT: Final = b"\xd8\x2a\x58\x25\x00"  # tag 42, byte string of 37, the identity multibase
_VERSION: Final = b"\x67version\x01"


class CarError(ContentError):
    """A stream that is not a CARv1, or is cut short.

    Attributes:
        offset: the byte at which the part that is wrong begins.
    """

    def __init__(self, message: str, *, offset: int) -> None:
        super().__init__(
            f"{message} (at byte {offset} of the CAR)", hint="Fetch the CAR again, or from another source."
        )
        self.offset = offset


class CarMismatchError(CarError):
    """A section whose block is not the content of its CID."""


def encode_car(roots: Sequence[Cid], blocks: Iterable[tuple[Cid, bytes]]) -> Iterator[bytes]:
    """The parts of a CAR, to be sent one after another. The blocks are taken as given: verify what you did not make."""
    header = encode_header(roots)
    yield varint(len(header)) + header
    for cid, block in blocks:
        yield varint(_CID_LENGTH + len(block)) + bytes(cid)
        yield block


def write_car(stream: BinaryIO, roots: Sequence[Cid], blocks: Iterable[tuple[Cid, bytes]]) -> int:
    """Write a CAR and return its bytes; see `encode_car`."""
    total = 0
    for part in encode_car(roots, blocks):
        stream.write(part)
        total += len(part)
    return total


def car_size(roots: Sequence[Cid], block_sizes: Iterable[int]) -> int:
    """Bytes of the CAR with these roots and blocks of these sizes."""
    header = len(encode_header(roots))
    sections = (_CID_LENGTH + size for size in block_sizes)
    return len(varint(header)) + header + sum(len(varint(section)) + section for section in sections)


def encode_header(roots: Sequence[Cid]) -> bytes:
    """The header, without its length.

    Raises:
        ValueError: no root at all.
    """
    if not roots:
        raise ValueError("a CAR needs at least one root")
    return b"\xa2\x65roots" + _array_head(len(roots)) + b"".join(_ROOT + bytes(root) for root in roots) + _VERSION


class CarReader:
    """A CAR being read: iterate for ``(cid, block)``, verified, in the order of the stream.

    Attributes:
        roots: the CIDs in the header.
    """

    def __init__(self, stream: BinaryIO, *, limit: int | None = None, max_block: int = MAX_BLOCK) -> None:
        """Read the header.

        Args:
            stream: read once, forward; short reads are fine.
            limit: the most bytes that the whole CAR may have.
            max_block: the most bytes of one block.

        Raises:
            CarError: no CARv1 begins here.
        """
        self._stream = stream
        self._limit = limit
        self._max_block = max_block
        self._at = 0
        length = self._length(_MAX_HEADER, "the header")
        if length is None:
            raise CarError("the stream is empty", offset=0)
        offset = self._at
        self.roots = _decode_header(self._take(length, "the header", offset), offset)

    def __iter__(self) -> Iterator[tuple[Cid, bytes]]:
        """Read the sections.

        Raises:
            CarError: a section that is cut short, too long or not named by a CID of this project.
            CarMismatchError: a block that is not the content of its CID.
        """
        while True:
            offset = self._at
            length = self._length(_CID_LENGTH + self._max_block, "a section")
            if length is None:
                return
            if length < _CID_LENGTH:
                raise CarError(f"a section of {length} bytes has no room for a CID", offset=offset)
            name = self._take(_CID_LENGTH, "a section", offset)
            try:
                cid = Cid.parse(name)
                block = self._take(length - _CID_LENGTH, f"block {cid}", offset)
                cid.verify(block)
            except CidMismatchError as error:
                raise CarMismatchError(error.message, offset=offset) from error
            except CidError as error:
                raise CarError(error.message, offset=offset) from error
            yield cid, block

    def _length(self, most: int, what: str) -> int | None:
        """The varint before a part, at most 4 bytes; None at the end of the stream."""
        offset, value = self._at, 0
        for index in range(4):
            byte = self._stream.read(1)
            if not byte:
                if index == 0:
                    return None
                raise CarError(f"the length of {what} is cut short", offset=offset)
            self._at += 1
            value |= (byte[0] & 0x7F) << (7 * index)
            if byte[0] < 0x80:
                if index > 0 and byte[0] == 0:
                    raise CarError(f"the length of {what} is not in its shortest form", offset=offset)
                break
        else:
            raise CarError(f"the length of {what} has more than 4 bytes", offset=offset)
        if value == 0 or value > most:
            raise CarError(f"{what} of {value} bytes; 1 to {most} are allowed", offset=offset)
        if self._limit is not None and self._at + value > self._limit:
            raise CarError(f"more than the {self._limit} bytes that are allowed for the whole", offset=offset)
        return value

    def _take(self, length: int, what: str, offset: int) -> bytes:
        parts = []
        left = length
        while left:
            part = self._stream.read(left)
            if not part:
                raise CarError(f"{what} is cut short: {left} of {length} bytes are missing", offset=offset)
            parts.append(part)
            left -= len(part)
        self._at += length
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _decode_header(header: bytes, offset: int) -> tuple[Cid, ...]:
    if header.endswith(b"\x67version\x02"):
        raise CarError("this is a CARv2; only version 1 is read", offset=offset)
    size = len(_ROOT) + _CID_LENGTH
    start = header.find(_ROOT)
    end = len(header) - len(_VERSION)
    texts = [header[at + len(_ROOT) : at + size] for at in range(start, end, size)] if start >= 0 else []
    try:
        roots = tuple(Cid.parse(text) for text in texts)
    except CidError as error:
        raise CarError(f"a root in the header is not usable: {error.message}", offset=offset) from error
    # One list of roots has one header, so that comparing with our own is the whole check.
    if not roots or encode_header(roots) != header:
        raise CarError('the header is not canonical dag-cbor of {"roots": [CID…], "version": 1}', offset=offset)
    return roots


def _array_head(count: int) -> bytes:
    if count < 24:
        return bytes((0x80 | count,))
    return b"\x98" + bytes((count,)) if count < 256 else b"\x99" + count.to_bytes(2, "big")
