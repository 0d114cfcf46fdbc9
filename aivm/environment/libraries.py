"""The native libraries that compute: what compiled them, with which flags, and which instruction sets they use here.

Each fact comes from the library itself: its ELF file, its own report, or its build configuration.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from aivm.environment.elf import ElfError, read_build
from aivm.environment.loaded import ACCELERATED, loaded_libraries
from aivm.environment.parts import EngineBuild, EngineInfo, Library

if TYPE_CHECKING:
    from types import ModuleType

    from aivm.environment.loaded import Loaded

_LONGEST: Final = 1024
#: The name of this package's own core among the libraries.
CORE: Final = "aivm"
#: What NumPy's package keeps the libraries in that it carries.
_CARRIED: Final = "numpy.libs"


def capture_libraries(engine: EngineInfo | None = None) -> tuple[Library, ...]:
    """What computes in this process, sorted by name: the core, NumPy, its BLAS, and what an engine or a program adds.

    An engine on an accelerator adds the libraries of its maker that are loaded. Without an engine everything that is
    loaded may compute: ONNX Runtime, further copies of BLAS, what shares work among threads. An engine's own build is
    in its description.
    """
    found = loaded_libraries()
    blas = _blas(found)
    others = [item for item in found if item is not blas]
    if engine is not None:
        others = [item for item in others if engine.provider != "cpu" and item.kind in ACCELERATED]
    libraries = [_core(), _numpy(), *_described(blas), *map(_library, others)]
    runtime = sys.modules.get("onnxruntime")
    if engine is None and runtime is not None:
        build = onnxruntime_build(runtime)
        libraries.append(Library(name="onnxruntime", version=runtime.__version__, build=build, uses=()))
    return tuple(sorted(set(libraries), key=lambda library: (library.name, library.version, repr(library))))


def blas_name() -> str:
    """The BLAS that NumPy was built with; empty if it does not say."""
    return str(_dependency("blas").get("name", ""))


def core_build() -> EngineBuild:
    """How the core was built: the compiler signs its objects, and the build notes the flags of all of them."""
    core = importlib.import_module("aivm.arithmetic._core")
    return _build(core.__file__, core.compiler_flags)


def onnxruntime_build(module: ModuleType) -> EngineBuild:
    """How ONNX Runtime's native library was built; its flags, or where it does not tell them its configuration."""
    said = module.get_build_info().partition(": ")[2]
    pairs = (part.partition(":") for part in said.split(", "))
    flags = next((value.strip() for key, _, value in pairs if key.strip() == "cmake cxx flags"), said)
    directory = Path(str(module.__file__)).parent / "capi"
    path = next(directory.glob("onnxruntime_pybind11_state*.so"), None)
    return _build(None if path is None else str(path), flags)


def _core() -> Library:
    core = importlib.import_module("aivm.arithmetic._core")
    uses = (core.isa(), "fma") if core.hardware_fma() else (core.isa(),)
    return Library(name=CORE, version=importlib.metadata.version("aivm"), build=core_build(), uses=uses)


def _numpy() -> Library:
    module = importlib.import_module("numpy._core._multiarray_umath")  # private, and so perhaps not there one day
    extensions = _config().get("SIMD Extensions", {})
    used = [*extensions.get("baseline", ()), *extensions.get("found", ())]
    arguments = _config().get("Compilers", {}).get("c++", {}).get("args", "")
    flags = " ".join(arguments) if isinstance(arguments, list) else str(arguments)
    path = getattr(module, "__file__", None)
    return Library(name="numpy", version=np.__version__, build=_build(path, flags), uses=tuple(used))


def _blas(found: tuple[Loaded, ...]) -> Loaded | None:
    """The BLAS that NumPy calls: of several that are loaded, the one that its package carries."""
    known = [item for item in found if item.kind in blas_name().lower()]
    carried = [item for item in known if item.path.parent.name == _CARRIED]
    return next(iter(carried or known), None)


def _described(blas: Loaded | None) -> tuple[Library, ...]:
    facts = _dependency("blas")
    name, version = blas_name(), str(facts.get("version", ""))
    if not name:
        return ()
    configuration = " ".join(str(facts.get("openblas configuration", "")).split())
    build = _build(None if blas is None else str(blas.path), configuration)
    return (Library(name=name, version=version, build=build, uses=() if blas is None else blas.uses),)


def _library(item: Loaded) -> Library:
    build = _build(str(item.path), item.configuration)
    return Library(name=item.kind, version=item.version, build=build, uses=item.uses)


def _build(path: str | None, flags: str) -> EngineBuild:
    said = flags[:_LONGEST] or None
    if path is None:
        return EngineBuild(compiler_flags=said)
    try:
        return read_build(Path(path), compiler_flags=said)
    except ElfError:
        return EngineBuild(compiler_flags=said)


def _config() -> dict[str, Any]:
    described: Any = np.show_config(mode="dicts")
    return dict(described or {})


def _dependency(name: str) -> dict[str, Any]:
    return dict(_config().get("Build Dependencies", {}).get(name, {}))
