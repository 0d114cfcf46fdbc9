"""The arithmetic libraries that a process has loaded, each by its own account where it gives one.

Versions: OpenBLAS's `openblas_get_config`; NVIDIA's `cublasGetProperty` and its likes (library_types.h: 0 major, 1
minor, 2 patch) and `cudnnGetVersion`; else the version that ends the file's name, as the loader knows it.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Final, NamedTuple

_MAPS: Final = Path("/proc/self/maps")
_UNKNOWN: Final = "unknown"
#: File names of libraries that compute, or that divide a computation among threads, and what each is called here.
_KINDS: Final = (
    ("openblas", re.compile(r"lib(?:scipy_)?openblas")),
    ("mkl", re.compile(r"libmkl_(?:rt|core)")),
    ("blis", re.compile(r"libblis")),
    ("openmp", re.compile(r"lib(?:gomp|omp|iomp5)\b")),
    ("cublas", re.compile(r"libcublas(?:Lt)?\.so")),
    ("cudnn", re.compile(r"libcudnn\.so")),
    ("cudart", re.compile(r"libcudart\.so")),
    ("cufft", re.compile(r"libcufft\.so")),
    ("curand", re.compile(r"libcurand\.so")),
)
#: Those that compute on an accelerator.
ACCELERATED: Final = frozenset({"cublas", "cudnn", "cudart", "cufft", "curand"})
#: What the builds of OpenBLAS that NumPy and SciPy carry put around the names of its functions.
_BEFORE, _BEHIND = ("scipy_", ""), ("64_", "")
_PROPERTIES: Final = {"cublas": "cublasGetProperty", "cufft": "cufftGetProperty", "curand": "curandGetProperty"}


class Loaded(NamedTuple):
    """A library in this process."""

    kind: str
    version: str
    path: Path
    configuration: str
    uses: tuple[str, ...]


def loaded_libraries(maps: Path = _MAPS) -> tuple[Loaded, ...]:
    """Those that have a known name, sorted by kind, version and file name; none where the system does not list them."""
    try:
        text = maps.read_text("utf-8", "replace")
    except OSError:
        return ()
    paths = {Path(line.split(maxsplit=5)[-1]) for line in text.splitlines() if ".so" in line}
    found = [_describe(kind, path) for path in paths for kind, name in _KINDS if name.match(path.name)]
    return tuple(sorted(found, key=lambda item: (item.kind, item.version, item.path.name)))


def _describe(kind: str, path: Path) -> Loaded:
    library = ctypes.CDLL(str(path))
    configuration, core = "", ""
    version = _suffix(path)
    if kind == "openblas":
        configuration, core = _text(library, "openblas_get_config"), _text(library, "openblas_get_corename")
        said = re.search(r"OpenBLAS (\S+)", configuration)
        version = said[1] if said else version
    elif kind in _PROPERTIES:
        version = _property(library, _PROPERTIES[kind]) or version
    elif kind in ("cudnn", "cudart"):
        version = _number(library, kind) or version
    return Loaded(kind, version, path, configuration, (core,) if core else ())


def _suffix(path: Path) -> str:
    return path.name.partition(".so.")[2] or _UNKNOWN


def _text(library: ctypes.CDLL, name: str) -> str:
    for before in _BEFORE:
        for behind in _BEHIND:
            function = getattr(library, f"{before}{name}{behind}", None)
            if function is not None:
                function.restype = ctypes.c_char_p
                answer: bytes = function()
                return " ".join(answer.decode("ascii", "replace").split())
    return ""


def _property(library: ctypes.CDLL, name: str) -> str:
    function = getattr(library, name, None)
    if function is None:
        return ""
    parts = []
    for which in range(3):
        value = ctypes.c_int()
        if function(which, ctypes.byref(value)) != 0:
            return ""
        parts.append(str(value.value))
    return ".".join(parts)


def _number(library: ctypes.CDLL, kind: str) -> str:
    if kind == "cudnn":
        function = getattr(library, "cudnnGetVersion", None)
        if function is None:
            return ""
        function.restype = ctypes.c_size_t
        return str(function())
    value = ctypes.c_int()
    function = getattr(library, "cudaRuntimeGetVersion", None)
    return str(value.value) if function is not None and function(ctypes.byref(value)) == 0 else ""
