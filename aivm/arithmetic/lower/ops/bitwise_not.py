"""BitwiseNot: each bit the other way round."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("BitwiseNot", "bitwise_not", types=dtypes.INTEGERS)
