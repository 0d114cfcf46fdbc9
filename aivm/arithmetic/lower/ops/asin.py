"""Asin: the arc sine."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Asin", "asin", types=frozenset({"float32"}))
