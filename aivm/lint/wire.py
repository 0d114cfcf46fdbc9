"""How many things a protobuf file holds, counted before anything of it is parsed.

A message of no fields takes two bytes in a file and a hundred in memory, a small integer one and eight: a model within
the limit of a file's size could fill the memory of whoever parses it.

Source: Protocol Buffers, Encoding.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]  # it ships no types

#: The most fields of a model, those of all messages inside counted. A node has about ten, a weight five.
MAX_FIELDS = 2**21
#: The most bytes of packed integers; each may become an integer of eight bytes. Weights are mostly kept as raw bytes.
MAX_PACKED = 2**26

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_PACKED = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_ENUM,
}


def too_much(data: bytes, descriptor: Any) -> str | None:
    """What there is too much of in a message; None if it can be parsed in bounded memory.

    Bytes that are no message at all end the count: the parser says what is wrong with them.
    """
    fields = packed = 0
    left = [(0, len(data), descriptor)]
    while left:
        at, end, kind = left.pop()
        while at < end:
            tag, at = _varint(data, at, end)
            value, at = (0, at + _WIDTHS[tag & 7]) if tag & 7 in _WIDTHS else _varint(data, at, end)
            fields += 1
            if fields > MAX_FIELDS:
                return f"more than {MAX_FIELDS} fields"
            if tag & 7 != _BYTES:
                if tag & 7 not in {_VARINT, *_WIDTHS}:
                    break
                continue
            field = kind.fields_by_number.get(tag >> 3)
            if field is not None and field.type == FieldDescriptor.TYPE_MESSAGE:
                left.append((at, min(at + value, end), field.message_type))
            elif field is not None and field.type in _PACKED:
                packed += min(value, end - at)
                if packed > MAX_PACKED:
                    return f"more than {MAX_PACKED} bytes of packed integers"
            at += value
    return None


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, end  # cut short, or too long: nothing follows
