"""What a session is fed, checked against what the model says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic.errors import (
    FeedDtypeError,
    FeedError,
    FeedLayoutError,
    FeedRankError,
    FeedShapeError,
    MissingFeedError,
    UnexpectedFeedError,
)
from aivm.arithmetic.lower import dtypes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.graph import Port
    from aivm.arithmetic.lower.hosted import ArrayItem


def check_feeds(ports: Sequence[Port], defaults: Sequence[Port], feeds: Mapping[str, Any]) -> dict[str, ArrayItem]:
    """The feeds in the order of the model's inputs.

    Args:
        ports: the model's inputs.
        defaults: inputs that initializers give a value if nothing is fed.
        feeds: arrays by name; lists of arrays for sequences.

    Raises:
        FeedError: one is missing, unknown, or not what the model says. Nothing is converted silently.
    """
    if not isinstance(feeds, Mapping):
        raise FeedError(
            f"the inputs are of the type {type(feeds).__name__}, not a dictionary",
            hint="give a dictionary of arrays by the inputs' names",
        )
    known = {port.name for port in (*ports, *defaults)}
    names = ", ".join(repr(port.name) for port in (*ports, *defaults)) or "none"
    for name in feeds:
        if name not in known:
            raise UnexpectedFeedError(f"the model has no input {name!r}", hint=f"its inputs are: {names}")
    free: dict[str, tuple[str, int]] = {}
    result: dict[str, ArrayItem] = {}
    for port in ports:
        if port.name not in feeds:
            raise MissingFeedError(f"input {port.name!r} was not given", hint=f"the model's inputs are: {names}")
    for port in (*ports, *(port for port in defaults if port.name in feeds)):
        value = feeds[port.name]
        result[port.name] = _check_tensor(port, value, free) if port.tensor else _check_item(port, value)
    return result


def _check_item(port: Port, value: Any) -> ArrayItem:
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return [_check_array(port, part) for part in value]
    return _check_array(port, value)


def _check_tensor(port: Port, value: Any, free: dict[str, tuple[str, int]]) -> ArrayItem:
    array = _check_array(port, value)
    if port.dtype is not None and dtypes.from_numpy(array.dtype) != port.dtype:
        raise FeedDtypeError(
            f"input {port.name!r} is {array.dtype}, and the model takes {port.dtype}",
            hint=f"convert it yourself, for instance with .astype(numpy.{port.dtype}); nothing is converted silently",
        )
    if port.shape is None:
        return array
    wanted = "[" + ", ".join("?" if extent is None else str(extent) for extent in port.shape) + "]"
    if array.ndim != len(port.shape):
        raise FeedRankError(
            f"input {port.name!r} has rank {array.ndim}, shape {list(array.shape)}; the model takes {wanted}",
            hint="reshape it; extents of 1 are not added or left out silently",
        )
    for extent, given in zip(port.shape, array.shape, strict=True):
        if isinstance(extent, int) and extent != given:
            raise FeedShapeError(
                f"input {port.name!r} has shape {list(array.shape)}; the model takes {wanted}",
                hint="a free extent has a name there, or ?; the others are fixed",
            )
        if isinstance(extent, str):
            other, size = free.setdefault(extent, (port.name, given))
            if size != given:
                raise FeedShapeError(
                    f"input {port.name!r} has shape {list(array.shape)}, where {extent!r} is {given}; "
                    f"in input {other!r} it is {size}",
                    hint="extents of one name are equal",
                )
    return array


def _check_array(port: Port, value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    # A masked array, or a matrix, has another meaning than the memory under it.
    if not isinstance(value, np.ndarray) or type(value) not in (np.ndarray, np.memmap):
        raise FeedDtypeError(
            f"input {port.name!r} is of the type {type(value).__name__}, not a NumPy array",
            hint=f"give a NumPy array of {port.dtype}" if port.dtype else "give a NumPy array",
        )
    if dtypes.from_numpy(value.dtype.newbyteorder("=")) is None:
        raise FeedDtypeError(
            f"input {port.name!r} is an array of {value.dtype}, which no tensor of this engine can be",
            hint=f"the model takes {port.dtype}" if port.dtype else "give an array of numbers or booleans",
        )
    wrong = _wrong_layout(value)
    if wrong:
        raise FeedLayoutError(
            f"input {port.name!r} is {wrong}",
            hint=f"give numpy.array(…, numpy.{value.dtype.name}, order='C') of it; nothing is copied silently",
        )
    return value


def _wrong_layout(array: np.ndarray[Any, np.dtype[Any]]) -> str:
    if not array.dtype.isnative:
        return "not of this machine's byte order"
    if not array.flags.c_contiguous:
        return "not contiguous in C order"
    return "" if array.flags.aligned else "not aligned to the size of its elements"
