"""Cos: the cosine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Cos", "cos", types=frozenset({"float32"}))
