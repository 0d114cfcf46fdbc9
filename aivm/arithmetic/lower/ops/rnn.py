"""RNN: a simple recurrent layer, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.recurrent import Cell, recur
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("RNN", types={"T": frozenset({"float32"})})
def lower(
    b: Builder,
    node: Node,
    x: Value,
    weights: Value,
    recurrence: Value,
    bias: Value | None = None,
    lengths: Value | None = None,
    initial: Value | None = None,
) -> tuple[Value, Value]:
    """`H = f(X W + H R + Wb + Rb)`, added from left to right."""

    def step(cell: Cell, at: Value, states: list[Value]) -> list[Value]:
        (hidden,) = states
        total = b.add(at, cell.recur(hidden, 0))
        return [cell.activate(0, cell.biased(total, 0))]

    outputs, (last,) = recur(b, node, x, weights, recurrence, bias, lengths, [initial], gates=1, step=step)
    return outputs, last
