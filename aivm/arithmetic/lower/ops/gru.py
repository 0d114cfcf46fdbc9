"""GRU: a gated recurrent layer, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.recurrent import Cell, recur
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("GRU", types={"T": frozenset({"float32"})})
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
    """The equations of the standard, each sum added from left to right."""
    linear = bool(node.get("linear_before_reset", 0))

    def step(cell: Cell, at: Value, states: list[Value]) -> list[Value]:
        (hidden,) = states
        size = cell.size
        update, reset, new = (b.part(at, 1, gate * size, size) for gate in range(3))
        gates = cell.recur(hidden, 0, 2)
        z = cell.activate(0, cell.biased(b.add(update, b.part(gates, 1, 0, size)), 0))
        r = cell.activate(0, cell.biased(b.add(reset, b.part(gates, 1, size, size)), 1))
        if linear:
            memory = b.mul(r, cell.plus(cell.recur(hidden, 2), cell.recurrent_bias, 2))
            h = cell.activate(1, cell.plus(b.add(new, memory), cell.input_bias, 2))
        else:
            total = b.add(new, cell.recur(b.mul(r, hidden), 2))
            total = cell.plus(cell.plus(total, cell.recurrent_bias, 2), cell.input_bias, 2)
            h = cell.activate(1, total)
        return [b.add(b.mul(b.sub(b.scalar(1, x.dtype), z), h), b.mul(z, hidden))]

    outputs, (last,) = recur(b, node, x, weights, recurrence, bias, lengths, [initial], gates=3, step=step)
    return outputs, last
