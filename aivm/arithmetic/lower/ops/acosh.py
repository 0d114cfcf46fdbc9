"""Acosh: the inverse hyperbolic cosine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Acosh", "acosh", types=frozenset({"float32"}))
