"""The error of the package."""

from __future__ import annotations

from aivm.errors import AivmError


class SketchError(AivmError):
    """There is no sketch of that name, or the tensor has none."""
