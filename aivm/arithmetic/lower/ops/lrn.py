"""LRN: each element by a power of the squares of its neighbours among the channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("LRN", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """`x / (bias + alpha / size * sum) ** beta`; the sum runs over ascending channels."""
    size = node.get("size", 1)
    if x.rank < 2 or size < 1:
        b.refuse(f"tensor {x} should have channels, as its second axis, and size, which is {size}, be positive")
    before = (size - 1) // 2
    after = size - 1 - before
    wide = [0, before, *([0] * (x.rank - 2))], [0, after, *([0] * (x.rank - 2))]
    squares = b.pad(b.mul(x, x), *wide, b.scalar(0, x.dtype))
    total = b.part(squares, 1, 0, x.shape[1])
    for offset in range(1, size):
        total = b.add(total, b.part(squares, 1, offset, x.shape[1]))
    factor = b.div(b.scalar(node.get("alpha", 1e-4), x.dtype), b.scalar(size, x.dtype))
    base = b.add(b.scalar(node.get("bias", 1.0), x.dtype), b.mul(factor, total))
    return b.div(x, b.pow(base, b.scalar(node.get("beta", 0.75), x.dtype)))
