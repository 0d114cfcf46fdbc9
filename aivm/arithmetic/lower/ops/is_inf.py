"""IsInf: whether each element is infinite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("IsInf", types={"T1": dtypes.FLOATS})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One primitive."""
    return b.is_inf(x, negative=bool(node.get("detect_negative", 1)), positive=bool(node.get("detect_positive", 1)))
