"""Canonical JSON: RFC 8785, narrowed to what every reader of a chain can agree on.

No floats, no integer of 2^53 or more in magnitude, no duplicate members; a reader accepts only bytes that
re-encode to themselves. So a value has one byte string, and a byte string at most one value.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import rfc8785

from aivm.errors import AivmError
from aivm.nesting import is_deeper

#: Integers must stay below this in magnitude: above it, readers that use binary64 lose bits.
INTEGER_BOUND = 2**53

#: Deeper values are refused on both ways, so that no reader runs out of stack.
MAX_DEPTH = 64


class CanonicalError(AivmError):
    """A value that has no canonical JSON, or bytes that are not the canonical JSON of any value."""


def encode(value: object) -> bytes:
    """The canonical bytes of a JSON value (dict with str keys, list, tuple, str, int, bool, None).

    Raises:
        CanonicalError: for a float, an integer of 2^53 or more in magnitude, a key that is no string, a string
            that is not Unicode text, or anything that JSON has no form for; names the member.
    """
    _check(value, "$", 0)
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # _check has narrowed it
    except rfc8785.CanonicalizationError as error:
        raise CanonicalError(f"value has no canonical JSON: {error}") from error


def decode(data: bytes) -> Any:
    """The value of canonical bytes.

    Raises:
        CanonicalError: if the bytes are not JSON, or are not exactly what `encode` makes of their value.
    """
    try:
        text = bytes(data).decode("utf-8")
        if is_deeper(text, MAX_DEPTH):
            raise CanonicalError(f"JSON is nested deeper than {MAX_DEPTH} levels")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_refuse_float,
            parse_constant=_refuse_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise CanonicalError(f"bytes are not UTF-8 (at byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise CanonicalError(f"bytes are not JSON: {error.msg} at byte {error.pos}") from error
    again = encode(value)
    if again != data:
        at = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), min(len(again), len(data)))
        raise CanonicalError(
            f"JSON is not in canonical form: it differs from RFC 8785 at byte {at}",
            hint="Members are sorted by UTF-16 code units, without white space or needless escapes.",
        )
    return value


def _check(value: object, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise CanonicalError(f"value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise CanonicalError(f"{path}: member name {key!r} is not a string")
            _check_text(key, path)
            _check(member, f"{path}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1)
    else:
        _check_scalar(value, path)


def _check_scalar(value: object, path: str) -> None:
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int):
        if abs(value) >= INTEGER_BOUND:
            hint = "Write it as a decimal string."
            raise CanonicalError(f"{path}: an integer of 2^53 or more in magnitude", hint=hint)
    elif value is not None:
        hint = "Write it as a decimal string or scale it to an integer." if isinstance(value, float) else ""
        raise CanonicalError(f"{path}: a {type(value).__name__} is not allowed in a record", hint=hint)


def _check_text(text: str, path: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError(f"{path}: text holds a lone surrogate at index {error.start}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise CanonicalError(f"member {twice!r} is there twice")
    return members


def _integer(digits: str) -> int:
    # Python refuses to parse very long digit strings, and would be slow for those just below that length.
    if len(digits) > 17:
        raise CanonicalError(f"integer {digits[:17]}… is 2^53 or more in magnitude")
    return int(digits)


def _refuse_float(literal: str) -> NoReturn:
    raise CanonicalError(f"number {literal[:32]} is not an integer", hint="Records hold no floats.")
