"""Sinh: the hyperbolic sine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Sinh", "sinh", types=frozenset({"float32"}))
