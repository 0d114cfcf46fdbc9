"""Not: each truth the other way round."""

from __future__ import annotations

from aivm.arithmetic.lower.registry import unary

unary("Not", "not", types=frozenset({"bool"}))
