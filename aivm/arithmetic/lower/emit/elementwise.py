"""Operations on each element by itself, with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.emit.emitter import Emitter

if TYPE_CHECKING:
    from aivm.arithmetic.lower.values import Shape, Value

_F = dtypes.FLOATS
_F32 = frozenset({"float32"})
_BOOL = frozenset({"bool"})

#: What each primitive of one operand takes; the result has the same dtype.
UNARY: dict[str, frozenset[str]] = {
    "abs": dtypes.NUMBERS,
    "neg": _F | dtypes.SIGNED,
    "sign": dtypes.NUMBERS,
    "relu": _F | dtypes.SIGNED,
    **dict.fromkeys(("floor", "ceil", "round", "sqrt", "reciprocal"), _F),
    **dict.fromkeys(("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"), _F32),
    **dict.fromkeys(("asinh", "acosh", "atanh", "erf", "sigmoid"), _F32),
    "not": _BOOL,
    "bitwise_not": dtypes.INTEGERS,
}
#: What each primitive of two operands of one dtype takes; the result has that dtype too.
ARITHMETIC: dict[str, frozenset[str]] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "mod", "min", "max"), dtypes.NUMBERS),
    **dict.fromkeys(("and", "or", "xor"), _BOOL),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor"), dtypes.INTEGERS),
    "bit_shift": dtypes.UNSIGNED,
}
#: Comparisons; the result is bool.
COMPARISONS: dict[str, frozenset[str]] = {
    "equal": dtypes.NUMBERS | _BOOL,
    **dict.fromkeys(("less", "less_or_equal", "greater", "greater_or_equal"), dtypes.NUMBERS),
}


class Elementwise(Emitter):
    """Steps over each element by itself."""

    def unary(self, op: str, x: Value, ints: tuple[int, ...] = ()) -> Value:
        """`op` of each element."""
        self.want(x, UNARY[op])
        return self.emit_one(op, [x], x.dtype, x.shape, ints)

    def is_nan(self, x: Value) -> Value:
        """Whether each element is NaN."""
        self.want(x, _F)
        return self.emit_one("is_nan", [x], "bool", x.shape)

    def is_inf(self, x: Value, *, negative: bool, positive: bool) -> Value:
        """Whether each element is one of the infinities that count."""
        self.want(x, _F)
        return self.emit_one("is_inf", [x], "bool", x.shape, [negative, positive])

    def binary(self, op: str, a: Value, b: Value, ints: tuple[int, ...] = ()) -> Value:
        """`a op b`."""
        dtype = self.same_dtype(a, b)
        self.want(a, ARITHMETIC[op])
        return self.emit_one(op, [a, b], dtype, self.broadcast(a, b), ints)

    def compare(self, op: str, a: Value, b: Value) -> Value:
        """`a op b`, a bool."""
        self.same_dtype(a, b)
        self.want(a, COMPARISONS[op])
        return self.emit_one(op, [a, b], "bool", self.broadcast(a, b))

    def pow(self, a: Value, b: Value) -> Value:
        """`a` to the power of `b`, in a's dtype."""
        self.want(a, _F32 | dtypes.INTEGERS)
        self.want(b, dtypes.NUMBERS)
        return self.emit_one("pow", [a, b], a.dtype, self.broadcast(a, b))

    def add(self, a: Value, b: Value) -> Value:
        """`a + b`."""
        return self.binary("add", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        """`a - b`."""
        return self.binary("sub", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        """`a * b`."""
        return self.binary("mul", a, b)

    def div(self, a: Value, b: Value) -> Value:
        """`a / b`; of integers the quotient, rounded to zero."""
        return self.binary("div", a, b)

    def where(self, condition: Value, a: Value, b: Value) -> Value:
        """`a` where the condition holds, else `b`."""
        self.want(condition, _BOOL)
        dtype = self.same_dtype(a, b)
        return self.emit_one("where", [condition, a, b], dtype, self.broadcast(condition, a, b))

    def clip(self, x: Value, low: Value | None, high: Value | None) -> Value:
        """`low` if x is less, else x; then `high` if that is greater."""
        self.want(x, dtypes.NUMBERS)
        self.same_dtype(x, *(bound for bound in (low, high) if bound is not None))
        return self.emit_one("clip", [x, low, high], x.dtype, x.shape)

    def cast(self, x: Value, dtype: str, *, saturate: bool = True) -> Value:
        """Each element in another dtype."""
        return x if x.dtype == dtype else self.emit_one("cast", [x], dtype, x.shape, [saturate])

    def broadcast(self, *values: Value) -> Shape:
        """The shape that values of these shapes have together.

        Raises:
            MalformedModelError: they have none.
        """
        rank = max(value.rank for value in values)
        shape = [1] * rank
        for value in values:
            for axis, extent in enumerate(value.shape, rank - value.rank):
                if extent != 1 and shape[axis] not in (1, extent):
                    self.refuse(f"tensors {' and '.join(map(str, values))} cannot be broadcast together")
                shape[axis] = extent if extent != 1 else shape[axis]
        return tuple(shape)
