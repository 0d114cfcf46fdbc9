"""Tries to break the loader and the core with random input: `make fuzz`.

    python scripts/arithmetic/fuzz [--seconds N] [--first N]

Builds the core with AddressSanitizer and UndefinedBehaviorSanitizer into build/fuzz, and then runs at the same time
broken models against `aivm.load` over that core (loader.py), and random steps and plans against the core alone
(fuzz_primitives.cpp, fuzz_plans.cpp in tests/arithmetic/native). Each run goes on with other cases than the last; each
finding is printed with the number of its case, which is all that it depends on. At last the pool of threads, built
with ThreadSanitizer into build/fuzz-threads, is given work by several callers for a tenth of the time
(stress_threads.cpp). Exit code 1 if anything was found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nanobind

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Programs of tests/arithmetic/native, as a sanitizer wants them.

    Attributes:
        folder: where they are built.
        sanitizers: the compiler's options.
        programs: their names.
        module: whether the core is built for Python too.
    """

    folder: Path
    sanitizers: str
    programs: tuple[str, ...]
    module: bool = False


MEMORY = Build(
    folder=ROOT / "build" / "fuzz",
    sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer",
    programs=("fuzz_primitives", "fuzz_plans"),
    module=True,
)
THREADS = Build(folder=ROOT / "build" / "fuzz-threads", sanitizers="-fsanitize=thread", programs=("stress_threads",))
#: For Python, which keeps what it allocated, over models that may ask for much memory.
_OPTIONS = "detect_leaks=0:allocator_may_return_null=1:hard_rss_limit_mb=6144"


def compiler(sanitizers: str) -> str:
    """A compiler that has these sanitizers.

    Raises:
        SystemExit: there is none.
    """
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "g++-12", "c++"]
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            command = [name, "-x", "c++", "-", "-o", f"{place}/empty", *sanitizers.split()]
            if shutil.which(name) and not subprocess.run(command, input=b"int main() {}", check=False).returncode:
                return name
    raise SystemExit(
        f"no C++ compiler with {sanitizers} was found (tried {', '.join(names)}): the core cannot be fuzzed. "
        "Install g++; the models over the usual core: scripts/arithmetic/fuzz/loader.py"
    )


def build(what: Build) -> Path:
    """Builds programs; gives the folder that they are in."""
    cmake = Path(sys.executable).with_name("cmake")
    options = [
        f"-DAIVM_MODULE={what.module}",
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-Dnanobind_DIR={nanobind.cmake_dir()}",
        "-DAIVM_TOOLS=ON",
        "-DAIVM_OPTIMISATION=-O1",
        f"-DCMAKE_CXX_FLAGS={what.sanitizers}",
    ]
    configure = [cmake, "-S", ROOT, "-B", what.folder, f"-DCMAKE_CXX_COMPILER={compiler(what.sanitizers)}", *options]
    names = [*what.programs, *(["_core"] if what.module else [])]
    targets = ["--target", *names, "--parallel", str(os.cpu_count() or 1)]
    for command in (configure, [cmake, "--build", what.folder, *targets]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the core cannot be built with sanitizers:\n{done.stdout}")
    return what.folder / "tests" / "arithmetic" / "native"


def sanitized(packages: Path) -> dict[str, str]:
    """The variables under which Python runs our package over that module, the sanitizers loaded before it."""
    shutil.rmtree(packages, ignore_errors=True)
    shutil.copytree(ROOT / "aivm", packages / "aivm", ignore=shutil.ignore_patterns("core", "__pycache__"))
    for module in MEMORY.folder.glob("_core.*.so"):
        shutil.copy(module, packages / "aivm" / "arithmetic")
    # With what throws, which the sanitizers look for as they start.
    chosen = compiler(MEMORY.sanitizers)
    libraries = [
        subprocess.run([chosen, f"-print-file-name={name}"], stdout=subprocess.PIPE, text=True, check=True).stdout
        for name in ("libasan.so", "libstdc++.so.6")
    ]
    return {
        **os.environ,
        "ASAN_OPTIONS": _OPTIONS,
        "LD_PRELOAD": " ".join(library.strip() for library in libraries),
        "PYTHONPATH": f"{packages}{os.pathsep}{sysconfig.get_path('purelib')}",
    }


def finds(program: Path, *arguments: str) -> bool:
    """Runs a program to its end, prints what it says, and tells whether it found something."""
    done = subprocess.run(
        [program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(f"{program.name}: {done.stdout.strip()}", flush=True)
    return done.returncode != 0


def native(programs: Path, first: int, seconds: float) -> int:
    """Runs the core's fuzzers one after the other; gives how many of them found something."""
    return sum(finds(programs / name, str(1 << 40), str(first), str(seconds / 2)) for name in MEMORY.programs)


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--first", type=int, default=int(time.time()) * 100_000)
    options = parser.parse_args()
    print("building the core with sanitizers …", file=sys.stderr)
    programs, threads = build(MEMORY), build(THREADS)
    print(f"fuzzing for {options.seconds:.0f} s, from case {options.first} on …", file=sys.stderr)
    script, seconds = Path(__file__).with_name("loader.py"), str(options.seconds)
    # Without `site`, which knows where the editable package is.
    command = [sys.executable, "-S", script, "--first", str(options.first), "--seconds", seconds, "--sanitized"]
    variables = sanitized(MEMORY.folder / "packages")
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as loader:
        found = native(programs, options.first, options.seconds)
        print(f"loader: {loader.communicate()[0].strip()}")
    for name in THREADS.programs:
        found += finds(threads / name, str(options.seconds / 10), str(options.first % 2**31))
    sys.exit(1 if found or loader.returncode else 0)


if __name__ == "__main__":
    main()
