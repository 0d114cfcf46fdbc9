"""What a session is fed, checked against what the model says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic.errors import (
    FeedDtypeError,
    FeedLayoutError,
    FeedRankError,
    FeedShapeError,
    MissingFeedError,
    UnexpectedFeedError,
)
from aivm.arithmetic.lower import dtypes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    known = {port.name for port in (*ports, *defaults)}
    for name in feeds:
        if name not in known:
            raise UnexpectedFeedError(
                f"the model has no input {name!r}", hint=f"its inputs are {', '.join(port.name for port in ports)}"
            )
    free: dict[str, tuple[str, int]] = {}
    result: dict[str, ArrayItem] = {}
    for port in ports:
        if port.name not in feeds:
            raise MissingFeedError(f"input {port.name!r} was not given")
    for port in (*ports, *(port for port in defaults if port.name in feeds)):
        value = feeds[port.name]
        result[port.name] = _check_tensor(port, value, free) if port.tensor else _check_item(port, value)
    return result


def _check_item(port: Port, value: Any) -> ArrayItem:
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return [_check_item(port, part) for part in value]
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
            f"input {port.name!r} has {array.ndim} axes, shape {list(array.shape)}; the model takes {wanted}"
        )
    for extent, given in zip(port.shape, array.shape, strict=True):
        if isinstance(extent, int) and extent != given:
            raise FeedShapeError(f"input {port.name!r} has shape {list(array.shape)}; the model takes {wanted}")
        if isinstance(extent, str):
            other, size = free.setdefault(extent, (port.name, given))
            if size != given:
                raise FeedShapeError(
                    f"input {port.name!r} has shape {list(array.shape)}, where {extent!r} is {given}; "
                    f"in input {other!r} it is {size}"
                )
    return array


def _check_array(port: Port, value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    if not isinstance(value, np.ndarray):
        raise FeedDtypeError(
            f"input {port.name!r} is a {type(value).__name__}, not an array",
            hint="give a NumPy array of the right dtype",
        )
    if dtypes.from_numpy(value.dtype.newbyteorder("=")) is None:
        raise FeedDtypeError(f"input {port.name!r} is {value.dtype}, which no tensor of this engine can be")
    if not value.dtype.isnative or not value.flags.c_contiguous or not value.flags.aligned:
        raise FeedLayoutError(
            f"input {port.name!r} is not contiguous in C order, aligned, and of this machine's byte order",
            hint="give numpy.ascontiguousarray(…) of it",
        )
    return value
