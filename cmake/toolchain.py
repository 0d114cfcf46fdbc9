"""What there is to build the core with: a compiler, and Python's C headers. Nothing but the standard library here."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ZIG = "ziglang>=0.17,<0.18"
_OLDEST = {"gcc": 12, "clang": 14}
_MACROS = "aivm: __clang_major__ __GNUC__ __cplusplus\n"


def requirements() -> list[str]:
    """The packages that stand in for a compiler."""
    return [] if "CXX" in os.environ or installed_compiler() else [ZIG]


def variables(headers: Path | None = None) -> dict[str, str]:
    """Environment variables with which CMake finds what there is.

    Args:
        headers: where Python.h should be; where this Python says, unless said otherwise.

    Raises:
        SystemExit: there is no compiler, or there are no headers.
    """
    result: dict[str, str] = {}
    if "CXX" not in os.environ and "CMAKE_TOOLCHAIN_FILE" not in os.environ:
        compiler = installed_compiler()
        result = {"CXX": compiler} if compiler else _zig()
    wanted = headers or Path(sysconfig.get_path("include"))
    found = _headers(wanted)
    if "AIVM_ZIG" in result or found != wanted:
        # Debian's pyconfig.h includes one that it finds from /usr/include; the C library's headers there come last.
        result["CXXFLAGS"] = f"{os.environ.get('CXXFLAGS', '')} -idirafter {shlex.quote(str(found.parent))}"
        result["CMAKE_ARGS"] = f"{os.environ.get('CMAKE_ARGS', '')} -DPython_INCLUDE_DIR={shlex.quote(str(found))}"
    return result


def installed_compiler() -> str:
    """The first compiler of this machine that compiles C++17 and is new enough; empty if there is none."""
    for name in ("c++", "g++", "clang++", *_versioned("g++"), *_versioned("clang++")):
        path = shutil.which(name)
        if path is not None and _is_new_enough(path):
            return path
    return ""


def _versioned(name: str) -> list[str]:
    """Debian's names of the versions of a compiler."""
    return [f"{name}-{version}" for version in range(24, 11, -1)]


def _is_new_enough(path: str) -> bool:
    # The headers of a C++ library are a package of their own, and may be missing.
    source = f"#include <vector>\n{_MACROS}"
    done = subprocess.run(
        [path, "-std=c++17", "-E", "-P", "-x", "c++", "-"], input=source, capture_output=True, text=True, check=False
    )
    found = re.search(r"^aivm: (\w+) (\d+) (\d+)L$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or found is None:
        return False
    clang, gcc, standard = found.groups()
    version = int(clang) >= _OLDEST["clang"] if clang.isdigit() else int(gcc) >= _OLDEST["gcc"]
    return version and int(standard) >= 201703


def _zig() -> dict[str, str]:
    package = importlib.util.find_spec("ziglang")
    if package is None or package.origin is None:
        raise SystemExit(
            "aivm: there is no C++ compiler (g++ 12 or clang 14, or newer), nor the package ziglang in its place. "
            "Install one, or build with pip's build isolation, which does."
        )
    zig = Path(package.origin).with_name("zig")
    return {"AIVM_ZIG": str(zig), "CMAKE_TOOLCHAIN_FILE": str(Path(__file__).with_name("Zig.cmake"))}


def _headers(installed: Path) -> Path:
    """Where Python.h is. Debian has it in a package of its own, which may be unpacked without being installed."""
    if (installed / "Python.h").exists():
        return installed
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    root = Path("build", "headers").resolve()
    unpacked = root / "usr" / "include" / name
    if not (unpacked / "Python.h").exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        print(f"aivm: no Python.h found; unpacking Debian's lib{name}-dev into {root}", file=sys.stderr)
        root.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "--quiet", "download", f"lib{name}-dev"], cwd=root, check=False)
        for package in root.glob(f"lib{name}-dev_*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
            package.unlink()
    if not (unpacked / "Python.h").exists():
        raise SystemExit(
            f"aivm: the C headers of this Python are missing ({installed}/Python.h), and the core cannot be built "
            f"without them. On Debian and Ubuntu they are the package lib{name}-dev."
        )
    return unpacked
