"""Channels last between convolutions: a tensor `[N, C, …]` is kept as `[N, …, C]` for as long as nothing minds.

Convolutions and pools are fastest that way, and elementwise operations do not care. Where a step needs the standard's
order, one copy gives it back. Only places in memory change; every element is computed as before.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.emit.elementwise import ARITHMETIC, COMPARISONS, UNARY
from aivm.arithmetic.lower.emit.emitter import Step
from aivm.arithmetic.lower.values import Storage, Value, constant

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from aivm.arithmetic.lower.values import Shape
    from aivm.tensors import Array

_CONVOLUTIONS = ("conv", "conv_transpose")
_POOLS = ("max_pool", "average_pool")
_ELEMENTWISE = {*UNARY, *ARITHMETIC, *COMPARISONS, "where", "clip", "pow", "is_nan", "is_inf", "cast"}
_REDUCTIONS = ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod")
_ALONG_AXIS = ("gather", "interpolate")


def channels_last(
    steps: Sequence[Step], needed: Container[Storage], find: Callable[[Storage], Array | None]
) -> list[Step]:
    """The steps with channels last wherever that saves time."""
    if not any(step.op in _CONVOLUTIONS for step in steps):
        return list(steps)
    return _Rewriter(steps, needed, find).rewrite()


class _Rewriter:
    def __init__(
        self, steps: Sequence[Step], needed: Container[Storage], find: Callable[[Storage], Array | None]
    ) -> None:
        self._steps = steps
        self._needed = needed
        self._find = find
        self._result: list[Step] = []
        #: Tensors that there are with channels last.
        self._last: dict[Storage, Value] = {}
        #: Those of them that there are in the standard's order too.
        self._first: set[Storage] = set()
        self._welcome = self._takers()

    def rewrite(self) -> list[Step]:
        for step in self._steps:
            self._result.append(self._rewritten(step))
        for storage in self._last:
            if storage in self._needed:
                self._give_back(storage)
        return self._result

    def _takers(self) -> set[Storage]:
        """Storages that a step reads which can take them with channels last."""
        takers = set()
        for step in self._steps:
            if step.op in _CONVOLUTIONS or step.op in _POOLS or step.op in _ELEMENTWISE or step.op in _REDUCTIONS:
                takers |= {value.storage for value in step.inputs if value is not None and value.rank >= 3}
            elif step.op in _ALONG_AXIS and step.inputs[0] is not None:
                takers.add(step.inputs[0].storage)
            elif _concatenated(step):
                takers |= {value.storage for value in step.inputs if value is not None}
        return takers

    def _rewritten(self, step: Step) -> Step:
        changed = None
        if step.op in _CONVOLUTIONS:
            changed = self._convolution(step)
        elif step.op in _POOLS:
            changed = self._pool(step)
        elif step.op in _ELEMENTWISE:
            changed = self._elementwise(step)
        elif step.op in _REDUCTIONS:
            changed = self._reduction(step)
        elif step.op in _ALONG_AXIS:
            changed = self._along_axis(step)
        elif _concatenated(step):
            changed = self._concatenation(step)
        return changed or self._as_it_was(step)

    def _as_it_was(self, step: Step) -> Step:
        for value in step.inputs:
            if value is not None and value.storage in self._last:
                self._give_back(value.storage)
        return step

    def _give_back(self, storage: Storage) -> None:
        """One copy to the standard's order, unless there was one."""
        if storage in self._first:
            return
        self._first.add(storage)
        value = self._last[storage]
        shape = _first_shape(value.shape)
        strides = _strides(value.shape)
        moved = (strides[0], strides[-1], *strides[1:-1])
        ints = [1, len(shape), *shape, 0, *moved, 0, *_strides(shape)]
        out = Value(dtype=value.dtype, shape=shape, storage=storage)
        self._result.append(
            Step(op="copy", name=storage.name, inputs=(value,), outputs=(out,), ints=tuple(ints), axis=None)
        )

    def _new(self, value: Value) -> Value:
        """The tensor with channels last, to be written."""
        shape = _last_shape(value.shape)
        if value.shape[1] == 1 or math.prod(value.shape[2:]) == 1:  # both orders are one
            storage = value.storage
            self._first.add(storage)
        else:
            storage = Storage(name=value.name, dtype=value.dtype, elements=value.elements)
        made = Value(dtype=value.dtype, shape=shape, storage=storage)
        self._last[value.storage] = made
        return made

    def _seen(self, value: Value) -> Value | None:
        """The tensor with channels last, if there is one that is seen in the shape that it was made in."""
        last = self._last.get(value.storage)
        return last if last is not None and last.shape == _last_shape(value.shape) else None

    def _moved(self, value: Value) -> Value:
        """The tensor with channels last, by a copy if there is none."""
        seen = self._seen(value)
        if seen is not None:
            return seen
        shape = _last_shape(value.shape)
        array = self._find(value.storage)
        if array is not None:
            return constant(np.ascontiguousarray(np.moveaxis(value.seen(array), 1, -1)), value.name)
        strides = _strides(value.shape)
        moved = (strides[0], *strides[2:], strides[1])
        storage = Storage(name=value.name, dtype=value.dtype, elements=value.elements)
        out = Value(dtype=value.dtype, shape=shape, storage=storage)
        ints = (1, len(shape), *shape, 0, *moved, 0, *_strides(shape))
        if value.storage in self._last:
            self._give_back(value.storage)
        self._result.append(Step(op="copy", name=value.name, inputs=(value,), outputs=(out,), ints=ints))
        return out

    def _convolution(self, step: Step) -> Step | None:
        x, weights, bias, residual = [*step.inputs, None, None][:4]
        out = step.outputs[0]
        assert x is not None
        assert out is not None
        if x.rank > 5:
            return None
        seen = self._seen(x)
        welcome = out.storage in self._welcome
        if seen is None and not welcome:
            return None
        if seen is None and x.storage in self._last:
            self._give_back(x.storage)
        for value in (weights, bias):
            if value is not None and value.storage in self._last:
                self._give_back(value.storage)
        if residual is not None:
            if welcome:
                residual = self._moved(residual)
            elif residual.storage in self._last:
                self._give_back(residual.storage)
        behind = 2 + 5 * step.ints[1]
        activation = step.ints[behind] if len(step.ints) > behind else 0
        return replace(
            step,
            inputs=(seen or x, weights, bias, residual),
            outputs=(self._new(out) if welcome else out,),
            ints=(*step.ints[:behind], activation, seen is not None, welcome),
        )

    def _pool(self, step: Step) -> Step | None:
        x, out = step.inputs[0], step.outputs[0]
        assert x is not None
        assert out is not None
        seen = self._seen(x)
        if seen is None or any(value is not None for value in step.outputs[1:]) or x.rank > 5:
            return None
        return replace(step, inputs=(seen,), outputs=(self._new(out), *step.outputs[1:]), ints=(*step.ints, 1, 1))

    def _elementwise(self, step: Step) -> Step | None:
        out = step.outputs[0]
        assert out is not None
        values = [value for value in step.inputs if value is not None]
        if out.rank < 3 or not any(self._seen(value) is not None and value.shape == out.shape for value in values):
            return None
        views = [_broadcast_view(value, out.shape) for value in values]
        if any(view is None and value.shape != out.shape for view, value in zip(views, values, strict=True)):
            return None
        inputs = []
        for value, view in zip(values, views, strict=True):
            if view is None:
                inputs.append(self._moved(value))
                continue
            if value.storage in self._last:
                self._give_back(value.storage)
            inputs.append(view)
        return replace(step, inputs=tuple(inputs), outputs=(self._new(out),))

    def _reduction(self, step: Step) -> Step | None:
        x, out = step.inputs[0], step.outputs[0]
        assert x is not None
        assert out is not None
        seen = self._seen(x)
        # All spatial axes and no other: the result is the same in both orders.
        if seen is None or list(step.ints) != list(range(2, x.rank)):
            return None
        flat = Value(dtype=out.dtype, shape=x.shape[:2], storage=out.storage)
        return replace(step, inputs=(seen,), outputs=(flat,), ints=tuple(range(1, x.rank - 1)))

    def _along_axis(self, step: Step) -> Step | None:
        x, out = step.inputs[0], step.outputs[0]
        assert x is not None
        assert out is not None
        seen, axis = self._seen(x), step.ints[0]
        if seen is None or axis < 2 or out.rank != x.rank:
            return None
        for value in step.inputs[1:]:
            if value is not None and value.storage in self._last:
                self._give_back(value.storage)
        return replace(
            step, inputs=(seen, *step.inputs[1:]), outputs=(self._new(out),), ints=(axis - 1, *step.ints[1:])
        )

    def _concatenation(self, step: Step) -> Step | None:
        out = step.outputs[0]
        assert out is not None
        assert step.axis is not None
        values = [value for value in step.inputs if value is not None]
        if not any(self._seen(value) is not None for value in values) or step.axis == 0:
            return None
        shape = _last_shape(out.shape)
        axis = len(shape) - 1 if step.axis == 1 else step.axis - 1
        strides = _strides(shape)
        parts = [self._moved(value) for value in values]
        ints, offset = [len(parts), len(shape)], 0
        for part in parts:
            ints += [*part.shape, 0, *_strides(part.shape), offset * strides[axis], *strides]
            offset += part.shape[axis]
        return replace(step, inputs=tuple(parts), outputs=(self._new(out),), ints=tuple(ints))


def _concatenated(step: Step) -> bool:
    """Whether a copy is of whole tensors one behind the other."""
    out = step.outputs[0]
    return step.axis is not None and out is not None and out.rank >= 3


def _broadcast_view(value: Value, shape: Shape) -> Value | None:
    """A tensor that is repeated, as it stands beside one with channels last; None if its elements have to move."""
    wide = (1,) * (len(shape) - value.rank) + value.shape
    if math.prod(wide[2:]) == 1 or wide[1] == 1:
        return Value(dtype=value.dtype, shape=_last_shape(wide), storage=value.storage)
    return None


def _last_shape(shape: Shape) -> Shape:
    return (shape[0], *shape[2:], shape[1])


def _first_shape(shape: Shape) -> Shape:
    return (shape[0], shape[-1], *shape[1:-1])


def _strides(shape: Shape) -> Shape:
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))
