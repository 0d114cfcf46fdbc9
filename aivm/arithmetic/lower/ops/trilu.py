"""Trilu: the upper or lower triangle of each matrix, zeros elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Trilu")
def lower(b: Builder, node: Node, x: Value, k: Value | None = None) -> Value:
    """A constant mask."""
    if x.rank < 2:
        b.refuse(f"tensor {x} is no matrix")
    diagonal = 0 if k is None else b.known_int(k)
    rows, columns = x.shape[-2:]
    border = np.arange(rows) + min(max(diagonal, -rows - 1), columns + 1)
    compare = np.less_equal if node.get("upper", 1) else np.greater_equal
    mask = compare.outer(border, np.arange(columns))
    return b.where(b.constant(mask), x, b.constant(np.zeros((), dtypes.NUMPY[x.dtype])))
