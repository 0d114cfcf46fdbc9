"""What the suite's tests run: the digits kernel on both engines, and a few programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aivm import kernel
from aivm.determinism import Rows, of_kernel, of_program

HERE = str(Path(__file__).parent)
KERNEL = kernel.load(Path(__file__).parents[3] / "kernels" / "digits")
DIGITS = of_kernel(KERNEL)
ON_ORT = of_kernel(KERNEL, engine="onnxruntime")
SMALL = {"small": {"x": np.float32([[1, 2]])}, "large": {"x": np.float32([[8, 9]])}}


def program(name, cases=None):
    """A program of `programs.py`."""
    rows = Rows(inputs=("x",), outputs=("y",))
    return of_program(f"programs:{name}", SMALL if cases is None else cases, paths=(HERE,), rows=rows)


WORDS = program("first_of_a_set")
