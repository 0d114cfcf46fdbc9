"""Determinism by evidence: what a kernel's output depends on, measured (docs/determinism.md)."""
