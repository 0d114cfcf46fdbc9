"""InstanceNormalization: each channel of each item, by its own statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("InstanceNormalization", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value, scale: Value, bias: Value) -> Value:
    """`scale * (x - mean) / sqrt(variance + epsilon) + bias`, where variance is the mean of the squared differences."""
    shape = (x.shape[1], *([1] * (x.rank - 2)))
    axes = range(2, x.rank)
    difference = b.sub(x, b.reduce("reduce_mean", x, axes))
    variance = b.reduce("reduce_mean", b.mul(difference, difference), axes)
    deviation = b.unary("sqrt", b.add(variance, b.scalar(node.get("epsilon", 1e-5), x.dtype)))
    return b.add(b.mul(b.reshape(scale, shape), b.div(difference, deviation)), b.reshape(bias, shape))
