"""A kernel whose bits depend on the machine, calibrated and packed as its author would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from aivm import kernel as kernels
from registry.cli import main

if TYPE_CHECKING:
    from aivm.kernel import Kernel

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_tolerant.py"


def write(folder: Path) -> None:
    """kernel.toml, model, cases and substitutes."""
    subprocess.run([sys.executable, SCRIPT, folder], check=True, capture_output=True, timeout=60)


def calibrate(folder: Path, *more: str) -> None:
    """By ONNX Runtime's levels of optimisation, on as few images as can show two percent."""
    other = f"other images={folder}/substitutes/other-data.onnx"
    wanted = ["--axis", "optimisation", "--images", "150", "--vote-false-rejection", "2%", "--substitute", other]
    done = CliRunner().invoke(main, ["calibrate", str(folder), *wanted, "--cache", str(folder / "cache"), *more])
    assert done.exit_code == 0, done.output


def build(folder: Path) -> Kernel:
    """All of it."""
    write(folder)
    calibrate(folder)
    return kernels.pack(folder)
