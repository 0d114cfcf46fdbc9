"""Messages between a process and its worker: a canonical JSON header and bytes, never pickled objects.

A frame is the header's length (4 bytes, little-endian), the payload's length (8 bytes), the header, the payload.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from aivm import canonical
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = struct.Struct("<IQ")
MAX_HEADER = 1 << 16


class FrameError(AivmError):
    """Bytes that are not a frame, or a frame over its limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message.

    Attributes:
        header: a JSON object; what to do, or what was done.
        payload: bytes of a known form: a record, a model, a tensor file.
    """

    header: Mapping[str, Any]
    payload: bytes = field(default=b"", repr=False)


def encode(frame: Frame) -> bytes:
    """The bytes of a frame but for its payload, which follows them as it is.

    Raises:
        FrameError: the header is over `MAX_HEADER` bytes.
    """
    header = canonical.encode(dict(frame.header))
    if len(header) > MAX_HEADER:
        raise FrameError(f"a frame's header has {len(header)} bytes, more than {MAX_HEADER}")
    return PREFIX.pack(len(header), len(frame.payload)) + header


def sizes(prefix: bytes, limit: int) -> tuple[int, int]:
    """The lengths of header and payload that the first bytes announce.

    Raises:
        FrameError: they are over the limits, which is known before anything is read or allocated.
    """
    header, payload = PREFIX.unpack(prefix)
    if header > MAX_HEADER:
        raise FrameError(f"a frame announces a header of {header} bytes, more than {MAX_HEADER}")
    if payload > limit:
        raise FrameError(f"a frame announces {payload} bytes, more than {limit}")
    return header, payload


def decode_header(data: bytes) -> dict[str, Any]:
    """The header's members.

    Raises:
        FrameError: the bytes are not a canonical JSON object.
    """
    try:
        header = canonical.decode(data)
    except canonical.CanonicalError as error:
        raise FrameError(f"a frame's header is malformed: {error.message}") from error
    if not isinstance(header, dict):
        raise FrameError(f"a frame's header is {type(header).__name__}, not an object")
    return header


def read(stream: BinaryIO) -> Frame | None:
    """The next frame of a trusted, blocking stream, or None at its end.

    Raises:
        FrameError: the stream ends within a frame, or the frame is malformed.
    """
    prefix = stream.read(PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < PREFIX.size:
        raise FrameError("the stream ends within a frame")
    header_size, payload_size = sizes(prefix, 1 << 62)
    header, payload = stream.read(header_size), stream.read(payload_size)
    if len(header) < header_size or len(payload) < payload_size:
        raise FrameError("the stream ends within a frame")
    return Frame(header=decode_header(header), payload=payload)


def write(stream: BinaryIO, frame: Frame) -> None:
    """Writes a frame to a blocking stream."""
    stream.write(encode(frame))
    stream.write(frame.payload)
    stream.flush()
