"""TreeEnsembleClassifier (ai.onnx.ml): the likeliest class and all scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.forest import from_nodes, post_transform, reals
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("TreeEnsembleClassifier", domain="ai.onnx.ml", types={"T1": dtypes.FLOATS | {"int32", "int64"}})
def lower(b: Builder, node: Node, x: Value) -> tuple[Value, Value]:
    """One primitive, the base values, the class, then the transform of the scores."""
    labels = node.get("classlabels_int64s")
    if not labels:
        b.unsupported("class labels that are strings", hint="export the model with whole numbers as labels")
    forest = from_nodes(b, node, "class")
    base = node.get("base_values")
    ids = sorted(set(node.get("class_ids", [])))
    binary = len(labels) == 2 and len(ids) == 1
    total = b.tree_ensemble(b.cast(x, "float32"), forest.tables(b), 1 if binary else len(labels), 1)
    if base:
        if len(base) not in (1, total.shape[1]):
            b.refuse(f"{len(base)} base values for {total.shape[1]} scores")
        total = b.add(total, b.constant(np.array(base, np.float32)))
    transform = node.get("post_transform", "NONE")
    if binary:
        # One score stands for both classes: a probability of the second, or a number whose sign decides.
        probability = transform == "NONE" and all(weight >= 0 for weight in reals(node, "class_weights"))
        first = b.compare("greater", total, b.scalar(0.5 if probability else 0.0, "float32"))
        rest = b.sub(b.scalar(1, "float32"), total) if probability else b.unary("neg", total)
        chosen = b.reshape(b.cast(first, "int64"), (total.shape[0],))
        total = b.concat([rest, total], 1)
    else:
        chosen = b.arg("arg_max", total, 1, keepdims=False, last=False)
    classes = b.gather(b.constant(np.array(labels, np.int64)), chosen, 0)
    return classes, post_transform(b, total, transform)
