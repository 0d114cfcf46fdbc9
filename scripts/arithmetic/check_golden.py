"""Runs the golden vectors on an implementation, and says where it gives something else.

    python scripts/arithmetic/check_golden.py                          this engine, as AIVM_ISA says
    python scripts/arithmetic/check_golden.py --implementation my.engine:run
    python scripts/arithmetic/check_golden.py --export FILE            as plans, for tests/arithmetic/native/replay.cpp

An implementation is a function of an `onnx.ModelProto` and of arrays by name, which gives the outputs by name.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import golden

from aivm.arithmetic.lower.program import raw
from aivm.arithmetic.lower.stage import Finished
from aivm.arithmetic.session import open_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx


def engine(threads: int) -> golden.Run:
    """This engine."""

    def run(model: onnx.ModelProto, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        return open_session(model, threads=threads).run(feeds)

    return run


def export(path: Path, folder: Path) -> int:
    """Writes those vectors that are one plan, as replay.cpp reads them; how many."""
    count = 0
    with path.open("wb") as file:
        for vector in golden.read(folder):
            lines = _plan(vector)
            if lines is not None:
                file.write(b"".join(lines))
                count += 1
    return count


def _plan(vector: golden.Vector) -> list[bytes] | None:
    """The lines of a plan; None where data decides what comes after the first one, and where a view is an output."""
    seen: list[Any] = []

    def run_plan(stage: Any, memory: Any, threads: int) -> Any:
        results = stage.program.run(stage.plan, memory, threads)
        seen.append((stage, memory, results))
        return results

    open_session(vector.model, threads=1).run(vector.feeds, run_plan=run_plan)
    stage, memory, results = seen[0]
    program = stage.program
    if not isinstance(stage.boundary, Finished) or not program.steps:
        return None
    lines = [f"plan {vector.name}\n".encode()]
    constants, inputs, outputs = iter(program.constants), iter(program.inputs), iter(program.outputs)
    data: list[bytes] = []
    for ref, buffer in enumerate(program.buffers):
        shape = " ".join(map(str, (len(buffer.shape), *buffer.shape)))
        lines.append(f"buffer {buffer.dtype} {buffer.kind} {buffer.place} {shape}\n".encode())
        if buffer.kind in ("constant", "input"):
            array = next(constants) if buffer.kind == "constant" else memory[next(inputs)]
            contents = raw(array).tobytes()
            data += [f"data {ref} {len(contents)}\n".encode(), contents, b"\n"]
        elif buffer.kind == "output":
            digest = golden.describe("", results[next(outputs)])["sha256"]
            data.append(f"expect {ref} {digest}\n".encode())
    lines += data
    for step in program.steps:
        groups = (step.inputs, step.outputs, step.ints, [item.hex() for item in step.reals])
        words = " ".join(str(word) for group in groups for word in (len(group), *group))
        lines.append(f"step {step.op} {words}\n".encode())
    lines.append(b"run\n")
    return lines


def main() -> int:
    """Exit code 1 if an output differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--implementation", help="module:function")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose name begins with this")
    parser.add_argument("--folder", type=Path, default=golden.FOLDER)
    parser.add_argument("--export", type=Path)
    arguments = parser.parse_args()
    if arguments.export:
        print(f"{export(arguments.export, arguments.folder)} plans")
        return 0
    if arguments.implementation:
        module, _, function = arguments.implementation.partition(":")
        run = getattr(importlib.import_module(module), function)
        name = arguments.implementation
    else:
        run, name = engine(arguments.threads), f"this engine on {_isa()}"
    started = time.monotonic()
    chosen = (vector for vector in golden.read(arguments.folder) if vector.name.startswith(arguments.only))
    outcome = golden.check(chosen, run)
    for mismatch in outcome.mismatches:
        print(json.dumps(mismatch))
    seconds = time.monotonic() - started
    print(
        f"{outcome.cases} vectors, {len(outcome.mismatches)} mismatches: {name}, {platform.machine()}, {seconds:.0f} s"
    )
    return int(bool(outcome.mismatches) or not outcome.cases)


def _isa() -> str:
    from aivm.arithmetic import _core  # noqa: PLC0415 - an implementation that is not ours needs no core

    return _core.isa()


if __name__ == "__main__":
    sys.exit(main())
