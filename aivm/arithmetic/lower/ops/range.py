"""Range: numbers at equal distances, by repeated addition as in the function body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Range", types={"T": dtypes.NUMBERS})
def lower(b: Builder, _node: Node, start: Value, limit: Value, delta: Value) -> Value:
    """A running sum of the start and the distances, whose number is computed in binary32 as the body does.

    Integers are counted exactly: the body's binary32 would miscount beyond 2**24.
    """
    dtype = b.same_dtype(start, limit, delta)
    for value in (start, limit, delta):
        b.known(value)  # all three, before anything is computed from them
    if b.known_item(delta) == 0:
        b.refuse("delta is 0")
    if dtype in dtypes.INTEGERS:
        first, last, step = (b.known_int(value) for value in (start, limit, delta))
        count = max(-(-(last - first) // step), 0)
    else:
        quotient = b.div(b.cast(b.sub(limit, start), "float32"), b.cast(delta, "float32"))
        count = max(int(b.known(b.cast(b.unary("ceil", quotient), "int64")).reshape(-1)[0]), 0)
    if count == 0:
        return b.empty((0,), dtype)
    first_one, step_one = b.reshape(start, (1,)), b.reshape(delta, (1,))
    parts = [first_one] if count == 1 else [first_one, b.expand(step_one, (count - 1,))]
    return b.cumulate("cumsum", b.concat(parts, 0), 0)
