"""OneHot: an axis along which one element is on and the others are off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("OneHot", types={"T1": dtypes.NUMBERS, "T2": dtypes.NUMBERS})
def lower(b: Builder, node: Node, indices: Value, depth: Value, values: Value) -> Value:
    """A comparison with 0, 1, 2…; an index out of range is nowhere on."""
    count = b.count(int(b.known_item(depth)))
    if count < 1:
        b.refuse(f"depth is {count}")
    axis = b.axis(node.get("axis", -1), indices.rank + 1)
    whole = b.cast(indices, "int64")
    size = b.ints([count])
    # Negative indices count from the end, once.
    place = b.where(b.compare("less", whole, b.ints([0])), b.add(whole, size), whole)
    place = b.reshape(place, (*indices.shape[:axis], 1, *indices.shape[axis:]))
    numbers = b.constant(np.arange(count).reshape(count, *([1] * (indices.rank - axis))))
    off, on = b.index(values, 0, 0), b.index(values, 0, 1)
    return b.where(b.compare("equal", place, numbers), on, off)
