"""ConvTranspose: the transpose of a convolution."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ConvTranspose", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value, weights: Value, bias: Value | None = None) -> Value:
    """One primitive; what is cut off or added at the ends follows from the output's shape."""
    n = x.rank - 2
    if n < 1 or weights.rank != x.rank or weights.shape[0] != x.shape[1]:
        b.refuse(f"weights {weights} do not fit tensor {x}")
    kernel, group = list(weights.shape[2:]), node.get("group", 1)
    if (node.get("kernel_shape") or kernel) != kernel or group < 1 or x.shape[1] % group:
        b.refuse(f"kernel_shape or group do not fit weights {weights}")
    plain = {name: value for name, value in node.attributes.items() if name != "auto_pad"}
    window = b.window(plain, kernel, x.shape[2:])
    extra = node.get("output_padding") or [0] * n
    wanted, auto = node.get("output_shape"), node.get("auto_pad", "NOTSET")
    if len(extra) != n or (wanted and len(wanted) != n):
        b.refuse("output_padding and output_shape need a number for each spatial axis")
    full = [
        (x.shape[axis + 2] - 1) * window.strides[axis] + (kernel[axis] - 1) * window.dilations[axis] + 1 + extra[axis]
        for axis in range(n)
    ]
    if not wanted and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [x.shape[axis + 2] * window.strides[axis] for axis in range(n)]
    if wanted:
        before, after = [], []
        for axis in range(n):
            total = full[axis] - wanted[axis]
            small, large = total // 2, total - total // 2
            first = small if auto == "SAME_UPPER" else large
            before.append(first)
            after.append(total - first)
        window = dataclasses.replace(window, before=tuple(before), after=tuple(after))
    shape = tuple(full[axis] - window.before[axis] - window.after[axis] for axis in range(n))
    whole = (x.shape[0], weights.shape[1] * group, *shape)
    if min(whole) < 0:
        b.refuse(f"tensor {x} would give a tensor of shape {list(whole)}")
    return b.conv_transpose(x, weights, bias, window, group, whole)
