"""Clip: each element, within bounds, as in the function body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Clip", types={"T": dtypes.NUMBERS})
def lower(b: Builder, _node: Node, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    """One primitive: NaN stays NaN, and the upper bound wins where the bounds cross."""
    for bound in (low, high):
        if bound is not None and bound.elements != 1:
            b.refuse(f"bound {bound} should be a single number")
    return b.clip(x, low, high)
