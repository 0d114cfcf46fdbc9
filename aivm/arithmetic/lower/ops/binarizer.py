"""Binarizer (ai.onnx.ml): 1 above a threshold, else 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Binarizer", domain="ai.onnx.ml", types={"T": dtypes.NUMBERS})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """A comparison."""
    threshold = b.constant(np.array(node.get("threshold", 0.0), dtypes.NUMPY[x.dtype]))
    return b.where(b.compare("greater", x, threshold), b.scalar(1, x.dtype), b.scalar(0, x.dtype))
