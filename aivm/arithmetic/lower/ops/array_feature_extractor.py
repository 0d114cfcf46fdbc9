"""ArrayFeatureExtractor (ai.onnx.ml): columns by index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ArrayFeatureExtractor", domain="ai.onnx.ml")
def lower(b: Builder, _node: Node, x: Value, indices: Value) -> Value:
    """A gather along the last axis."""
    flat = b.reshape(indices, (indices.elements,))
    result = b.gather(x, flat, x.rank - 1)
    return b.reshape(result, (1, result.elements)) if x.rank == 1 else result
