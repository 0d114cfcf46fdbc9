"""Biases, residuals and activations as part of the sum of products that they follow."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from aivm.arithmetic.lower.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from aivm.arithmetic.lower.emit.emitter import Step
    from aivm.arithmetic.lower.values import Storage
    from aivm.tensors import Array

_NONE, _RELU, _CLIP = range(3)
_FUSABLE = ("matmul", "conv", "conv_transpose")


def fuse(steps: Sequence[Step], needed: Container[Storage], find: Callable[[Storage], Array | None]) -> list[Step]:
    """Takes steps that alone read a sum of products into it: + bias, + residual, activation, each rounded as before."""
    reads = Counter(value.storage for step in steps for value in step.inputs if value is not None)
    sums: dict[Storage, int] = {}  # by what it writes: where a sum of products stands in the result
    result: list[Step | None] = []
    for step in steps:
        fused = None
        for place, value in enumerate(step.inputs):
            if value is None or value.storage not in sums or reads[value.storage] != 1 or value.storage in needed:
                continue
            position = sums[value.storage]
            before = result[position]
            assert before is not None
            fused = _joined(before, step, place, find)
            if fused is not None:
                result[position] = None
                del sums[value.storage]
                break
        current = fused or step
        if current.op in _FUSABLE and current.outputs[0] is not None:
            sums[current.outputs[0].storage] = len(result)
        result.append(current)
    return [step for step in result if step is not None]


def _joined(before: Step, step: Step, place: int, find: Callable[[Storage], Array | None]) -> Step | None:
    """The sum of products with the step after it, or None if they do not fit."""
    made, out = before.outputs[0], step.outputs[0]
    operand = step.inputs[place]
    assert made is not None
    assert operand is not None
    if out is None or operand.shape != made.shape or out.shape != made.shape or _activation(before) != _NONE:
        return None
    if step.op == "relu":
        return replace(_activated(before, _RELU, ()), outputs=(out,))
    if step.op == "clip":
        bounds = _bounds(step, place, find)
        return None if bounds is None else replace(_activated(before, _CLIP, bounds), outputs=(out,))
    if step.op != "add":
        return None
    other = step.inputs[1 - place]
    assert other is not None
    inputs = [*before.inputs, None, None][:4]
    if inputs[3] is None and inputs[2] is None and (bias := _bias(before, made, other)) is not None:
        inputs[2] = bias
    elif inputs[3] is None and other.shape == made.shape:
        inputs[3] = other
    else:
        return None
    return replace(before, inputs=tuple(inputs), outputs=(out,))


def _bias(before: Step, made: Value, other: Value) -> Value | None:
    """An operand that is one number for each column, or channel, as a vector."""
    axis = made.rank - 1 if before.op == "matmul" else 1
    if other.rank > made.rank:
        return None
    shape = (1,) * (made.rank - other.rank) + other.shape
    if shape[axis] != made.shape[axis] or other.elements != made.shape[axis]:
        return None
    return Value(dtype=other.dtype, shape=(other.elements,), storage=other.storage)


def _bounds(step: Step, place: int, find: Callable[[Storage], Array | None]) -> tuple[float, float] | None:
    """The bounds of a clip, if they are constants."""
    bounds = []
    for value, limit in zip((*step.inputs, None, None)[1:3], (-math.inf, math.inf), strict=True):
        array = None if value is None else find(value.storage)
        if place != 0 or (value is not None and array is None):
            return None
        bounds.append(limit if array is None else float(array[0]))
    return bounds[0], bounds[1]


def _activation_place(step: Step) -> int:
    """Where in `ints` the activation stands."""
    if step.op == "matmul":
        return 2
    return 2 + 5 * step.ints[1]  # behind the group and the window


def _activation(step: Step) -> int:
    place = _activation_place(step)
    return step.ints[place] if place < len(step.ints) else _NONE


def _activated(step: Step, activation: int, reals: tuple[float, ...]) -> Step:
    place = _activation_place(step)
    return replace(step, ints=(*step.ints[:place], activation, *step.ints[place + 1 :]), reals=reals)
