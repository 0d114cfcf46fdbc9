"""The operating system, the interpreter, memory, region, and the variables that arithmetic libraries obey."""

from __future__ import annotations

import contextlib
import importlib.metadata
import locale
import os
import platform
import sys
import time
from pathlib import Path, PurePath

from aivm.environment.parts import OperatingSystem, Python, Region

#: Variables by which libraries choose how they compute.
VARIABLES = (
    "AIVM_ISA",
    "AIVM_MASK",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "GLIBC_TUNABLES",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "LANG",
    "LC_ALL",
    "LC_NUMERIC",
    "MALLOC_PERTURB_",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_NUM_THREADS",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_DYNAMIC",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "ORT_TENSORRT_FP16_ENABLE",
)
#: Variables whose values are paths: only the names of the files are recorded.
PATH_VARIABLES = ("LD_PRELOAD",)

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_NO_VERSION = "none"


def capture_operating_system() -> OperatingSystem:
    """Describes the system by names without paths or host names."""
    libc, libc_version = platform.libc_ver()
    return OperatingSystem(
        name=platform.system().lower(),
        distribution=_distribution(),
        kernel=platform.release(),
        libc=libc or "unknown",
        libc_version=libc_version or "unknown",
    )


def capture_python() -> Python:
    """Describes the interpreter; `hash_seed` is `random`, or the value that was fixed."""
    return Python(
        implementation=platform.python_implementation().lower(),
        version=platform.python_version(),
        hash_seed=os.environ.get("PYTHONHASHSEED", "random") if not sys.flags.ignore_environment else "random",
        numpy=_version("numpy"),
        onnx=_version("onnx"),
    )


def capture_region() -> Region:
    """The locale that number formats follow, and the time zone."""
    return Region(locale=locale.setlocale(locale.LC_NUMERIC), time_zone="/".join(time.tzname))


def memory_bytes() -> int:
    """Memory that this process may use: the machine's, or its control group's where that is less. 0 if unknown."""
    limits = [_cgroup_limit(path) for path in _CGROUP_LIMITS]
    with contextlib.suppress(OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((limit for limit in limits if limit is not None and limit > 0), default=0)


def capture_variables() -> dict[str, str]:
    """Those of the known variables that are set."""
    found = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    for name in PATH_VARIABLES:
        if os.environ.get(name):
            found[name] = " ".join(PurePath(path).name for path in os.environ[name].replace(":", " ").split())
    return found


def _distribution() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    return f"{release.get('ID', 'unknown')} {release.get('VERSION_ID', '')}".strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return _NO_VERSION


def _cgroup_limit(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    # Version 1 writes a number near 2^63 for "no limit", and version 2 the word "max".
    return int(text) if text.isdecimal() and int(text) < 2**53 else None
