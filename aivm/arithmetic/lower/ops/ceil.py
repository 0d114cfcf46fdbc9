"""Ceil: the next integer above."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Ceil", "ceil", types=dtypes.FLOATS)
