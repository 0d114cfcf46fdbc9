"""Moving elements: everything that is one strided copy, and gathering and scattering by indices."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.arithmetic.lower.emit.emitter import Emitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.values import Shape, Value

_INDICES = frozenset({"int32", "int64"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A block of a copy, in elements: `extents`, and where it is read and written."""

    extents: Shape
    source_offset: int
    source_strides: Shape
    target_offset: int
    target_strides: Shape


class Movement(Emitter):
    """Steps that move elements and change none."""

    def copy(
        self,
        sources: Sequence[Value],
        pieces: Sequence[Piece],
        shape: Shape,
        fill: Value | None = None,
        axis: int | None = None,
    ) -> Value:
        """A new tensor made of one block of each source; of whole sources along an axis, if that is said."""
        rank = len(pieces[0].extents) if pieces else 0
        ints = [len(pieces), rank]
        for piece in pieces:
            ints += [*piece.extents, piece.source_offset, *piece.source_strides]
            ints += [piece.target_offset, *piece.target_strides]
        inputs = [*sources, *([fill] if fill is not None else [])]
        (result,) = self.emit("copy", inputs, [(self.same_dtype(*inputs), tuple(shape))], ints, axis=axis)
        assert result is not None
        return result

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """The same elements in another shape.

        Raises:
            MalformedModelError: there are not as many.
        """
        if math.prod(shape) != x.elements or any(extent < 0 for extent in shape):
            self.refuse(f"tensor {x} cannot have shape {list(shape)}")
        return self.view(x, tuple(shape))

    def transpose(self, x: Value, perm: Sequence[int]) -> Value:
        """Axis i of the result is axis `perm[i]` of x."""
        shape = tuple(x.shape[axis] for axis in perm)
        moving = [axis for axis in perm if x.shape[axis] != 1]
        if moving == sorted(moving):  # only axes of extent 1 move
            return self.view(x, shape)
        strides = _strides(x.shape)
        piece = Piece(
            extents=shape,
            source_offset=0,
            source_strides=tuple(strides[axis] for axis in perm),
            target_offset=0,
            target_strides=_strides(shape),
        )
        return self.copy([x], [piece], shape)

    def slice(self, x: Value, starts: Sequence[int], shape: Sequence[int], steps: Sequence[int] | None = None) -> Value:
        """`shape` elements along each axis from `starts`, `steps` apart; steps may be negative."""
        steps = [1] * x.rank if steps is None else steps
        shape = tuple(shape)
        if shape == x.shape and all(step == 1 for step in steps):
            return x
        strides = _strides(x.shape)
        if math.prod(shape) == 0:
            return self.empty(shape, x.dtype)
        piece = Piece(
            extents=shape,
            source_offset=sum(start * stride for start, stride in zip(starts, strides, strict=True)),
            source_strides=tuple(step * stride for step, stride in zip(steps, strides, strict=True)),
            target_offset=0,
            target_strides=_strides(shape),
        )
        return self.copy([x], [piece], shape)

    def part(self, x: Value, axis: int, start: int, extent: int) -> Value:
        """`extent` elements along one axis from `start`."""
        starts = [0] * x.rank
        starts[axis] = start
        return self.slice(x, starts, (*x.shape[:axis], extent, *x.shape[axis + 1 :]))

    def index(self, x: Value, axis: int, position: int) -> Value:
        """One element along an axis, without the axis."""
        return self.reshape(self.part(x, axis, position, 1), (*x.shape[:axis], *x.shape[axis + 1 :]))

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """The values one behind the other along an axis.

        Raises:
            MalformedModelError: their other extents or dtypes differ.
        """
        first = values[0]
        for value in values[1:]:
            if value.rank != first.rank or any(
                value.shape[i] != first.shape[i] for i in range(first.rank) if i != axis
            ):
                self.refuse(f"tensors {first} and {value} do not fit together along axis {axis}")
        self.same_dtype(*values)
        total = sum(value.shape[axis] for value in values)
        shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
        parts = [value for value in values if value.elements]
        if len(parts) == 1:
            return self.view(parts[0], shape)
        strides = _strides(shape)
        pieces, offset = [], 0
        for value in parts:
            pieces.append(
                Piece(
                    extents=value.shape,
                    source_offset=0,
                    source_strides=_strides(value.shape),
                    target_offset=offset * strides[axis],
                    target_strides=strides,
                )
            )
            offset += value.shape[axis]
        if not pieces:
            return self.empty(shape, first.dtype)
        return self.copy(parts, pieces, shape, axis=axis)

    def expand(self, x: Value, shape: Sequence[int]) -> Value:
        """Repeats x along its axes of extent 1, to a shape that it broadcasts to."""
        shape = tuple(shape)
        if math.prod(shape) == x.elements:
            return self.view(x, shape)
        if math.prod(shape) == 0:
            return self.empty(shape, x.dtype)
        padded = (1,) * (len(shape) - x.rank) + x.shape
        strides = tuple(0 if extent == 1 else stride for extent, stride in zip(padded, _strides(padded), strict=True))
        piece = Piece(
            extents=shape, source_offset=0, source_strides=strides, target_offset=0, target_strides=_strides(shape)
        )
        return self.copy([x], [piece], shape)

    def pad(self, x: Value, before: Sequence[int], after: Sequence[int], fill: Value) -> Value:
        """Puts `fill` around x; negative counts cut."""
        shape = tuple(b + n + a for b, n, a in zip(before, x.shape, after, strict=True))
        kept = tuple(n + min(b, 0) + min(a, 0) for b, n, a in zip(before, x.shape, after, strict=True))
        if min(kept, default=1) <= 0:
            if min(shape, default=0) < 0:
                self.refuse(f"tensor {x} cannot be padded by {list(before)} and {list(after)}")
            return self.expand(fill, shape)
        if kept == shape:
            return self.slice(x, [max(-b, 0) for b in before], shape)
        source, target = _strides(x.shape), _strides(shape)
        piece = Piece(
            extents=kept,
            source_offset=sum(max(-b, 0) * stride for b, stride in zip(before, source, strict=True)),
            source_strides=source,
            target_offset=sum(max(b, 0) * stride for b, stride in zip(before, target, strict=True)),
            target_strides=target,
        )
        return self.copy([x], [piece], shape, fill)

    def tile(self, x: Value, repeats: Sequence[int]) -> Value:
        """Repeats x as a whole along each axis."""
        shape = tuple(n * count for n, count in zip(x.shape, repeats, strict=True))
        if all(count == 1 for count in repeats):
            return x
        # Each axis of n becomes (count, n), of which the first is broadcast.
        inner = tuple(itertools.chain.from_iterable((1, n) for n in x.shape))
        outer = tuple(itertools.chain.from_iterable((count, n) for count, n in zip(repeats, x.shape, strict=True)))
        return self.reshape(self.expand(self.reshape(x, inner), outer), shape)

    def gather(self, x: Value, indices: Value, axis: int) -> Value:
        """`x[…, indices, …]` along an axis."""
        self.want(indices, _INDICES)
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        known = self.find(indices)
        if known is not None and known.size == 1 and -x.shape[axis] <= int(known.reshape(-1)[0]) < x.shape[axis]:
            position = int(known.reshape(-1)[0]) % x.shape[axis]
            return self.reshape(self.part(x, axis, position, 1), shape)
        return self.emit_one("gather", [x, indices], x.dtype, shape, [axis])

    def gather_elements(self, x: Value, indices: Value, axis: int) -> Value:
        """`y[i, j, …] = x[i, indices[i, j, …], …]` along an axis."""
        self.want(indices, _INDICES)
        return self.emit_one("gather_elements", [x, indices], x.dtype, indices.shape, [axis])

    def gather_nd(self, x: Value, indices: Value, batch_dims: int) -> Value:
        """Elements or blocks of x by index tuples in the last axis of `indices`."""
        self.want(indices, frozenset({"int64"}))
        if not 0 <= batch_dims < min(x.rank, indices.rank) or x.shape[:batch_dims] != indices.shape[:batch_dims]:
            self.refuse(f"tensors {x} and {indices} have no {batch_dims} batch axes in common")
        depth = indices.shape[-1]
        if not 1 <= depth <= x.rank - batch_dims:
            self.refuse(f"index tuples of {depth} numbers for tensor {x}")
        shape = (*indices.shape[:-1], *x.shape[batch_dims + depth :])
        return self.emit_one("gather_nd", [x, indices], x.dtype, shape, [batch_dims])

    def scatter_elements(self, x: Value, indices: Value, updates: Value, axis: int, reduction: int) -> Value:
        """Copies x, with elements replaced or combined, in the order of the updates."""
        self.want(indices, _INDICES)
        self.same_dtype(x, updates)
        if indices.shape != updates.shape or indices.rank != x.rank:
            self.refuse(f"indices {indices} and updates {updates} do not fit tensor {x}")
        return self.emit_one("scatter_elements", [x, indices, updates], x.dtype, x.shape, [axis, reduction])

    def scatter_nd(self, x: Value, indices: Value, updates: Value, reduction: int) -> Value:
        """Copies x, with elements or blocks replaced or combined, in the order of the updates."""
        self.want(indices, frozenset({"int64"}))
        self.same_dtype(x, updates)
        depth = indices.shape[-1] if indices.rank else 0
        if not 1 <= depth <= x.rank or updates.shape != (*indices.shape[:-1], *x.shape[depth:]):
            self.refuse(f"indices {indices} and updates {updates} do not fit tensor {x}")
        return self.emit_one("scatter_nd", [x, indices, updates], x.dtype, x.shape, [reduction])


def _strides(shape: Sequence[int]) -> Shape:
    """Steps between neighbours along each axis, in elements, in C order."""
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))
