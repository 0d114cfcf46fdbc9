"""Broken models for `aivm.load` and what comes after: a named error, or the same bits from every kind of plan.

    python scripts/arithmetic/fuzz/loader.py [--seconds N] [--first N] [--case N]

The sound models are those of the ONNX standard's own node tests. A case depends on its number alone. Each runs in a
worker with limits of memory and time; whatever else than an `AivmError` comes out is a finding: another exception, a
warning, a crash, a hang, or plans that disagree. Exit code 1 if there is one; `--case` runs one again, in this process.
"""

from __future__ import annotations

import argparse
import mmap
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from mutate import mutated

from aivm.arithmetic import Limits, _core
from aivm.arithmetic.errors import ArithmeticEngineError, DefectError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.session import open_session
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

    from aivm.arithmetic.lower.graph import Port
    from aivm.arithmetic.session import Session

#: Of one case.
SECONDS = 20
MEMORY = 6 << 30
LIMITS = Limits(memory_bytes=1 << 26, iterations=300, steps=1 << 14)
#: More elements than this are not fed.
LARGEST_FEED = 1 << 16


def seeds() -> list[onnx.ModelProto]:
    """The models of the standard's node tests, each once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the generators divide by zero on purpose
        from onnx.backend.test.loader import load_model_tests  # noqa: PLC0415 - takes seconds

        models = [case.model for case in sorted(load_model_tests(kind="node"), key=lambda case: case.name)]
    for model in models:
        for item in model.opset_import:
            if item.domain == "":
                item.version = max(item.version, 13)
    return models


def run_case(number: int, models: Sequence[onnx.ModelProto]) -> str:
    """Runs a case.

    Returns:
        What became of it: the name of an error, or "ran".

    Raises:
        AssertionError: two plans disagree.
        Exception: a finding.
    """
    rng = random.Random(number)  # noqa: S311 - a case, not a secret
    data = mutated(rng, models)
    warnings.simplefilter("error")
    try:
        session = open_session(data, threads=1, limits=LIMITS)
        feeds = feeds_of(session.inputs, rng)
        if feeds is None:
            return "loaded"
        check(session, open_session(data, threads=2, isa=rng.choice(_core.isas()), limits=LIMITS), feeds)
    except DefectError:
        raise
    except AivmError as error:
        if not str(error):
            raise AssertionError("an error without a message") from error
        return type(error).__name__
    return "ran"


def check(session: Session, other: Session, feeds: Mapping[str, Any]) -> None:
    """Compares the fastest plan, the plain one, and those of another instruction set with more threads.

    Raises:
        AssertionError: they differ.
    """
    results = session.run(feeds)
    for runner in (session.plain, other.runner):
        try:
            outputs = runner.run(dict(feeds))
        except ArithmeticEngineError as error:
            if "bytes" in str(error):  # plans differ in the memory that they need
                return
            raise AssertionError(f"one plan ran, and the other says {error}") from error
        for (name, result), output in zip(results.items(), outputs, strict=True):
            if not same(result, output):
                raise AssertionError(f"plans disagree about {name!r}")


def same(one: Any, other: Any) -> bool:
    """Whether two results are the same to the bit."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one is None and other is None


def feeds_of(ports: Sequence[Port], rng: random.Random) -> dict[str, Any] | None:
    """Arrays that the inputs take; None if they would be large."""
    free: dict[str, int] = {}
    feeds: dict[str, Any] = {}
    for port in ports:
        shape = []
        for extent in port.shape or ():
            size = rng.randint(0, 4)
            if isinstance(extent, str):
                size = free.setdefault(extent, size)
            shape.append(extent if isinstance(extent, int) else size)
        if np.prod([max(float(extent), 1) for extent in shape]) > LARGEST_FEED:
            return None
        values = np.random.default_rng(rng.getrandbits(32)).standard_normal(shape) * rng.choice((1, 3, 100))
        kind = dtypes.NUMPY[port.dtype or "float32"]
        if kind.kind == "u":
            values = np.abs(values)
        array = np.ascontiguousarray(values.astype(kind)).reshape(shape)
        feeds[port.name] = array if port.tensor else [array] * rng.randint(0, 3)
    return feeds


def worker(first: int, seconds: float, place: Path, *, sanitized: bool) -> None:
    """Runs cases one after the other, writing down which; prints findings and at the end the counts."""
    if not sanitized:  # AddressSanitizer takes terabytes of addresses, and limits memory itself
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    models = seeds()
    end = time.monotonic() + seconds
    with place.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), 8)
        number = first
        while time.monotonic() < end:
            memory[:8] = struct.pack("<q", number)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # its signal ends the process; a busy machine is no hang
            try:
                run_case(number, models)
            except BaseException:  # noqa: BLE001 - this is what we look for
                print(f"case {number}:\n{traceback.format_exc()}", flush=True)
            number += 1
        signal.setitimer(signal.ITIMER_PROF, 0)
        memory[:8] = struct.pack("<q", number)


def supervise(first: int, seconds: float, place: Path, *, sanitized: bool) -> int:
    """Starts workers until the time is up, another one after each that dies; gives how many findings there were."""
    place.write_bytes(bytes(8))
    findings, number = 0, first
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        command = [sys.executable, *(["-S"] if sanitized else []), __file__, *(["--sanitized"] if sanitized else [])]
        command += ["--worker", str(place), "--first", str(number), "--seconds", str(left)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        findings += done.stdout.count("case ")
        sys.stdout.write(done.stdout)
        (number,) = struct.unpack("<q", place.read_bytes())
        if done.returncode != 0:
            how = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit code {done.returncode}"
            print(f"case {number}: the process ended by {how}", flush=True)
            findings += 1
            number += 1
    print(f"{number - first} models, {findings} findings")
    return findings


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--case", type=int)
    parser.add_argument("--sanitized", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        print(run_case(options.case, seeds()))
    elif options.worker:
        worker(options.first, options.seconds, options.worker, sanitized=options.sanitized)
    else:
        place = Path(tempfile.mkstemp()[1])
        try:
            sys.exit(1 if supervise(options.first, options.seconds, place, sanitized=options.sanitized) else 0)
        finally:
            place.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
