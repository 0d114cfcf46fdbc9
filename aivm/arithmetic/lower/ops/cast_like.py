"""CastLike: each element in the dtype of another tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("CastLike")
def lower(b: Builder, node: Node, x: Value, like: Value) -> Value:
    """One primitive."""
    return b.cast(x, like.dtype, saturate=bool(node.get("saturate", 1)))
