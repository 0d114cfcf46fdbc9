"""Tan: the tangent."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Tan", "tan", types=frozenset({"float32"}))
