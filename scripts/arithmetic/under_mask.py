"""Runs Python at full speed on this processor with features hidden from the core, from NumPy and from ONNX Runtime.

    python scripts/arithmetic/under_mask.py avx2|avx|sse SCRIPT …

What asks the processor is copied to build/masked with its questions turned into faults, which the mask answers
(aivm/determinism/masking). `avx2` hides AVX-512, `avx` also AVX2 and FMA, `sse` also AVX.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from aivm.determinism.masking.process import masked

CACHE = Path(__file__).resolve().parents[2] / "build"


def under(name: str, *arguments: str | Path) -> list[str]:
    """The command that runs Python so, and what it needs."""
    runtimes = [runtime for runtime in ("onnxruntime",) if importlib.util.find_spec(runtime)]
    process = masked(name, CACHE, runtimes=runtimes)
    variables = {**process.variables, "PYTHONPATH": os.pathsep.join(process.paths)}
    settings = [f"{key}={value}" for key, value in variables.items()]
    return ["env", *settings, *process.program, *map(str, arguments)]


def main() -> None:
    """Runs what the command line names in place of this."""
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    command = under(*sys.argv[1:])
    os.execvp(command[0], command)  # noqa: S606 - its words are ours and the caller's


if __name__ == "__main__":
    main()
