"""LSTM: a recurrent layer with a memory, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.recurrent import Cell, recur
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("LSTM", types={"T": frozenset({"float32"})})
def lower(
    b: Builder,
    node: Node,
    x: Value,
    weights: Value,
    recurrence: Value,
    bias: Value | None = None,
    lengths: Value | None = None,
    initial: Value | None = None,
    initial_cell: Value | None = None,
    peepholes: Value | None = None,
) -> tuple[Value, Value, Value]:
    """The equations of the standard, each sum added from left to right."""

    def step(cell: Cell, at: Value, states: list[Value]) -> list[Value]:
        hidden, memory = states
        total = b.add(at, cell.recur(hidden, 0, 4))

        def gate(index: int, function: int, seen: Value | None, peephole: int) -> Value:
            part = b.part(total, 1, index * cell.size, cell.size)
            if seen is not None and peepholes is not None:
                part = b.add(part, b.mul(cell.vector(peepholes, peephole), seen))
            return cell.activate(function, cell.biased(part, index))

        i = gate(0, 0, memory, 0)
        # With `input_forget` the two gates are one.
        f = b.sub(b.scalar(1, x.dtype), i) if node.get("input_forget", 0) else gate(2, 0, memory, 2)
        c = gate(3, 1, None, 0)
        now = b.add(b.mul(f, memory), b.mul(i, c))
        o = gate(1, 0, now, 1)
        return [b.mul(o, cell.activate(2, now, clip=False)), now]

    states = [initial, initial_cell]
    outputs, (last, memory) = recur(b, node, x, weights, recurrence, bias, lengths, states, gates=4, step=step)
    return outputs, last, memory
