"""Relu: the greater of each element and zero, as in the function body."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Relu", "relu", types=dtypes.FLOATS | dtypes.SIGNED)
