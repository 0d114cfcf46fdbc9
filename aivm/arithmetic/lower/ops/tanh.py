"""Tanh: the hyperbolic tangent."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Tanh", "tanh", types=frozenset({"float32"}))
