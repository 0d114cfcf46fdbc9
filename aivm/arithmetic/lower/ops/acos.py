"""Acos: the arc cosine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Acos", "acos", types=frozenset({"float32"}))
