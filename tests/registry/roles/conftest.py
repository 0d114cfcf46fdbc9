"""A town for each test."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from support.town import Town

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def town(chain: Any, deployment: Any, account: Any, tmp_path: Path) -> Iterator[Town]:
    """People on the session's chain; what they did is undone."""
    with ExitStack() as stack:
        yield Town.of(chain, deployment, account, tmp_path, stack)
