"""What convolutions and poolings have in common: their geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.emit.windows import Window
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Shape, Value


def convolution(b: Builder, node: Node, x: Value, weights: Value) -> tuple[int, Window, Shape]:
    """Groups, window and output shape of a convolution of `[N, C, …]` with `[M, C / group, …]`.

    Raises:
        MalformedModelError: they do not fit together.
    """
    if x.rank < 3 or weights.rank != x.rank:
        b.refuse(f"weights {weights} do not fit tensor {x}")
    kernel, group = list(weights.shape[2:]), node.get("group", 1)
    if (node.get("kernel_shape") or kernel) != kernel:
        b.refuse(f"kernel_shape is {node.get('kernel_shape')}, and the weights are {weights}")
    if group < 1 or x.shape[1] != weights.shape[1] * group or weights.shape[0] % group:
        b.refuse(f"{group} groups, weights {weights} and tensor {x} do not fit together")
    window = b.window(dict(node.attributes), kernel, x.shape[2:])
    shape = (x.shape[0], weights.shape[0], *window.outputs(x.shape[2:]))
    if min(shape[2:]) < 1:
        b.refuse(f"the window does not fit into tensor {x}")
    return group, window, shape


def pooling(b: Builder, node: Node, x: Value) -> tuple[Window, Shape]:
    """Window and output shape of a pooling of `[N, C, …]`.

    Raises:
        MalformedModelError: they do not fit together.
    """
    kernel = node.get("kernel_shape")
    if x.rank < 3 or not kernel:
        b.refuse(f"a window of shape {kernel} over tensor {x}")
    window = b.window(dict(node.attributes), kernel, x.shape[2:])
    shape = (*x.shape[:2], *window.outputs(x.shape[2:], ceil=bool(node.get("ceil_mode", 0))))
    if min(shape[2:]) < 1:
        b.refuse(f"the window does not fit into tensor {x}")
    return window, shape
