"""Prove that the elementary functions are correctly rounded, by running them on all 2^32 arguments.

    python tests/arithmetic/prove_functions.py [NAME ...] [--all]

builds the native tool, runs each function on every instruction set of this machine, and judges every result: nearly all
by an independent binary64 evaluation whose error bound leaves no choice, the rest by MPFR. The portable kernels, whose
emulated operations would take hours, are compared on every 127th argument (--isas portable proves them, too). What was
found is kept: the hardest cases in tests/vectors/arithmetic/worst_cases/, and in proofs.json what was proven of which
sources, so that a changed function is not called proven (test_functions.py compares).

Without names, those functions are run whose sources changed, with --all every one. A run that was stopped goes on
with the function that it was at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np
from function_sources import digest
from mpfr import NAMES, PRECISION, evaluate, judged

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests/vectors/arithmetic"
RECORD = VECTORS / "proofs.json"
KEPT = 256  # worst cases of each function
SAMPLED = 127  # one argument of so many on the portable instruction set

Proof = dict[str, Any]


def check_oracle(tool: Path, name: str) -> float:
    """log2 of the largest relative error of the fast oracle over random inputs of all sizes; its bound is 2^-40."""
    generator = np.random.default_rng(2**32 - 1)
    x = np.concatenate(
        [
            generator.integers(0, 2**32, 30_000, np.uint64).astype(np.uint32).view(np.float32),
            generator.standard_normal(30_000, np.float32) * np.float32(3),
            1 + generator.standard_normal(10_000, np.float32) * np.float32(1e-3),
            (generator.integers(1, 2**20, 10_000) * np.pi / 2).astype(np.float32),
        ]
    )
    x = x[np.isfinite(x) & (x != 0)]
    output = subprocess.run([tool, "oracle", name], input=x.tobytes(), capture_output=True, check=True).stdout
    worst = gmpy2.mpfr(2) ** -1000
    with gmpy2.context(precision=PRECISION):
        for argument, value in zip(x.tolist(), np.frombuffer(output).tolist(), strict=True):
            exact = evaluate(name, gmpy2.mpfr(argument))
            if gmpy2.is_finite(exact) and 2.0**-160 < abs(exact) < 2.0**130:  # what binary32 can tell apart
                worst = max(worst, abs(value / exact - 1))
    return float(gmpy2.log2(worst))


def build(directory: Path) -> Path:
    """Compile the native tool; its path."""
    flags = ["-DAIVM_TOOLS=ON", "-DAIVM_MODULE=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    cmake = Path(sys.executable).with_name("cmake")  # one of the development dependencies
    subprocess.run([cmake, "-S", ROOT, "-B", directory, *flags], check=True, stdout=subprocess.DEVNULL)
    build = [cmake, "--build", directory, "--target", "prove_functions"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    return directory / "tests/arithmetic/native/prove_functions"


def prove(tool: Path, name: str, isas: list[str], threads: int) -> tuple[Proof, list[str]]:
    """(what was found, what was wrong); writes the worst cases if nothing was."""
    started = time.monotonic()
    proof = {"isas": [isa for isa in isas if "/" not in isa], "sampled": [isa for isa in isas if "/" in isa]}
    with tempfile.NamedTemporaryFile() as undecided:
        command = [tool, name, ",".join(isas), str(threads), undecided.name]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode not in (0, 1):
            raise RuntimeError(f"{name} could not be run")
        found = json.loads(run.stdout)
        pairs = np.fromfile(undecided.name, np.uint32).reshape(-1, 2)
    wrong, cases = by_mpfr(name, pairs)
    if found["decided"] + len(pairs) != 2**32:
        raise RuntimeError(f"{name}: {found['decided']} + {len(pairs)} arguments are not all")
    wrong += found["examples"]
    known = read(RECORD).get(name, {}).get("results", found["results"])
    if found["results"] != known:
        wrong.append(f"the results have the digest {found['results']}, not {known}")
    error = check_oracle(tool, name)
    if error > -41:
        wrong.append(f"the oracle errs by 2^{error:.1f}")
    if not wrong:
        write_worst_cases(name, cases)
    proof |= {
        "inputs": 2**32,
        "results": found["results"],
        "decided_by_bound": found["decided"],
        "decided_by_mpfr": len(pairs),
        "mpfr": gmpy2.mpfr_version(),
        "oracle_error_log2": round(error, 2),
        "seconds": round(time.monotonic() - started),
    }
    return proof, wrong


def by_mpfr(name: str, pairs: np.ndarray[Any, np.dtype[np.uint32]]) -> tuple[list[str], list[tuple[float, int, int]]]:
    """(what is wrong among pairs of words (argument, result), (distance from a midpoint, argument, result) of each)."""
    wrong, cases = [], []
    values = pairs.copy().view(np.float32)
    for (x, y), (argument, result) in zip(pairs.tolist(), values.tolist(), strict=True):
        expected, distance = judged(name, argument)
        if int(np.float32(expected).view(np.uint32)) != y:
            wrong.append(f"0x{x:08x} gives {result.hex()}, not {expected.hex()}")
        cases.append((distance, x, y))
    return wrong, cases


def write_worst_cases(name: str, cases: list[tuple[float, int, int]]) -> None:
    """Closest to a midpoint between two binary32 first."""
    lines = [
        json.dumps({"x": f"0x{x:08x}", "y": f"0x{y:08x}", "distance": float(f"{distance:.3g}")})
        for distance, x, y in sorted(cases)[:KEPT]
    ]
    text = f'{{"function": "{name}", "cases": [\n' + ",\n".join(lines) + "\n]}\n"
    (VECTORS / "worst_cases").mkdir(parents=True, exist_ok=True)
    (VECTORS / "worst_cases" / f"{name}.json").write_text(text)


def sources(name: str, proof: Proof) -> str:
    """The digest of what such a proof is of."""
    return digest(name, [*proof["isas"], *(isa.partition("/")[0] for isa in proof["sampled"])])


def read(path: Path) -> dict[str, Proof]:
    return json.loads(path.read_text()) if path.exists() else {}


def keep(path: Path, name: str, proof: Proof) -> None:
    """Add a proof to a file, unless one of the same sources on more instruction sets is there."""
    proofs = read(path)
    known = proofs.get(name)
    if known is None or known["sources"] != sources(name, known) or set(proof["isas"]) >= set(known["isas"]):
        proofs[name] = {"sources": sources(name, proof), **proof}
        path.write_text(json.dumps(dict(sorted(proofs.items())), indent=1) + "\n")


def is_proven(name: str, proofs: dict[str, Proof]) -> bool:
    return name in proofs and proofs[name]["sources"] == sources(name, proofs[name])


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="functions; those that changed by default")
    parser.add_argument("--all", action="store_true", help="all functions; a stopped run is continued")
    parser.add_argument("--build", type=Path, default=ROOT / "build/tools", help="where to compile")
    parser.add_argument("--isas", default="", help="instruction sets, comma-separated; ISA/N takes every Nth argument")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    tool = build(arguments.build)
    listed = subprocess.run([tool, "isas"], capture_output=True, text=True, check=True).stdout.split()
    usual = [isa if isa != "portable" or len(listed) == 1 else f"portable/{SAMPLED}" for isa in listed]
    isas = arguments.isas.split(",") if arguments.isas else usual
    done = arguments.build / "proven.json"  # by a run of --all that is not over
    proofs = read(done if arguments.all else RECORD)
    names = arguments.names or [name for name in NAMES if not is_proven(name, proofs)]
    failed = False
    for i, name in enumerate(names):
        say(f"{name}: {i + 1} of {len(names)}, on {', '.join(isas)}")
        proof, wrong = prove(tool, name, isas, arguments.threads)
        if wrong:
            failed = True
            say("\n  ".join([f"{name}: WRONG", *wrong]))
            continue
        keep(RECORD, name, proof)
        if arguments.all:
            keep(done, name, proof)
        say(f"{name}: all 2^32 arguments correctly rounded ({proof['seconds']} s)")
    if failed:
        return 1
    if arguments.all:
        done.unlink(missing_ok=True)
    say("proven: " + ", ".join(arguments.names or NAMES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
