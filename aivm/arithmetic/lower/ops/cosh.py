"""Cosh: the hyperbolic cosine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Cosh", "cosh", types=frozenset({"float32"}))
