"""Max: the greatest of several tensors, element by element; NaN if one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Max", types={"T": dtypes.NUMBERS})
def lower(b: Builder, _node: Node, first: Value, *others: Value) -> Value:
    """From left to right."""
    result = first
    for other in others:
        result = b.binary("max", result, other)
    return result
