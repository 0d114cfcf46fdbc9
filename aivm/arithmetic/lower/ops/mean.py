"""Mean: several tensors added from left to right, then divided by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Mean", types={"T": dtypes.FLOATS})
def lower(b: Builder, _node: Node, first: Value, *others: Value) -> Value:
    """One division at the end."""
    result = first
    for other in others:
        result = b.add(result, other)
    return b.div(result, b.scalar(1 + len(others), first.dtype))
