"""Abs: the magnitude of each element."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Abs", "abs", types=dtypes.NUMBERS)
