"""Many elements to one, or to a running result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.emit.emitter import Emitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.values import Shape, Value

#: What each reduction takes; the result has the same dtype.
REDUCTIONS: dict[str, frozenset[str]] = {
    "reduce_sum": dtypes.NUMBERS,
    "reduce_mean": dtypes.NUMBERS,
    "reduce_prod": dtypes.NUMBERS,
    "reduce_max": dtypes.NUMBERS | {"bool"},
    "reduce_min": dtypes.NUMBERS | {"bool"},
}


class Reductions(Emitter):
    """Steps that combine elements along axes."""

    def reduce(self, op: str, x: Value, axes: Sequence[int], *, keepdims: bool = True) -> Value:
        """`op` over axes, which are ascending and not negative."""
        self.want(x, REDUCTIONS[op])
        shape = reduced(x.shape, axes, keepdims=keepdims)
        if not axes:
            return x
        return self.emit_one(op, [x], x.dtype, shape, axes)

    def arg(self, op: str, x: Value, axis: int, *, keepdims: bool, last: bool) -> Value:
        """Where the greatest or least element along an axis is."""
        self.want(x, dtypes.NUMBERS)
        if x.shape[axis] == 0:
            self.refuse(f"tensor {x} has no element along axis {axis}")
        return self.emit_one(op, [x], "int64", reduced(x.shape, [axis], keepdims=keepdims), [axis, last])

    def top_k(self, x: Value, axis: int, k: int, *, largest: bool) -> tuple[Value, Value]:
        """The k greatest or least elements along an axis in order, and where they are."""
        self.want(x, dtypes.NUMBERS)
        if not 0 <= k <= x.shape[axis]:
            self.refuse(f"k is {k}, and tensor {x} has {x.shape[axis]} elements along axis {axis}")
        shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
        values, indices = self.emit("top_k", [x], [(x.dtype, shape), ("int64", shape)], [axis, largest])
        assert values is not None
        assert indices is not None
        return values, indices

    def cumulate(self, op: str, x: Value, axis: int, *, exclusive: bool = False, reverse: bool = False) -> Value:
        """The running sum or product along an axis."""
        self.want(x, dtypes.NUMBERS)
        return self.emit_one(op, [x], x.dtype, x.shape, [axis, exclusive, reverse])


def reduced(shape: Shape, axes: Sequence[int], *, keepdims: bool) -> Shape:
    """A shape without some axes, or with ones in their places."""
    if keepdims:
        return tuple(1 if axis in axes else extent for axis, extent in enumerate(shape))
    return tuple(extent for axis, extent in enumerate(shape) if axis not in axes)
