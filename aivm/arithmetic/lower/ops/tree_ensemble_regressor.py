"""TreeEnsembleRegressor (ai.onnx.ml): numbers from the leaves that the trees end in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.forest import from_nodes, post_transform
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value

_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


@operator("TreeEnsembleRegressor", domain="ai.onnx.ml", types={"T": dtypes.FLOATS | {"int32", "int64"}})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One primitive, the base values, then the transform of the result."""
    targets = node.get("n_targets", 1)
    forest = from_nodes(b, node, "target")
    aggregate = _AGGREGATES.index(node.get("aggregate_function", "SUM"))
    total = b.tree_ensemble(b.cast(x, "float32"), forest.tables(b), targets, aggregate)
    base = node.get("base_values")
    if base:
        total = b.add(total, b.constant(np.array(base, np.float32)))
    return post_transform(b, total, node.get("post_transform", "NONE"))
