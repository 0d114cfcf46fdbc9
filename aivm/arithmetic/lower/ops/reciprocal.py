"""Reciprocal: one divided by each element."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Reciprocal", "reciprocal", types=dtypes.FLOATS)
