"""IsNaN: whether each element is NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("IsNaN", types={"T1": dtypes.FLOATS})
def lower(b: Builder, _node: Node, x: Value) -> Value:
    """One primitive."""
    return b.is_nan(x)
