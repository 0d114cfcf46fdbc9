"""Sign: -1, 0 or 1."""

from __future__ import annotations

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import unary

unary("Sign", "sign", types=dtypes.NUMBERS)
