"""What quantising operators have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


def axis_of(b: Builder, node: Node, x: Value, scale: Value) -> int:
    """The axis that scales belong to; 0 where one scale is for all."""
    if scale.elements == 1 and scale.rank < 2 and not node.get("block_size", 0):
        return 0
    axis = b.axis(node.get("axis", 1), x.rank)
    if not node.get("block_size", 0) and scale.shape != (x.shape[axis],):
        b.refuse(f"scales {scale} do not fit axis {axis} of tensor {x}")
    return axis


def block_of(b: Builder, node: Node) -> int:
    """How many elements share a scale, 0 where there are no blocks."""
    block = int(node.get("block_size", 0))
    if block < 0:
        b.refuse(f"block_size is {block}")
    return block


def requantise(b: Builder, total: Value, left: Value, right: Value, scale: Value, zero: Value) -> Value:
    """An int32 sum of products as a small integer again: `saturate(round(total * (left * right / scale)) + zero)`.

    The scales are broadcast to the sums.
    """
    factor = b.div(b.mul(left, right), scale)
    if zero.elements != 1:
        b.unsupported(f"zero point {zero} of the result")
    zero = b.reshape(zero, ())
    wide = (1,) * (total.rank - factor.rank) + factor.shape
    axes = [axis for axis, extent in enumerate(wide) if extent != 1]
    if len(axes) > 1 or zero.dtype not in ("int8", "uint8"):
        real = b.mul(b.cast(total, "float32"), factor)
        return b.quantize(real, b.scalar(1, "float32"), zero, zero.dtype, 0, 0)
    axis, count = (axes[0], factor.elements) if axes else (0, 1)
    if count not in (1, total.shape[axis]):
        b.refuse(f"scales {factor} do not fit tensor {total}")
    return b.requantize(total, b.reshape(factor, (count,)), b.expand(b.reshape(zero, (1,)), (count,)), zero.dtype, axis)
