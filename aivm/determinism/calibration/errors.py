"""The error of the package."""

from __future__ import annotations

from aivm.errors import AivmError


class CalibrationError(AivmError):
    """No tolerance follows from what was measured, or the kernel has nothing to measure."""
