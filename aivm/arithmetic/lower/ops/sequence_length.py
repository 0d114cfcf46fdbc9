"""SequenceLength: how many tensors a sequence has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item, Value


@operator("SequenceLength")
def lower(b: Builder, _node: Node, sequence: list[Item]) -> Value:
    """A constant."""
    return b.constant(np.array(len(sequence), np.int64))
