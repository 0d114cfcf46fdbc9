"""Round: the nearest integer, halves to even."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Round", "round", types=dtypes.FLOATS)
