"""Floor: the next integer below."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Floor", "floor", types=dtypes.FLOATS)
