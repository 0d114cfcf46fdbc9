"""Sqrt: the square root."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Sqrt", "sqrt", types=dtypes.FLOATS)
