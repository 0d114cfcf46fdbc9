"""Sigmoid: 1 / (1 + exp(-x)), correctly rounded."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Sigmoid", "sigmoid", types=frozenset({"float32"}))
