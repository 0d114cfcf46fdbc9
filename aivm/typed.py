"""msgspec's conversions, safe to be the first of their type in several threads at once.

msgspec (0.22) describes a type when it first meets it, and lets other threads see the description before it is whole:
the process then crashes. Here a type is described under a lock, with all that it refers to, before it is used.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_lock = threading.Lock()
_described: set[Any] = set()


def convert(value: object, kind: type[T]) -> T:
    """`msgspec.convert`: built-in values to a type.

    Raises:
        msgspec.ValidationError: naming what does not fit.
    """
    _describe(kind)
    return msgspec.convert(value, kind)


def decode_json(data: bytes, kind: type[T]) -> T:
    """`msgspec.json.decode`: JSON to a type.

    Raises:
        msgspec.DecodeError: the bytes are not JSON, or do not fit.
    """
    _describe(kind)
    return msgspec.json.decode(data, type=kind)


def _describe(kind: Any) -> None:
    if kind in _described:
        return
    with _lock:
        msgspec.json.Decoder(kind)
        _described.add(kind)
