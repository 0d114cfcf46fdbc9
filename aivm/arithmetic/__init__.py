"""Arithmetic that gives the same bits on every machine; ``docs/arithmetic.md`` is its specification."""
