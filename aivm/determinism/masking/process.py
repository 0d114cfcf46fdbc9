"""How to start Python on this processor with features hidden from the core, NumPy, ONNX Runtime and BLAS.

Where the kernel can make CPUID fault, any process may be masked; where it cannot, one with copies of the libraries that
ask, made once for each library.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aivm.arithmetic import _core
from aivm.determinism import overlay
from aivm.determinism.masking.patch import patch
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CPUINFO: Final = Path("/proc/cpuinfo")


class MaskError(AivmError):
    """A mask that cannot be built here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedProcess:
    """What starts it.

    Attributes:
        program: the interpreter and its options.
        paths: folders of modules.
        variables: its environment needs these.
    """

    program: tuple[str, ...]
    paths: tuple[str, ...]
    variables: Mapping[str, str]


def masked(name: str, cache: Path, *, runtimes: Iterable[str] = (), blas: bool = False) -> MaskedProcess:
    """A process under a mask.

    Args:
        name: `avx2` hides AVX-512, `avx` also AVX2 and FMA, `sse` also AVX.
        cache: a folder for copies.
        runtimes: packages beside the core and NumPy, of which there is `onnxruntime`.
        blas: whether to mask NumPy's BLAS too, which takes a minute the first time.

    Raises:
        MaskError: what that needs is not here.
    """
    variables = {"AIVM_MASK": name, "LD_PRELOAD": str(mask(cache))}
    site = sysconfig.get_path("purelib")
    # Without `site`, which knows where packages are that are installed from their sources, and would find those first.
    program = (sys.executable, "-S")
    packages = [_package("aivm"), _package("numpy"), *_beside("numpy")]
    core = Path(_core.__file__)
    replaced = {f"aivm/arithmetic/{core.name}": core}
    if "cpuid_fault" not in _CPUINFO.read_text("utf-8", "replace"):
        packages += [_package(runtime) for runtime in runtimes]
        replaced = {inside: _patched(library, cache) for inside, library in _asking(core, runtimes, blas=blas)}
    folder = overlay.build(cache, packages, replaced)
    return MaskedProcess(program=program, paths=(str(folder), site), variables=variables)


def mask(cache: Path) -> Path:
    """The mask, compiled the first time.

    Raises:
        MaskError: there is no C compiler.
    """
    source = Path(__file__).with_name("mask_cpuid.c")
    target = cache / "masked" / f"mask_cpuid-{_digest(source)}.so"
    if target.exists():
        return target
    compiler = os.environ.get("CC", "cc")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        fresh = Path(folder) / target.name
        try:
            command = [compiler, "-O2", "-shared", "-fPIC", str(source), "-o", str(fresh)]
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise MaskError(f"the mask cannot be compiled: {error}", hint="install a C compiler, or set CC") from error
        fresh.replace(target)
    return target


def _asking(core: Path, runtimes: Iterable[str], *, blas: bool) -> Iterable[tuple[str, Path]]:
    """The libraries that choose by the processor, by their path among the packages."""
    yield f"aivm/arithmetic/{core.name}", core
    found = importlib.util.find_spec("numpy._core._multiarray_umath")
    if found is None or found.origin is None:
        raise MaskError("NumPy has no library where one is looked for")
    yield f"numpy/_core/{Path(found.origin).name}", Path(found.origin)
    for runtime in runtimes:
        for library in (_package(runtime) / "capi").glob("onnxruntime_pybind11_state*.so"):
            yield f"{runtime}/capi/{library.name}", library
    if blas:
        for folder in _beside("numpy"):
            for library in folder.glob("*blas*.so*"):
                yield f"{folder.name}/{library.name}", library


def _patched(library: Path, cache: Path) -> Path:
    """The library's copy, whose questions to the processor are faults."""
    target = cache / "masked" / f"{_digest(library)}-{library.name}"
    if target.exists():
        return target
    if shutil.which("objdump") is None:
        raise MaskError(
            "this processor cannot make CPUID fault, and there is no objdump to find it in libraries",
            hint="install binutils",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        fresh = Path(folder) / library.name
        try:
            patch(library, fresh)
        except (OSError, subprocess.CalledProcessError) as error:
            raise MaskError(f"{library.name} cannot be copied for a mask: {error}") from error
        fresh.replace(target)
    return target


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _package(name: str) -> Path:
    specification = importlib.util.find_spec(name)
    if specification is None or specification.origin is None:
        raise MaskError(f"the package {name} is not installed")
    return Path(specification.origin).parent


def _beside(name: str) -> list[Path]:
    """The folder of libraries that a wheel puts beside its package, if there is one."""
    folder = _package(name).with_name(f"{name}.libs")
    return [folder] if folder.is_dir() else []
