"""Neg: each element with the other sign."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Neg", "neg", types=dtypes.FLOATS | dtypes.SIGNED)
