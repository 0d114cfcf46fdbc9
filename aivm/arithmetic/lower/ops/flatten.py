"""Flatten: a matrix, whose rows are the axes before one axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Flatten")
def lower(b: Builder, node: Node, x: Value) -> Value:
    """Another view of the same memory."""
    axis = node.get("axis", 1)
    if not -x.rank <= axis <= x.rank:
        b.refuse(f"axis {axis} of a tensor that has {x.rank} axes")
    axis = axis + x.rank if axis < 0 else axis
    return b.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))
