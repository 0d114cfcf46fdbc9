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
    diagonal = 0 if k is None else b.known_ints(k)[0]
    rows, columns = x.shape[-2:]
    distance = np.arange(columns)[None, :] - np.arange(rows)[:, None]
    mask = distance >= diagonal if node.get("upper", 1) else distance <= diagonal
    return b.where(b.constant(mask), x, b.constant(np.zeros((), dtypes.NUMPY[x.dtype])))
