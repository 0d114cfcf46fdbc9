"""BatchNormalization, as inference has it: scaled by stored statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator(
    "BatchNormalization",
    types={"T": frozenset({"float32"}), "T1": frozenset({"float32"}), "T2": frozenset({"float32"})},
)
def lower(b: Builder, node: Node, x: Value, scale: Value, bias: Value, mean: Value, variance: Value) -> Value:
    """`(x - mean) / sqrt(variance + epsilon) * scale + bias`, each step rounded by itself."""
    if node.get("training_mode", 0):
        b.unsupported("training mode", hint="export the model for inference")
    shape = (x.shape[1] if x.rank > 1 else 1, *([1] * (x.rank - 2)))
    scale, bias, mean, variance = (b.reshape(value, shape) for value in (scale, bias, mean, variance))
    deviation = b.unary("sqrt", b.add(variance, b.scalar(node.get("epsilon", 1e-5), x.dtype)))
    return b.add(b.mul(b.div(b.sub(x, mean), deviation), scale), bias)
