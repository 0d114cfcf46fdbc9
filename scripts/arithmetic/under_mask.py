"""Runs Python at full speed on this processor with features hidden from the core, from NumPy and from ONNX Runtime.

    python scripts/arithmetic/under_mask.py avx2|avx|sse SCRIPT …

What asks the processor is copied to build/masked with its questions turned into faults (mask_cpuid.py), and
mask_cpuid.c answers them. `avx2` hides AVX-512, `avx` also AVX2 and FMA, `sse` also AVX. One at a time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from mask_cpuid import patch

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "masked"
PACKAGES = Path(sysconfig.get_path("purelib"))
#: Of each package, the library that chooses by the processor.
LIBRARIES = {
    "aivm": "arithmetic/_core.cpython-*.so",
    "numpy": "_core/_multiarray_umath.cpython-*.so",
    "onnxruntime": "capi/onnxruntime_pybind11_state.cpython-*.so",
}


def newer(source: Path, target: Path) -> bool:
    """Whether the target has to be made again."""
    return not target.exists() or target.stat().st_mtime <= source.stat().st_mtime


def mask() -> Path:
    """The library that answers, compiled if need be."""
    source, target = Path(__file__).with_name("mask_cpuid.c"), FOLDER / "mask_cpuid.so"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if newer(source, target):
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", source, "-o", target], check=True)
    return target


def copy(package: str) -> None:
    """A package as it is, but for its library that asks; nothing where there is no such package."""
    ours = package == "aivm"  # whose modules come and go
    source = ROOT / package if ours else PACKAGES / package
    library = next((PACKAGES / package).glob(LIBRARIES[package]), None)
    if library is None:
        return
    target = FOLDER / library.relative_to(PACKAGES)
    if not ours and not newer(library, target):
        return
    for folder in (source, source.with_name(f"{package}.libs")):
        if folder.exists():
            shutil.rmtree(FOLDER / folder.name, ignore_errors=True)
            shutil.copytree(folder, FOLDER / folder.name, copy_function=os.symlink)
    patch(library, target)


def under(name: str, *arguments: str | Path) -> list[str]:
    """The command that runs Python so, and what it needs."""
    for package in LIBRARIES:
        copy(package)
    variables = {"AIVM_MASK": name, "LD_PRELOAD": mask(), "PYTHONPATH": f"{FOLDER}{os.pathsep}{PACKAGES}"}
    # Without `site`, which knows where the editable package is.
    settings = [f"{key}={value}" for key, value in variables.items()]
    return ["env", *settings, sys.executable, "-S", *map(str, arguments)]


def main() -> None:
    """Runs what the command line names in place of this."""
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    command = under(*sys.argv[1:])
    os.execvp(command[0], command)  # noqa: S606 - its words are ours and the caller's


if __name__ == "__main__":
    main()
