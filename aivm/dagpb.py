"""dag-pb: the one byte form of a linking block, written and read strictly.

A node is a protobuf message with ``Links`` (field 2, repeated) before ``Data`` (field 1); a link has ``Hash`` (1),
``Name`` (2) and ``Tsize`` (3), all present here. The reader accepts only what the writer writes: each field once, in
this order, every varint in its shortest form, nothing unknown and nothing after the end.

Source: the IPLD DAG-PB specification, and Protocol Buffers' wire format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.cid import Cid
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HINT = "The block was not written by a conforming tool, or is not what its name says."


class DagPbError(AivmError):
    """A block that is not dag-pb in its one canonical form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link.

    Attributes:
        cid: the block it leads to.
        tsize: bytes of all blocks from there on, repetitions counted.
        name: empty inside a file.
    """

    cid: Cid
    tsize: int
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One linking block: its links in order, and its data."""

    links: tuple[Link, ...]
    data: bytes


def varint(value: int) -> bytes:
    """An unsigned LEB128 number in its shortest form."""
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """A protobuf field holding a number."""
    return varint(field << 3) + varint(value)


def octets(field: int, value: bytes) -> bytes:
    """A protobuf field holding bytes."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def encode(links: Sequence[Link], data: bytes) -> bytes:
    """The block of a node."""
    body = b"".join(
        octets(2, octets(1, bytes(link.cid)) + octets(2, link.name.encode()) + number(3, link.tsize)) for link in links
    )
    return body + octets(1, data)


def decode(block: bytes) -> Node:
    """Read a node.

    Raises:
        DagPbError: anything but the canonical form, with the offset where it goes wrong.
        CidError: a link whose CID this project does not use.
    """
    links: list[Link] = []
    data: bytes | None = None
    for offset, field, value in fields(block):
        if field == 2 and isinstance(value, bytes) and data is None:
            links.append(_link(value, offset))
        elif field == 1 and isinstance(value, bytes) and data is None:
            data = value
        else:
            raise DagPbError(f"field {field} at byte {offset} of a dag-pb block is unknown or out of order", hint=_HINT)
    if data is None:
        raise DagPbError("a dag-pb block without data", hint=_HINT)
    return Node(links=tuple(links), data=data)


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Every ``(offset, field, value)`` of a protobuf message that has only numbers and bytes.

    Raises:
        DagPbError: another wire type, a number that is too long or not in its shortest form, a field cut short.
    """
    at = 0
    while at < len(message):
        offset = at
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag & 7 == 0:
            yield offset, tag >> 3, value
        elif tag & 7 == 2:
            if value > len(message) - at:
                raise DagPbError(
                    f"field {tag >> 3} at byte {offset} says {value} bytes; the rest is {len(message) - at}"
                )
            yield offset, tag >> 3, message[at : at + value]
            at += value
        else:
            raise DagPbError(f"field {tag >> 3} at byte {offset} has wire type {tag & 7}", hint=_HINT)


def _link(message: bytes, offset: int) -> Link:
    parts = [(field, value) for _, field, value in fields(message)]
    match parts:
        case [(1, bytes(target)), (2, bytes(name)), (3, int(tsize))]:
            try:
                return Link(cid=Cid.parse(target), tsize=tsize, name=name.decode())
            except UnicodeDecodeError as error:
                raise DagPbError(f"the name of the link at byte {offset} is not UTF-8", hint=_HINT) from error
    found = [field for field, _ in parts]
    raise DagPbError(f"the link at byte {offset} has the fields {found}, not hash, name and size", hint=_HINT)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(10):
        if at + index >= len(message):
            raise DagPbError(f"a number at byte {at} is cut short", hint=_HINT)
        byte = message[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >= 1 << 64 or (byte == 0 and index > 0):
                raise DagPbError(f"a number at byte {at} is too large or not in its shortest form", hint=_HINT)
            return value, at + index + 1
    raise DagPbError(f"a number at byte {at} has more than 10 bytes", hint=_HINT)
