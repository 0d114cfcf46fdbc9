"""Quantisation, resampling and trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.emit.emitter import Emitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.values import Value

_F32 = frozenset({"float32"})
_QUANTISED = frozenset({"int8", "uint8", "int16", "uint16"})


class Models(Emitter):
    """Steps with a subject of their own."""

    def quantize(self, x: Value, scale: Value, zero: Value | None, dtype: str, axis: int, block: int) -> Value:
        """`saturate(round(x / scale) + zero)`."""
        self.want(x, _F32)
        self.want(scale, _F32)
        if dtype not in _QUANTISED:
            self.unsupported(f"quantising to {dtype}")
        return self.emit_one("quantize_linear", [x, scale, zero], dtype, x.shape, [axis, block, 1])

    def requantize(self, x: Value, multiplier: Value, zero: Value, dtype: str, axis: int) -> Value:
        """`saturate(round(float(x) * multiplier) + zero)`; as many zeros as multipliers."""
        self.want(x, frozenset({"int32"}))
        self.want(multiplier, _F32)
        return self.emit_one("requantize", [x, multiplier, zero], dtype, x.shape, [axis])

    def dequantize(self, x: Value, scale: Value, zero: Value | None, axis: int, block: int) -> Value:
        """`(x - zero) * scale`."""
        self.want(x, _QUANTISED | {"int32"})
        self.want(scale, _F32)
        return self.emit_one("dequantize_linear", [x, scale, zero], "float32", x.shape, [axis, block])

    def interpolate(self, x: Value, indices: Value, weights: Value, axis: int) -> Value:
        """A weighted sum of a few elements along an axis, for each place of the result."""
        self.want(x, _F32)
        shape = (*x.shape[:axis], indices.shape[0], *x.shape[axis + 1 :])
        return self.emit_one("interpolate", [x, indices, weights], "float32", shape, [axis])

    def softmax(self, x: Value, axis: int, *, log: bool) -> Value:
        """The fused form of the function body."""
        self.want(x, _F32)
        return self.emit_one("log_softmax" if log else "softmax", [x], "float32", x.shape, [axis])

    def layer_norm(
        self, x: Value, scale: Value, bias: Value | None, axis: int, epsilon: float, wanted: Sequence[bool]
    ) -> tuple[Value | None, ...]:
        """The fused form of the function body: the result, the means and the inverse deviations."""
        self.want(x, _F32)
        small = (*x.shape[:axis], *([1] * (x.rank - axis)))
        outputs = [("float32", x.shape), *(("float32", small) if item else None for item in wanted[1:])]
        return self.emit("layer_norm", [x, scale, bias], outputs, [axis], [epsilon])

    def tree_ensemble(self, x: Value, tables: Sequence[Value | None], targets: int, aggregate: int) -> Value:
        """The summed leaves of all trees, `[N, targets]`."""
        self.want(x, _F32)
        return self.emit_one("tree_ensemble", [x, *tables], "float32", (x.shape[0], targets), [aggregate])
