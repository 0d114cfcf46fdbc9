"""Transpose: the axes in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Transpose")
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One copy, or none where only axes of extent 1 move."""
    perm = node.get("perm") or list(reversed(range(x.rank)))
    if sorted(perm) != list(range(x.rank)):
        b.refuse(f"{perm} is no order of the {x.rank} axes of tensor {x}")
    return b.transpose(x, perm)
