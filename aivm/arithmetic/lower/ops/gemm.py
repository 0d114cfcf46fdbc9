"""Gemm: alpha A B + beta C, each product and sum rounded by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Gemm", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value, y: Value, c: Value | None = None) -> Value:
    """So Gemm with factors of 1 is MatMul, then Add."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    if x.rank != 2 or y.rank != 2:
        b.refuse(f"tensors {x} and {y} are not both matrices")
    product = b.matmul(x, y, transpose_a=bool(node.get("transA", 0)), transpose_b=bool(node.get("transB", 0)))
    if alpha != 1.0:
        product = b.mul(product, b.scalar(alpha, x.dtype))
    if c is None or beta == 0.0:
        return product
    if beta != 1.0:
        c = b.mul(c, b.scalar(beta, x.dtype))
    if b.broadcast(product, c) != product.shape:
        b.refuse(f"tensor {c} does not broadcast to {list(product.shape)}")
    return b.add(product, c)
