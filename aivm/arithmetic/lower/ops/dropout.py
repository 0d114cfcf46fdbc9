"""Dropout, as inference has it: nothing is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Dropout")
def lower(
    b: Builder, _node: Node, x: Value, _ratio: Value | None = None, training: Value | None = None
) -> tuple[Value, Value]:
    """The input, and a mask of ones."""
    if training is not None and bool(b.known_item(training)):
        b.unsupported("training mode, which is random", hint="export the model for inference")
    return x, b.expand(b.scalar(1, "bool"), x.shape)
