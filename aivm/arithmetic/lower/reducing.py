"""Which axes a reduction is over: an attribute before operator set 18 (13 for ReduceSum), an input since."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


def axes_of(b: Builder, node: Node, x: Value, axes: Value | None) -> list[int]:
    """The axes, ascending; all of them where none is named, unless the node says that none then means none."""
    chosen = node.get("axes") if axes is None else b.known_ints(axes)
    if not chosen:
        return [] if node.get("noop_with_empty_axes", 0) else list(range(x.rank))
    return b.axes(chosen, x.rank)
