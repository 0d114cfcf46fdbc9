"""Pow: x to the power of y, correctly rounded, in the dtype of x."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Pow", types={"T": frozenset({"float32", "int32", "int64"}), "T1": dtypes.NUMBERS})
def lower(b: Builder, _node: Node, x: Value, y: Value) -> Value:
    """One primitive."""
    return b.pow(x, y)
