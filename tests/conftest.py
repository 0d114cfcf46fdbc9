"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow and proves nothing about the code: no deadlines.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
