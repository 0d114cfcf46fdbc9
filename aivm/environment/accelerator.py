"""NVIDIA accelerators, from what their driver publishes under /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path

from aivm.environment.parts import Accelerator, Tf32

_DRIVER = Path("/proc/driver/nvidia")


def capture_accelerator(driver: Path = _DRIVER) -> Accelerator | None:
    """The accelerator of this machine, or None.

    Where there are several, the first name in sorted order stands for all if they are equal, else all are named.
    """
    try:
        version = driver_version((driver / "version").read_text("utf-8", "replace"))
    except OSError:
        return None
    names = sorted(filter(None, (_model(path) for path in sorted(driver.glob("gpus/*/information")))))
    if not names or version is None:
        return None
    return Accelerator(name=", ".join(sorted(set(names))), driver=version, count=len(names), tf32=_tf32())


def driver_version(text: str) -> str | None:
    """The version in /proc/driver/nvidia/version, whose first line names the proprietary or the open module."""
    match = re.search(r"^NVRM version: .*?\s(\d+\.\d+(?:\.\d+)?)\s", text, re.MULTILINE)
    return match[1] if match else None


def _model(path: Path) -> str | None:
    try:
        match = re.search(r"^Model:\s*(.+?)\s*$", path.read_text("utf-8", "replace"), re.MULTILINE)
    except OSError:
        return None
    return match[1] if match else None


def _tf32() -> Tf32:
    """The driver's libraries obey this variable whatever the program asks for."""
    override = os.environ.get("NVIDIA_TF32_OVERRIDE")
    return {"0": Tf32.UNAVAILABLE, "1": Tf32.FORCED}.get(override or "", Tf32.SELECTABLE)
