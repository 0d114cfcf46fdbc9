"""Prove that the elementary functions are correctly rounded, by running them on all 2^32 inputs.

    python tests/arithmetic/prove_functions.py [NAME …]

builds the core's native tools, runs each function on every instruction set of this machine but the portable one (whose
emulated operations would take hours; name it with --isas), and judges every result: nearly all by an independent
binary64 evaluation whose error bound leaves no choice, the rest by MPFR. What was found is kept: the hardest cases in
tests/vectors/arithmetic/worst_cases/, and in proofs.json what was proven of which sources, so that a changed function
is not called proven (test_functions.py compares). Without names, those functions are run whose sources changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gmpy2
import numpy as np

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "aivm/arithmetic/core/functions"
VECTORS = ROOT / "tests/vectors/arithmetic"
NAMES = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf",
    "exp", "log", "reciprocal", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh",
]  # fmt: skip
KEPT = 256  # worst cases of each function
PRECISION = 300


def digest(name: str) -> str:
    """SHA-256 over the function's sources without comments and layout: its file, what that includes, and the loops.

    Of coefficients.inl only the constants that the rest names are counted.
    """
    pending, texts = [SOURCES / f"{name}.inl", SOURCES / "loops.inl"], {}
    while pending:
        path = pending.pop()
        if path.name in texts or not path.exists():
            continue
        text = re.sub(r"//[^\n]*", "", path.read_text())
        texts[path.name] = text
        pending += [SOURCES / found for found in re.findall(r'#include "([a-z_]+\.inl)"', text)]
    coefficients = texts.pop("coefficients.inl", "")
    words = set(re.findall(r"\w+", " ".join(texts.values())))
    definitions = re.finditer(r"constexpr \w+ (\w+)[^=;]*=[^;]*;", coefficients)
    used = [definition[0] for definition in definitions if definition[1] in words]
    parts = [f"{file}:{text}" for file, text in sorted(texts.items())] + used
    return hashlib.sha256(re.sub(r"\\?\s+", "", ";".join(parts)).encode()).hexdigest()


def evaluate(name: str, x: gmpy2.mpfr) -> gmpy2.mpfr:
    """The function by MPFR, in the precision of the context."""
    if name == "sigmoid":
        return 1 / (1 + gmpy2.exp(-x))
    if name == "reciprocal":
        return 1 / x
    return getattr(gmpy2, name)(x)


def judged(name: str, x: float) -> tuple[float, float]:
    """(the correctly rounded result, its exact value's distance from the nearest midpoint in units in the last place).

    Raises:
        ArithmeticError: if the value cannot be told from a midpoint with 300 bits.
    """
    with gmpy2.context(precision=PRECISION):
        exact = evaluate(name, gmpy2.mpfr(x))
        unit = gmpy2.mpfr(2) ** max(gmpy2.get_exp(exact) - 24, -149)
        quotient = exact / unit
        distance = abs(quotient - gmpy2.floor(quotient) - gmpy2.mpfr("0.5"))
        if distance < gmpy2.mpfr(2) ** -200:
            raise ArithmeticError(f"{name}({x.hex()}) is too close to a midpoint for {PRECISION} bits")
    with gmpy2.ieee(32):
        return float(gmpy2.mpfr(exact)), float(distance)


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
    output = subprocess.run([tool, name, "oracle"], input=x.tobytes(), capture_output=True, check=True).stdout
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
    subprocess.run(["cmake", "-S", ROOT, "-B", directory, *flags], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cmake", "--build", directory, "--target", "prove_functions"], check=True, stdout=subprocess.DEVNULL
    )
    return directory / "tests/arithmetic/native/prove_functions"


def prove(tool: Path, name: str, isas: list[str], threads: int) -> tuple[dict[str, object], list[str]]:
    """(what was found, what was wrong); writes the worst cases."""
    started = time.monotonic()
    with tempfile.NamedTemporaryFile() as undecided:
        command = [tool, name, ",".join(isas), str(threads), undecided.name]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode not in (0, 1):
            raise RuntimeError(run.stderr)
        found = json.loads(run.stdout)
        pairs = np.fromfile(undecided.name, np.uint32).reshape(-1, 2)
    wrong = list(found["examples"])
    cases = []
    values = pairs.copy().view(np.float32)
    for (x, y), (argument, result) in zip(pairs.tolist(), values.tolist(), strict=True):
        expected, distance = judged(name, argument)
        if expected != result:
            wrong.append(f"0x{x:08x} gives {result.hex()}, not {expected.hex()}")
        cases.append((distance, x, int(np.float32(expected).view(np.uint32)), y))
    if found["decided"] + len(cases) != 2**32:
        raise RuntimeError(f"{name}: {found['decided']} + {len(cases)} inputs are not all")
    write_worst_cases(name, sorted(cases)[:KEPT])
    proof = {
        "isas": isas,
        "inputs": 2**32,
        "decided_by_bound": found["decided"],
        "decided_by_mpfr": len(cases),
        "mpfr": gmpy2.mpfr_version(),
        "oracle_error_log2": round(check_oracle(tool, name), 2),
        "seconds": round(time.monotonic() - started),
    }
    return proof, wrong


def write_worst_cases(name: str, cases: list[tuple[float, int, int, int]]) -> None:
    """Closest to a midpoint between two binary32 first."""
    lines = [
        json.dumps({"x": f"0x{x:08x}", "y": f"0x{y:08x}", "distance": float(f"{distance:.3g}")})
        for distance, x, y, _ in cases
    ]
    text = f'{{"function": "{name}", "cases": [\n' + ",\n".join(lines) + "\n]}\n"
    (VECTORS / "worst_cases").mkdir(parents=True, exist_ok=True)
    (VECTORS / "worst_cases" / f"{name}.json").write_text(text)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="functions; those that changed by default")
    parser.add_argument("--build", type=Path, default=ROOT / "build/tools", help="where to compile")
    parser.add_argument("--isas", default="", help="instruction sets, comma-separated")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    record = VECTORS / "proofs.json"
    proofs = json.loads(record.read_text()) if record.exists() else {}
    sources = {name: digest(name) for name in NAMES}
    changed = [name for name in NAMES if proofs.get(name, {}).get("sources") != sources[name]]
    names = arguments.names or changed
    if not names:
        say("all functions are proven as they are")
        return 0
    tool = build(arguments.build)
    listed = subprocess.run([tool, "isas"], capture_output=True, text=True, check=True).stdout.split()
    isas = arguments.isas.split(",") if arguments.isas else [isa for isa in listed if isa != "portable"] or listed
    failed = False
    for name in names:
        proof, wrong = prove(tool, name, isas, arguments.threads)
        if wrong or proof["oracle_error_log2"] > -41:
            failed = True
            say("\n  ".join([f"{name}: WRONG", *(wrong or ["the oracle errs more than it may"])]))
            continue
        proofs[name] = {"sources": sources[name], **proof}
        record.write_text(json.dumps(dict(sorted(proofs.items())), indent=1) + "\n")
        say(f"{name}: all 2^32 inputs correctly rounded on {', '.join(isas)} ({proof['seconds']} s)")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
