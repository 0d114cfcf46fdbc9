"""Atanh: the inverse hyperbolic tangent."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Atanh", "atanh", types=frozenset({"float32"}))
