"""Tensors while a graph is lowered: a value is a view of a storage; steps write storages."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

import numpy as np

from aivm.arithmetic.errors import MalformedModelError
from aivm.arithmetic.lower import dtypes

if TYPE_CHECKING:
    from aivm.tensors import Array

Shape = tuple[int, ...]
#: What a name of a graph can stand for: a tensor, an optional without an element, a sequence.
Item = Union["Value", None, list["Item"]]

_LARGEST = (1 << 63) - 1
#: Axes that a NumPy array can have, and a buffer of the core.
MAX_RANK = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Storage:
    """Memory of a tensor, written once.

    Attributes:
        name: the ONNX tensor that it was made for.
        dtype: what its first writer wrote.
        elements: how many of them.
        array: its contents, flat, if they are the same in every run.
    """

    name: str
    dtype: str
    elements: int
    array: Array | None = field(default=None, repr=False)

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.elements * dtypes.NUMPY[self.dtype].itemsize


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Value:
    """A tensor: a storage seen with a dtype of the same total size, and a shape."""

    dtype: str
    shape: Shape
    storage: Storage = field(repr=False)

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def item_bytes(self) -> int:
        """The size of an element."""
        return dtypes.NUMPY[self.dtype].itemsize

    @property
    def name(self) -> str:
        """The ONNX tensor that its memory was made for."""
        return self.storage.name

    def seen(self, array: Array) -> Array:
        """This view of its storage's contents."""
        return array.view(dtypes.NUMPY[self.dtype]).reshape(self.shape)

    def __str__(self) -> str:
        return f"{self.name!r} ({self.dtype} {list(self.shape)})"


def new_storage(name: str, dtype: str, shape: Shape, where: str = "the model") -> Storage:
    """A storage for a tensor; `where` it is made, for messages.

    Raises:
        MalformedModelError: an extent is negative, or so large that an index overflows.
    """
    check_shape(name, dtype, shape, where)
    return Storage(name=name, dtype=dtype, elements=math.prod(shape))


def check_shape(name: str, dtype: str, shape: Shape, where: str = "the model") -> None:
    """Checks that there can be a tensor of this shape.

    Raises:
        MalformedModelError: an extent is negative, or so large that an index overflows, or there are too many.
    """
    if any(extent < 0 for extent in shape):
        raise MalformedModelError(f"{where}: tensor {name!r} would have shape {list(shape)}")
    if len(shape) > MAX_RANK:
        raise MalformedModelError(f"{where}: tensor {name!r} would have {len(shape)} axes; {MAX_RANK} is the most")
    # Strides are products of extents too, so ones beside zeros count.
    if math.prod(max(extent, 1) for extent in shape) * dtypes.NUMPY[dtype].itemsize > _LARGEST:
        raise MalformedModelError(
            f"{where}: tensor {name!r} of shape {list(shape)} overflows an index",
            hint="no machine has so much memory: look at what the shape is computed from",
        )


def constant(array: Array, name: str = "") -> Value:
    """A tensor that is the same in every run."""
    dtype = dtypes.from_numpy(array.dtype)
    if dtype is None:
        raise MalformedModelError(f"tensor {name!r} is {array.dtype}, which no buffer can hold")
    flat = np.ascontiguousarray(array).reshape(-1)
    storage = Storage(name=name, dtype=dtype, elements=flat.size, array=flat)
    return Value(dtype=dtype, shape=tuple(array.shape), storage=storage)
