"""Log: the natural logarithm."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Log", "log", types=frozenset({"float32"}))
