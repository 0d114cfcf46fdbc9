"""And: both, with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("And", types={"T": frozenset({"bool"})})
def lower(b: Builder, _node: Node, x: Value, y: Value) -> Value:
    """One primitive."""
    return b.binary("and", x, y)
