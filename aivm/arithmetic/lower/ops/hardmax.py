"""Hardmax: 1 at the first greatest element along an axis, else 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Hardmax", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """A comparison of places."""
    axis = b.axis(node.get("axis", -1), x.rank)
    place = b.arg("arg_max", x, axis, keepdims=True, last=False)
    numbers = b.constant(np.arange(x.shape[axis]).reshape(-1, *([1] * (x.rank - axis - 1))))
    return b.where(b.compare("equal", place, numbers), b.scalar(1, x.dtype), b.scalar(0, x.dtype))
