"""What recurrent layers have in common: directions, steps, lengths, and where states begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic.lower.activations import DEFAULTS, activate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value

    Step = Callable[["Cell", Value, list[Value]], list[Value]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One direction of a layer.

    Attributes:
        b: the builder.
        size: of the hidden state.
        direction: which rows of the layer's tables are this direction's.
        recurrence: `[gates * size, size]`.
        input_bias: `[gates * size]`, or None.
        recurrent_bias: `[gates * size]`, or None.
        functions: names of activations with their two parameters.
        clip: the bound of what activations are given, or None.
    """

    b: Builder
    size: int
    direction: int
    recurrence: Value
    input_bias: Value | None
    recurrent_bias: Value | None
    functions: Sequence[tuple[str, float, float]]
    clip: float | None

    def recur(self, hidden: Value, first: int, count: int = 1) -> Value:
        """The hidden state times the recurrent weights of some gates, `[batch, count * size]`."""
        rows = self.b.part(self.recurrence, 0, first * self.size, count * self.size)
        return self.b.matmul(hidden, rows, transpose_b=True)

    def plus(self, total: Value, bias: Value | None, gate: int) -> Value:
        """A sum and one bias of a gate."""
        return total if bias is None else self.b.add(total, self.b.part(bias, 0, gate * self.size, self.size))

    def biased(self, total: Value, gate: int) -> Value:
        """A sum and both biases of a gate, the input's first."""
        return self.plus(self.plus(total, self.input_bias, gate), self.recurrent_bias, gate)

    def vector(self, table: Value, index: int) -> Value:
        """One vector of this direction's row of `[directions, count * size]`."""
        if table.rank != 2 or table.shape[0] <= self.direction or table.shape[1] < (index + 1) * self.size:
            self.b.refuse(f"tensor {table} does not fit a hidden state of {self.size}")
        row = self.b.index(table, 0, self.direction)
        return self.b.part(row, 0, index * self.size, self.size)

    def activate(self, function: int, x: Value, *, clip: bool = True) -> Value:
        """One of the layer's activations."""
        if clip and self.clip is not None:
            low, high = self.b.scalar(-self.clip, x.dtype), self.b.scalar(self.clip, x.dtype)
            x = self.b.clip(x, low, high)
        return activate(self.b, x, *self.functions[function])


def recur(
    b: Builder,
    node: Node,
    x: Value,
    weights: Value,
    recurrence: Value,
    bias: Value | None,
    lengths: Value | None,
    initial: Sequence[Value | None],
    *,
    gates: int,
    step: Step,
) -> tuple[Value, list[Value]]:
    """Runs the steps of a layer in all its directions.

    Returns:
        The hidden states `[time, directions, batch, size]`, and the last states `[directions, batch, size]`.
    """
    names = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
    backwards = names.get(node.get("direction", "forward"))
    if backwards is None or x.rank != 3 or weights.rank != 3 or recurrence.rank != 3:
        b.refuse(f"direction {node.get('direction')!r}, tensors {x}, {weights} and {recurrence}")
    by_batch = bool(node.get("layout", 0))
    x = b.transpose(x, [1, 0, 2]) if by_batch else x
    count, size = len(backwards), recurrence.shape[2]
    time, batch, width = x.shape
    if weights.shape != (count, gates * size, width) or recurrence.shape[:2] != (count, gates * size):
        b.refuse(f"weights {weights} and {recurrence} do not fit tensor {x}")
    if node.get("hidden_size", size) != size or (bias is not None and bias.shape != (count, 2 * gates * size)):
        b.refuse(f"hidden_size {node.get('hidden_size')} or biases {bias} do not fit weights {weights}")
    if lengths is not None and lengths.shape != (batch,):
        b.refuse(f"sequence_lens {lengths} should have shape {[batch]}")
    known = None if lengths is None else b.find(lengths)
    if known is not None and (known >= time).all():
        lengths = None
    functions = _functions(b, node, count)
    directions, lasts = [], []
    for direction, backward in enumerate(backwards):
        table = None if bias is None else b.index(bias, 0, direction)
        cell = Cell(
            b=b,
            size=size,
            direction=direction,
            recurrence=b.index(recurrence, 0, direction),
            input_bias=None if table is None else b.part(table, 0, 0, gates * size),
            recurrent_bias=None if table is None else b.part(table, 0, gates * size, gates * size),
            functions=functions[direction * len(functions) // count : (direction + 1) * len(functions) // count],
            clip=node.get("clip"),
        )
        states = [_initial(b, item, direction, batch, size, by_batch=by_batch) for item in initial]
        # The input's part of all steps at once.
        inputs = b.matmul(b.reshape(x, (time * batch, width)), b.index(weights, 0, direction), transpose_b=True)
        inputs = b.reshape(inputs, (time, batch, gates * size))
        outputs, states = _steps(b, cell, inputs, states, lengths, step, backward=backward)
        directions.append(outputs)
        lasts.append(states)
    whole = b.concat([b.reshape(item, (time, 1, batch, size)) for item in directions], 1)
    final = [b.concat([b.reshape(states[i], (1, batch, size)) for states in lasts], 0) for i in range(len(initial))]
    if by_batch:
        return b.transpose(whole, [2, 0, 1, 3]), [b.transpose(item, [1, 0, 2]) for item in final]
    return whole, final


def _steps(
    b: Builder, cell: Cell, inputs: Value, states: list[Value], lengths: Value | None, step: Step, *, backward: bool
) -> tuple[Value, list[Value]]:
    time, batch = inputs.shape[:2]
    outputs: list[Value] = []
    zero = b.scalar(0, inputs.dtype)
    for t in reversed(range(time)) if backward else range(time):
        after = step(cell, b.index(inputs, 0, t), states)
        shown = after[0]
        if lengths is not None:
            # Beyond its end a sequence keeps its states, and shows zeros.
            now = b.constant(np.array(t, dtype=np.int32))
            within = b.reshape(b.compare("less", now, b.cast(lengths, "int32")), (batch, 1))
            shown = b.where(within, shown, zero)
            after = [b.where(within, new, old) for new, old in zip(after, states, strict=True)]
        states = after
        outputs.append(b.reshape(shown, (1, *shown.shape)))
    if not outputs:
        b.refuse("a sequence without steps")
    return b.concat(list(reversed(outputs)) if backward else outputs, 0), states


def _initial(b: Builder, state: Value | None, direction: int, batch: int, size: int, *, by_batch: bool) -> Value:
    if state is None:
        return b.constant(np.zeros((batch, size), np.float32))
    if by_batch and state.rank == 3:
        state = b.transpose(state, [1, 0, 2])
    if state.rank != 3 or state.shape[0] <= direction or state.shape[1:] != (batch, size):
        b.refuse(f"initial state {state} should have shape {[direction + 1, batch, size]}")
    return b.index(state, 0, direction)


def _functions(b: Builder, node: Node, directions: int) -> list[tuple[str, float, float]]:
    """The activations of all directions, each with its parameters, which are given to those that take some."""
    default = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[node.op_type]
    names: list[str] = node.get("activations") or default * directions
    if len(names) != len(default) * directions:
        b.refuse(f"{len(names)} activations for {directions} directions")
    alphas: list[Any] = list(node.get("activation_alpha") or [])
    betas: list[Any] = list(node.get("activation_beta") or [])
    result = []
    for name in names:
        if name.lower() not in DEFAULTS:
            b.unsupported(f"the activation {name!r}")
        alpha, beta = DEFAULTS[name.lower()]
        if alpha is not None and alphas:
            alpha = alphas.pop(0)
        if beta is not None and betas:
            beta = betas.pop(0)
        result.append((name.lower(), alpha or 0.0, beta or 0.0))
    return result
