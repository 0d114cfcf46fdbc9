"""Concat: tensors one behind the other along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Concat")
def lower(b: Builder, node: Node, *values: Value) -> Value:
    """One copy."""
    return b.concat(values, b.axis(node.get("axis", 0), values[0].rank))
