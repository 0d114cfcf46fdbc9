"""Erf: the error function."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Erf", "erf", types=frozenset({"float32"}))
