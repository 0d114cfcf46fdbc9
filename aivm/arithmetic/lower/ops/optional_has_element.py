"""OptionalHasElement: whether an optional has an element."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item, Value


@operator("OptionalHasElement")
def lower(b: Builder, _node: Node, element: Item = None) -> Value:
    """A constant."""
    return b.constant(np.array(element is not None))
