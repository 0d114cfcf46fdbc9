"""How much memory this process may have."""

from __future__ import annotations

import os
from pathlib import Path

#: Where Linux keeps the limit of a process's group, in the second and the first version of control groups.
_CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_bytes() -> int:
    """The memory of the machine, or of the container if that is less."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUPS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            least = min(least, int(text))
    return least
