"""LogSoftmax: the fused form of its function body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("LogSoftmax", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One primitive."""
    return b.softmax(x, b.axis(node.get("axis", -1), x.rank), log=True)
