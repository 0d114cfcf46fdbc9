"""Asinh: the inverse hyperbolic sine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Asinh", "asinh", types=frozenset({"float32"}))
