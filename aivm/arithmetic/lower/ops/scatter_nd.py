"""ScatterND: elements or blocks replaced or combined, in the order of the updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value

_REDUCTIONS = ("none", "add", "mul", "max", "min")


@operator("ScatterND")
def lower(b: Builder, node: Node, x: Value, indices: Value, updates: Value) -> Value:
    """One primitive, which checks the indices at run time."""
    reduction = node.get("reduction", "none")
    if reduction not in _REDUCTIONS:
        b.refuse(f"reduction {reduction!r}")
    if reduction != "none":
        b.want(x, dtypes.NUMBERS)
    return b.scatter_nd(x, indices, updates, _REDUCTIONS.index(reduction))
