"""Tries to break the loader and the core with random input: `make fuzz`.

    python scripts/arithmetic/fuzz [--seconds N] [--first N]

Builds the core with AddressSanitizer and UndefinedBehaviorSanitizer into build/fuzz, and then runs at the same time
broken models against `aivm.load` (loader.py), and random steps and plans against the core (fuzz_primitives.cpp,
fuzz_plans.cpp in tests/arithmetic/native). Each run goes on with other cases than the last; each finding is printed
with the number of its case, which is all that it depends on. Exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build" / "fuzz"
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"


def compiler() -> str:
    """A compiler that has the sanitizers.

    Raises:
        SystemExit: there is none.
    """
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["clang++", "g++", "c++", "clang++-14", "g++-12"]
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            command = [name, "-x", "c++", "-", "-o", f"{place}/empty", *SANITIZERS.split()]
            if shutil.which(name) and not subprocess.run(command, input=b"int main() {}", check=False).returncode:
                return name
    raise SystemExit(
        f"no C++ compiler with AddressSanitizer was found (tried {', '.join(names)}): the core cannot be fuzzed. "
        "Install g++, or clang with its runtime libraries; the models alone: scripts/arithmetic/fuzz/loader.py"
    )


def build() -> Path:
    """Builds the core's fuzzers; where they are."""
    cmake = Path(sys.executable).with_name("cmake")
    options = ["-DAIVM_MODULE=OFF", "-DAIVM_TOOLS=ON", "-DAIVM_OPTIMISATION=-O1", f"-DCMAKE_CXX_FLAGS={SANITIZERS}"]
    configure = [cmake, "-S", ROOT, "-B", BUILD, f"-DCMAKE_CXX_COMPILER={compiler()}", *options]
    targets = ["--target", "fuzz_primitives", "fuzz_plans", "--parallel", str(os.cpu_count() or 1)]
    for command in (configure, [cmake, "--build", BUILD, *targets]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the core cannot be built with sanitizers:\n{done.stdout}")
    return BUILD / "tests" / "arithmetic" / "native"


def native(programs: Path, first: int, seconds: float) -> int:
    """Runs the core's fuzzers one after the other; gives how many of them found something."""
    found = 0
    for name in ("fuzz_primitives", "fuzz_plans"):
        command = [programs / name, str(1 << 40), str(first), str(seconds / 2)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        print(f"{name}: {done.stdout.strip()}", flush=True)
        found += done.returncode != 0
    return found


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--first", type=int, default=int(time.time()) * 100_000)
    options = parser.parse_args()
    print("building the core with sanitizers …", file=sys.stderr)
    programs = build()
    print(f"fuzzing for {options.seconds:.0f} s, from case {options.first} on …", file=sys.stderr)
    command = [sys.executable, Path(__file__).with_name("loader.py"), "--first", str(options.first)]
    with subprocess.Popen([*command, "--seconds", str(options.seconds)], stdout=subprocess.PIPE, text=True) as loader:
        found = native(programs, options.first, options.seconds)
        print(f"loader: {loader.communicate()[0].strip()}")
    sys.exit(1 if found or loader.returncode else 0)


if __name__ == "__main__":
    main()
