"""Canonical tensor files: safetensors with exactly one form (docs/protocol.md §2).

Equal tensors give equal bytes: names in code point order, data in that order without gaps, no metadata, a canonical
JSON header padded with spaces to a multiple of 8, little-endian C order, one NaN per type. Signed zeros are kept.
The reader accepts only files that would be written the same way again, so a file's hash names its tensors.

    data = encode({"image": numpy.zeros([1, 1, 8, 8], numpy.uint8)})
    decode(data)["image"].shape  # (1, 1, 8, 8)
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import rfc8785

from aivm.errors import AivmError
from aivm.nesting import is_deeper

Array = npt.NDArray[Any]
_Described = tuple[str, str, tuple[int, ...], int]
Tensors = Mapping[str, Array]

#: The dtypes of the format and their little-endian numpy types.
DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "F16": np.dtype("<f2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F32": np.dtype("<f4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
# Same-sized unsigned type and the one quiet NaN: sign 0, exponent all ones, top mantissa bit 1, the rest 0.
_QUIET_NAN = {"F16": ("<u2", 0x7E00), "F32": ("<u4", 0x7FC00000), "F64": ("<u8", 0x7FF8000000000000)}

#: The header, an entry, its list of sizes.
_HEADER_DEPTH = 3
#: Bytes of the header, padding included; bounds what a hostile file can make a reader parse.
MAX_HEADER = 1 << 20
#: Bytes of a file that `decode` accepts unless told otherwise.
DEFAULT_LIMIT = 1 << 30
#: Headers of so many bytes, or so many tensors, are remembered: a suite meets the same one ten thousand times.
_SHORT, _FEW, _REMEMBERED = 4096, 16, 64
_LARGEST_INTEGER = (1 << 53) - 1  # beyond it RFC 8785 has no integers


class TensorFileError(AivmError):
    """Tensors that have no canonical file, or bytes that are not a canonical tensor file."""


def dtype_name(array: Array, name: str = "tensor") -> str:
    """The format's name for an array's dtype.

    Raises:
        TensorFileError: the dtype is not one of the format's.
    """
    dtype = array.dtype.newbyteorder("<") if array.dtype.kind in "biuf" else array.dtype
    try:
        return _NAMES[dtype]
    except KeyError:
        raise TensorFileError(
            f"tensor {name!r} has dtype {array.dtype}, which a tensor file cannot hold",
            hint=f"use one of {' '.join(DTYPES)}",
        ) from None


def canonicalise(array: Array, name: str = "tensor") -> Array:
    """The array as the format holds it: little-endian, C order, every NaN the one quiet NaN of its type.

    Returns:
        An array of the same shape; the same object if nothing had to change.

    Raises:
        TensorFileError: the dtype is not one of the format's.
    """
    label = dtype_name(array, name)
    # `ascontiguousarray` would make a 0-d array 1-d.
    result = np.asarray(array, dtype=DTYPES[label], order="C")
    if label in _QUIET_NAN:
        nan = np.isnan(result)
        if nan.any():
            unsigned, pattern = _QUIET_NAN[label]
            bits = result.view(unsigned).copy()
            bits[nan] = pattern
            result = bits.view(DTYPES[label])
    return result


def encoded_size(tensors: Tensors) -> int:
    """Bytes of the file that `encode` would write, without writing it."""
    arrays = {name: np.asarray(tensors[name]) for name in sorted(tensors)}
    return 8 + len(_header(arrays)) + sum(array.nbytes for array in arrays.values())


def encode(tensors: Tensors) -> bytes:
    """The canonical file of these tensors.

    Raises:
        TensorFileError: a dtype or a name that the format does not have, or a header over `MAX_HEADER`.
    """
    # Every name is checked before it is sorted: a mapping from elsewhere may have keys that are no strings.
    for name in tensors:
        if not isinstance(name, str):
            raise TensorFileError(f"tensor name {name!r} is not a string")
    arrays = {name: canonicalise(np.asarray(tensors[name]), name) for name in sorted(tensors)}
    header = _header(arrays)
    return b"".join([len(header).to_bytes(8, "little"), header, *map(_bytes, arrays.values())])


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _header(arrays: Mapping[str, Array]) -> bytes:
    """The padded header of arrays that are already in file order."""
    described = tuple((name, dtype_name(array, name), array.shape, array.nbytes) for name, array in arrays.items())
    return _short_header(described) if len(described) <= _FEW else _header_of(described)


@functools.lru_cache(maxsize=_REMEMBERED)
def _short_header(described: tuple[_Described, ...]) -> bytes:
    return _header_of(described)


def _header_of(described: tuple[_Described, ...]) -> bytes:
    entries: dict[str, Any] = {}
    offset = 0
    for name, dtype, shape, size in described:
        if name == "__metadata__":
            raise TensorFileError("a tensor cannot be called '__metadata__'", hint="the format reserves that name")
        entries[name] = {"data_offsets": [offset, offset + size], "dtype": dtype, "shape": list(shape)}
        offset += size
    text = _canonical_json(entries)
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise TensorFileError(f"the header is {len(text)} bytes, more than {MAX_HEADER}", hint="use fewer tensors")
    return text


def _canonical_json(value: Any) -> bytes:
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:  # lone surrogates in a name, integers of 2**53 and more
        raise TensorFileError(f"the header has no canonical JSON: {error}") from error


def decode(data: bytes, *, limit: int = DEFAULT_LIMIT) -> dict[str, Array]:
    """The tensors of a canonical file, by name in code point order.

    The arrays are read-only and share the memory of `data` where its alignment allows. Nothing is allocated from a
    number in the file before it was checked against the bytes that are there.

    Args:
        data: the whole file.
        limit: the most bytes that the file may have.

    Raises:
        TensorFileError: the file is too long, malformed, or not the one form that its tensors have.
    """
    if len(data) > limit:
        raise TensorFileError(f"the tensor file has {len(data)} bytes, more than the {limit} allowed")
    if len(data) < 8:
        raise TensorFileError(f"the tensor file has {len(data)} bytes, less than its 8-byte header length")
    length = int.from_bytes(data[:8], "little")
    if length > min(MAX_HEADER, len(data) - 8):
        raise TensorFileError(
            f"the header claims {length} bytes; {len(data) - 8} follow its length, and {MAX_HEADER} is the most"
        )
    text = bytes(data[8 : 8 + length])
    entries = _parse_short(text) if length <= _SHORT else _parse_header(text)
    body = memoryview(data)[8 + length :]
    tensors: dict[str, Array] = {}
    offset = 0
    for name in sorted(entries):
        dtype, shape, end = _check_entry(name, entries[name], offset, len(body))
        tensors[name] = _read(name, body[offset:end], dtype, shape)
        offset = end
    if offset != len(body):
        raise TensorFileError(f"the tensors end at byte {offset} of {len(body)} bytes of data")
    return tensors


@functools.lru_cache(maxsize=_REMEMBERED)
def _parse_short(text: bytes) -> dict[str, Any]:
    """A header that may have been read before; nobody changes what this gives."""
    return _parse_header(text)


def _parse_header(text: bytes) -> dict[str, Any]:
    try:
        said = text.decode("utf-8")
        if is_deeper(said, _HEADER_DEPTH):
            raise TensorFileError(f"the header is not a tensor file's: it is nested deeper than {_HEADER_DEPTH} levels")
        header = json.loads(said)
    except ValueError as error:
        raise TensorFileError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise TensorFileError(f"the header is a JSON {type(header).__name__}, not an object")
    if "__metadata__" in header:
        raise TensorFileError("the header has '__metadata__'", hint="a canonical tensor file has no metadata")
    canonical = _canonical_json(header)
    # Catches duplicate members too: of two, the parser keeps one, and the bytes differ.
    if canonical + b" " * (-len(canonical) % 8) != text:
        raise TensorFileError("the header is not canonical JSON padded with spaces to a multiple of 8 bytes")
    return header


def _check_entry(name: str, entry: Any, begin: int, available: int) -> tuple[str, tuple[int, ...], int]:
    """The dtype, shape and end of one tensor that must begin at `begin`."""
    where = f"tensor {name!r}"
    if not isinstance(entry, dict) or entry.keys() != {"data_offsets", "dtype", "shape"}:
        raise TensorFileError(f"{where} needs exactly the members data_offsets, dtype and shape")
    offsets, dtype, shape = entry["data_offsets"], entry["dtype"], entry["shape"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise TensorFileError(f"{where} has dtype {dtype!r}", hint=f"use one of {' '.join(DTYPES)}")
    if not _naturals(shape):
        raise TensorFileError(f"{where} has shape {shape!r}, not a list of integers from 0 to 2**53 - 1")
    if not _naturals(offsets) or len(offsets) != 2:
        raise TensorFileError(f"{where} has data_offsets {offsets!r}, not two integers")
    end = begin + math.prod(shape) * DTYPES[dtype].itemsize
    if offsets != [begin, end]:
        raise TensorFileError(f"{where} has data_offsets {offsets}; its place, dtype and shape need {[begin, end]}")
    if end > available:
        raise TensorFileError(f"{where} ends at byte {end}; the file has {available} bytes of data")
    return dtype, tuple(shape), end


def _naturals(value: Any) -> bool:
    # JSON's true is Python's True, an int.
    return isinstance(value, list) and all(type(item) is int and 0 <= item <= _LARGEST_INTEGER for item in value)


def _read(name: str, data: memoryview, dtype: str, shape: tuple[int, ...]) -> Array:
    array: Array
    if dtype == "BOOL" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise TensorFileError(f"tensor {name!r} is BOOL and has a byte that is neither 0 nor 1")
    try:
        array = np.frombuffer(data, DTYPES[dtype]).reshape(shape)
    except ValueError as error:  # more dimensions than numpy has, or an empty tensor with an absurd shape
        raise TensorFileError(f"tensor {name!r} cannot have shape {list(shape)}: {error}") from error
    if not array.flags.aligned:
        array = array.copy()
    array.flags.writeable = False
    if dtype in _QUIET_NAN:
        unsigned, pattern = _QUIET_NAN[dtype]
        if (array.view(unsigned)[np.isnan(array)] != pattern).any():
            raise TensorFileError(f"tensor {name!r} has a NaN that is not {pattern:#x}", hint="canonicalise it first")
    return array
