"""TreeEnsemble (ai.onnx.ml 5): the leaves that the trees end in, aggregated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.forest import POST_TRANSFORMS, from_ensemble, post_transform
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("TreeEnsemble", domain="ai.onnx.ml", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One primitive, then the transform of the result."""
    forest = from_ensemble(b, node)
    targets = node.get("n_targets", 1)
    total = b.tree_ensemble(x, forest.tables(b), targets, node.get("aggregate_function", 1))
    return post_transform(b, total, POST_TRANSFORMS[node.get("post_transform", 0)])
