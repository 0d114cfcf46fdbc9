"""Atan: the arc tangent."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Atan", "atan", types=frozenset({"float32"}))
