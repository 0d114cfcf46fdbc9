"""TensorScatter: a cache with one stretch of an axis replaced, at a place for each batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("TensorScatter")
def lower(b: Builder, node: Node, past: Value, update: Value, places: Value | None = None) -> Value:
    """A scatter by element along the axis."""
    axis = b.axis(node.get("axis", -2), past.rank)
    if axis == 0 or update.rank != past.rank:
        b.refuse(f"update {update} does not fit tensor {past}")
    steps = b.constant(np.arange(update.shape[axis]).reshape(-1, *([1] * (past.rank - axis - 1))))
    index = b.expand(steps, update.shape)
    if places is not None:
        index = b.add(index, b.reshape(places, (places.elements, *([1] * (past.rank - 1)))))
    if node.get("mode", "linear") == "circular":
        index = b.binary("mod", index, b.ints([past.shape[axis]]), (0,))
    return b.scatter_elements(past, index, update, axis, 0)
