"""Sin: the sine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Sin", "sin", types=frozenset({"float32"}))
