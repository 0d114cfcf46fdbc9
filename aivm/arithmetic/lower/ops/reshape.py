"""Reshape: the same elements in another shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Reshape")
def lower(b: Builder, node: Node, x: Value, shape: Value) -> Value:
    """Another view of the same memory."""
    wanted = b.known_ints(shape)
    if not node.get("allowzero", 0):
        if any(extent == 0 and axis >= x.rank for axis, extent in enumerate(wanted)):
            b.refuse(f"shape {wanted} takes over an extent that tensor {x} has not")
        wanted = [x.shape[axis] if extent == 0 else extent for axis, extent in enumerate(wanted)]
    if wanted.count(-1) > 1:
        b.refuse(f"shape {wanted} leaves more than one extent open")
    if -1 in wanted:
        rest = math.prod(extent for extent in wanted if extent != -1)
        if rest == 0 or x.elements % rest:
            b.refuse(f"tensor {x} cannot have shape {wanted}")
        wanted[wanted.index(-1)] = x.elements // rest
    return b.reshape(x, wanted)
