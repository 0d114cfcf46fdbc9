"""RNN, GRU and LSTM (§12)."""

from __future__ import annotations

import numpy as np

from reference.functions import apply
from reference.numbers import maximum, minimum, scalar, times
from reference.table import operator

DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
PARAMETERS = {
    "affine": (1.0, 0.0), "leakyrelu": (0.01,), "thresholdedrelu": (1.0,), "scaledtanh": (1.0, 1.0),
    "hardsigmoid": (0.2, 0.5), "elu": (1.0,),
}  # fmt: skip


def activation(name, a, b):
    """A function by name, its parameters in binary32."""
    a, b, zero, one = (np.float32(item) for item in (a, b, 0, 1))
    return {
        "relu": lambda x: np.where(x <= 0, zero, x),
        "tanh": lambda x: apply("tanh", x),
        "sigmoid": lambda x: apply("sigmoid", x),
        "affine": lambda x: a * x + b,
        "leakyrelu": lambda x: np.where(x < 0, a * x, x),
        "thresholdedrelu": lambda x: np.where(x > a, x, zero),
        "scaledtanh": lambda x: a * apply("tanh", b * x),
        "hardsigmoid": lambda x: maximum(zero, minimum(one, a * x + b)),
        "elu": lambda x: np.where(x < 0, a * (apply("exp", x) - one), x),
        "softsign": lambda x: x / (one + np.abs(x)),
        "softplus": lambda x: apply("log", apply("exp", x) + one),
    }[name]


def functions_of(node, directions):
    """The activations of each direction; parameters go to those that take some, in turn."""
    names = node.get("activations") or DEFAULTS[node.proto.op_type] * directions
    alphas, betas = list(node.get("activation_alpha") or []), list(node.get("activation_beta") or [])
    result = []
    for name in map(str.lower, names):
        a, b, *_ = [*PARAMETERS.get(name, ()), None, None]
        a = alphas.pop(0) if a is not None and alphas else a
        b = betas.pop(0) if b is not None and betas else b
        result.append(activation(name, a or 0.0, b or 0.0))
    count = len(result) // directions
    return [result[i * count : (i + 1) * count] for i in range(directions)]


@operator("RNN", "GRU", "LSTM")
def _recurrent(node, x, w, r, bias=None, lengths=None, hidden=None, memory=None, peepholes=None):
    if node.get("layout", 0):
        x = np.swapaxes(x, 0, 1)
        hidden, memory = (None if item is None else np.swapaxes(item, 0, 1) for item in (hidden, memory))
    backward = {"forward": [0], "reverse": [1], "bidirectional": [0, 1]}[node.get("direction", "forward")]
    (time, batch, _), size, op = x.shape, r.shape[2], node.proto.op_type
    count = 2 if op == "LSTM" else 1
    whole = np.zeros((time, len(backward), batch, size), np.float32)
    lasts = np.zeros((count, len(backward), batch, size), np.float32)
    for d, (flip, functions) in enumerate(zip(backward, functions_of(node, len(backward)), strict=True)):
        cell = Cell(
            node, w[d], r[d], None if bias is None else bias[d], functions, None if peepholes is None else peepholes[d]
        )
        states = [np.zeros((batch, size), np.float32) if item is None else item[d] for item in (hidden, memory)[:count]]
        for t in range(time)[:: -1 if flip else 1]:
            after = getattr(cell, op.lower())(x[t], states)
            within = np.ones((batch, 1), np.bool_) if lengths is None else (t < lengths).reshape(batch, 1)
            whole[t, d] = np.where(within, after[0], np.float32(0))
            states = [np.where(within, new, old) for new, old in zip(after, states, strict=True)]
        lasts[:, d] = states
    if node.get("layout", 0):
        return np.transpose(whole, (2, 0, 1, 3)), *(np.swapaxes(item, 0, 1) for item in lasts)
    return whole, *lasts


class Cell:
    """One direction; sums are added from left to right."""

    def __init__(self, node, w, r, bias, functions, peepholes):
        self.node, self.w, self.r, self.bias, self.functions, self.peepholes = node, w, r, bias, functions, peepholes
        self.size = r.shape[1]
        self.gates = r.shape[0] // self.size

    def part(self, table, gate):
        return table[gate * self.size : (gate + 1) * self.size]

    def sums(self, x, h, gate, seen=None, peephole=0):
        """`X W + H R`, the peephole's term, the input's bias, the recurrent bias."""
        total = times(x, self.part(self.w, gate).T) + times(h, self.part(self.r, gate).T)
        if seen is not None and self.peepholes is not None:
            total = total + self.part(self.peepholes, peephole) * seen
        return (
            total if self.bias is None else total + self.part(self.bias, gate) + self.part(self.bias, self.gates + gate)
        )

    def call(self, function, total):
        """An activation of what was clipped before."""
        clip = self.node.get("clip")
        if clip is not None:
            low, high = scalar(-clip, total), scalar(clip, total)
            total = np.where(total < low, low, total)
            total = np.where(total > high, high, total)
        return self.functions[function](total)

    def rnn(self, x, states):
        return [self.call(0, self.sums(x, states[0], 0))]

    def gru(self, x, states):
        (h,) = states
        z, r = self.call(0, self.sums(x, h, 0)), self.call(0, self.sums(x, h, 1))
        inner, outer = (0, 0) if self.bias is None else (self.part(self.bias, 2), self.part(self.bias, 5))
        new, weights = times(x, self.part(self.w, 2).T), self.part(self.r, 2).T
        plain = self.bias is None
        if self.node.get("linear_before_reset", 0):
            back = times(h, weights)
            total = new + r * (back if plain else back + outer)
            total = total if plain else total + inner
        else:
            total = new + times(r * h, weights)
            total = total if plain else total + outer + inner
        return [(np.float32(1) - z) * self.call(1, total) + z * h]

    def lstm(self, x, states):
        h, c = states
        i = self.call(0, self.sums(x, h, 0, c, 0))
        f = np.float32(1) - i if self.node.get("input_forget", 0) else self.call(0, self.sums(x, h, 2, c, 2))
        now = f * c + i * self.call(1, self.sums(x, h, 3))
        o = self.call(0, self.sums(x, h, 1, now, 1))
        return [o * self.functions[2](now), now]
