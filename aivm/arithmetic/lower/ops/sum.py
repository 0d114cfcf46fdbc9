"""Sum: several tensors added from left to right, with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Sum", types={"T": dtypes.FLOATS})
def lower(b: Builder, _node: Node, first: Value, *others: Value) -> Value:
    """From left to right."""
    result = first
    for other in others:
        result = b.add(result, other)
    return result
