"""Sums of products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.emit.elementwise import Elementwise

if TYPE_CHECKING:
    from aivm.arithmetic.lower.emit.windows import Window
    from aivm.arithmetic.lower.values import Shape, Value

_F32 = frozenset({"float32"})
_BYTES = frozenset({"int8", "uint8"})


class Matrices(Elementwise):
    """Steps that are sums of products."""

    def matmul(self, a: Value, b: Value, *, transpose_a: bool = False, transpose_b: bool = False) -> Value:
        """NumPy's `matmul`; the matrices may be read transposed."""
        self.want(a, _F32)
        self.want(b, _F32)
        left, right, shape, result = self._matrices(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
        product = self.emit_one("matmul", [left, right], "float32", shape, [transpose_a, transpose_b, 0])
        return self.view(product, result)

    def matmul_integer(self, a: Value, b: Value, a_zero: Value | None = None, b_zero: Value | None = None) -> Value:
        """Products of 8-bit integers less their zero points, summed in int32."""
        self.want(a, _BYTES)
        self.want(b, _BYTES)
        left, right, shape, result = self._matrices(a, b)
        for operand, zero, extent in ((a, a_zero, left.shape[-2]), (b, b_zero, right.shape[-1])):
            if zero is not None and (zero.dtype != operand.dtype or zero.elements not in (1, extent)):
                self.unsupported(f"zero point {zero} of tensor {operand}")
        product = self.emit_one("matmul_integer", [left, right, a_zero, b_zero], "int32", shape)
        return self.view(product, result)

    def _matrices(
        self, a: Value, b: Value, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> tuple[Value, Value, Shape, Shape]:
        """Operands of at least two axes, the product's shape, and that without the axes that were added."""
        if a.rank == 0 or b.rank == 0:
            self.refuse(f"tensors {a} and {b} cannot be multiplied: one has no axes")
        left = self.view(a, (1, *a.shape)) if a.rank == 1 else a
        right = self.view(b, (*b.shape, 1)) if b.rank == 1 else b
        rows, inner = left.shape[-2:][:: -1 if transpose_a else 1]
        other, columns = right.shape[-2:][:: -1 if transpose_b else 1]
        if inner != other:
            self.refuse(f"tensors {a} and {b} cannot be multiplied: {inner} terms against {other}")
        batch = self._batch(left, right)
        shape = (*batch, rows, columns)
        result = (*batch, *([rows] if a.rank > 1 else []), *([columns] if b.rank > 1 else []))
        return left, right, shape, result

    def _batch(self, a: Value, b: Value) -> Shape:
        return self.broadcast(self.view_prefix(a), self.view_prefix(b))

    def view_prefix(self, value: Value) -> Value:
        """A stand-in with the batch axes of a stack of matrices, for broadcasting rules alone."""
        return type(value)(dtype=value.dtype, shape=value.shape[:-2], storage=value.storage)

    def conv(self, x: Value, weights: Value, bias: Value | None, window: Window, group: int, shape: Shape) -> Value:
        """Convolution of `[N, C, …]` with `[M, C / group, …]`."""
        self.want(x, _F32)
        self.same_dtype(x, weights, *([bias] if bias is not None else []))
        return self.emit_one("conv", [x, weights, bias], "float32", shape, [group, *window.ints()])

    def conv_transpose(
        self, x: Value, weights: Value, bias: Value | None, window: Window, group: int, shape: Shape
    ) -> Value:
        """Transposed convolution of `[N, C, …]` with `[C, M / group, …]`."""
        self.want(x, _F32)
        self.same_dtype(x, weights, *([bias] if bias is not None else []))
        return self.emit_one("conv_transpose", [x, weights, bias], "float32", shape, [group, *window.ints()])

    def conv_integer(
        self,
        x: Value,
        weights: Value,
        x_zero: Value | None,
        w_zero: Value | None,
        window: Window,
        group: int,
        shape: Shape,
    ) -> Value:
        """Convolution of 8-bit integers less their zero points, summed in int32."""
        self.want(x, _BYTES)
        self.want(weights, _BYTES)
        for operand, zero, extent in ((x, x_zero, 1), (weights, w_zero, weights.shape[0])):
            if zero is not None and (zero.dtype != operand.dtype or zero.elements not in (1, extent)):
                self.unsupported(f"zero point {zero} of tensor {operand}")
        return self.emit_one("conv_integer", [x, weights, x_zero, w_zero], "int32", shape, [group, *window.ints()])
