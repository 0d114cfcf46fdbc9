"""LayerNormalization: the fused form of its function body."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("LayerNormalization", types={"T": frozenset({"float32"}), "U": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value, scale: Value, bias: Value | None = None) -> tuple[Value | None, ...]:
    """One primitive."""
    axis = b.axis(node.get("axis", -1), x.rank)
    rest = x.shape[axis:]
    for value in (scale, bias):
        if value is not None and value.elements != math.prod(rest):
            b.refuse(f"tensor {value} should have shape {list(rest)}")
    wanted = [index < len(node.outputs) and bool(node.outputs[index]) for index in range(3)]
    scale = b.reshape(scale, rest)
    bias = None if bias is None else b.reshape(bias, rest)
    return b.layer_norm(x, scale, bias, axis, node.get("epsilon", 1e-5), wanted)
