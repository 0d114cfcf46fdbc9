"""LessOrEqual: a <= b, as in the function body, with broadcasting; NaN compares as false."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("LessOrEqual", types={"T": dtypes.NUMBERS})
def lower(b: Builder, _node: Node, x: Value, y: Value) -> Value:
    """One primitive."""
    return b.compare("less_or_equal", x, y)
