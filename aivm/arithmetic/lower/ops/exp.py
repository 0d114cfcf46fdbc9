"""Exp: e to the power of each element."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Exp", "exp", types=frozenset({"float32"}))
