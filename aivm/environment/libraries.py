"""The native libraries that compute: what compiled them, with which flags, and which instruction sets they use here.

Each fact comes from the library itself: its ELF file, its own report, or its build configuration.
"""

from __future__ import annotations

import ctypes
import importlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from aivm.environment.elf import ElfError, read_build
from aivm.environment.parts import EngineBuild, Library

_MAPS: Final = Path("/proc/self/maps")
#: What OpenBLAS's builds call the function that names the kernels in use.
_CORENAMES: Final = (
    "scipy_openblas_get_corename64_",
    "scipy_openblas_get_corename",
    "openblas_get_corename64_",
    "openblas_get_corename",
)
_LONGEST: Final = 1024


def capture_libraries() -> tuple[Library, ...]:
    """NumPy and its BLAS: what computes besides an engine, whose build its own description holds."""
    return (_numpy(), *_blas())


def blas_name() -> str:
    """The BLAS that NumPy was built with; empty if it does not say."""
    return str(_dependency("blas").get("name", ""))


def _numpy() -> Library:
    module = importlib.import_module("numpy._core._multiarray_umath")  # private, and so perhaps not there one day
    extensions = _config().get("SIMD Extensions", {})
    used = [*extensions.get("baseline", ()), *extensions.get("found", ())]
    arguments = _config().get("Compilers", {}).get("c++", {}).get("args", "")
    flags = " ".join(arguments) if isinstance(arguments, list) else str(arguments)
    path = getattr(module, "__file__", None)
    return Library(name="numpy", version=np.__version__, build=_build(path, flags), uses=tuple(used))


def _blas() -> tuple[Library, ...]:
    facts = _dependency("blas")
    name, version = str(facts.get("name", "")), str(facts.get("version", ""))
    if not name:
        return ()
    configuration = " ".join(str(facts.get("openblas configuration", "")).split())[:_LONGEST]
    path = _loaded("blas")
    core = None if path is None else _corename(path)
    return (
        Library(name=name, version=version, build=_build(path, configuration), uses=() if core is None else (core,)),
    )


def _build(path: str | None, flags: str) -> EngineBuild:
    said = flags[:_LONGEST] or None
    if path is None:
        return EngineBuild(compiler_flags=said)
    try:
        return read_build(Path(path), compiler_flags=said)
    except ElfError:
        return EngineBuild(compiler_flags=said)


def _corename(path: str) -> str | None:
    """The kernels that OpenBLAS has chosen, from the library that this process has loaded."""
    library = ctypes.CDLL(path)
    for name in _CORENAMES:
        function = getattr(library, name, None)
        if function is not None:
            function.restype = ctypes.c_char_p
            answer: bytes = function()
            return answer.decode("ascii", "replace")
    return None


def _loaded(part: str) -> str | None:
    """The path of a shared library in this process whose file name has a part in it."""
    try:
        text = _MAPS.read_text("utf-8", "replace")
    except OSError:
        return None
    paths = (line.split(maxsplit=5)[-1] for line in text.splitlines() if ".so" in line)
    return next((path for path in paths if part in Path(path).name.lower()), None)


def _config() -> dict[str, Any]:
    described: Any = np.show_config(mode="dicts")
    return dict(described or {})


def _dependency(name: str) -> dict[str, Any]:
    return dict(_config().get("Build Dependencies", {}).get(name, {}))
