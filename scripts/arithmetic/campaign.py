"""Random cases of every operator, on every instruction set, with any threads, tile sizes and batches: the same bits.

    python scripts/arithmetic/campaign.py [--cases N] [--jobs N] [--only OPERATOR] [--report FILE]

Each case is run on each instruction set of this machine, each with 1, 2 and 4 threads, with the kernels' own tile sizes
and with random ones, as the fastest plan and as the plain one; where its first axis is a batch, rows of it are run
alone. Any output that differs in any bit from that of the first run is a mismatch. Exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from cases import CASES, Case, Random

from aivm.arithmetic import _core
from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.lower.program import raw
from aivm.arithmetic.session import open_session
from aivm.arithmetic.trace import root

if TYPE_CHECKING:
    from collections.abc import Mapping

THREADS = (1, 2, 4)
#: Tile sizes that the kernels choose.
ANY = (0, 0, 0)
#: Rows of a batch that are run alone.
ROWS = 2


class Configured:
    """Runs plans on one instruction set, with threads and tile sizes of its own; constants are packed anew for each."""

    def __init__(self, isa: str, threads: int, tiling: tuple[int, int, int]) -> None:
        self.isa, self.threads, self.tiling = isa, threads, tiling
        self._plans: dict[int, tuple[Any, _core.Plan]] = {}

    def __call__(self, stage: Any, memory: Any, _threads: int) -> Any:
        program = stage.program
        if id(program) not in self._plans:
            buffers = [_core.Buffer(b.name, b.dtype, b.shape, b.kind, b.place) for b in program.buffers]
            steps = [_core.Step(s.op, s.name, s.inputs, s.outputs, s.ints, s.reals) for s in program.steps]
            constants = [raw(array) for array in program.constants]
            tiling = _core.Tiling(*self.tiling)
            self._plans[id(program)] = (program, _core.Plan(buffers, constants, steps, isa=self.isa, tiling=tiling))
        plan = self._plans[id(program)][1]
        return program.contents(plan.run(program.feeds(memory), self.threads))

    def __str__(self) -> str:
        return f"{self.isa}, {self.threads} threads, tiles {self.tiling}"


def bits(outputs: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Outputs as they are compared: dtype, shape, and every byte."""
    return {name: (array.dtype.name, array.shape, array.tobytes()) for name, array in outputs.items()}


def run_case(case: Case, r: Random) -> tuple[int, list[str]]:
    """Runs a case in every configuration: how many runs, and what differed."""
    session = open_session(case.model, threads=1)
    outputs = session.run(case.feeds)
    expected = bits(outputs)
    runs, wrong = 1, []
    first = session.trace(case.feeds, bodies=True)
    for isa in _core.isas():
        for threads in THREADS:
            tiles = (r.integer(1, 40), r.integer(1, 40), r.integer(1, 70))
            # The fastest plan, and the one of a step for each primitive, which traces are about.
            for runner, tiling in ((session.runner, ANY), (session.runner, tiles), (session.plain, tiles)):
                configured = Configured(isa, threads, tiling)
                found = dict(zip(outputs, runner.run(case.feeds, configured), strict=True))
                runs += 1
                if bits(found) != expected:
                    kind = "plain" if runner is session.plain else "optimised"
                    wrong.append(f"{configured}, {kind} plan")
            trace = open_session(case.model, threads=threads, isa=isa).trace(case.feeds, bodies=True)
            runs += 1
            if trace != first:
                wrong.append(f"{isa}, {threads} threads, traced")
    traced = {entry.output: entry.root for entry in first.entries}
    wrong += [f"the trace of {name}" for name, array in outputs.items() if traced[name] != root(array).hex()]
    size = case.feeds[case.batch[0]].shape[0] if case.batch else 0
    for row in sorted({r.integer(0, size - 1) for _ in range(ROWS)}) if size > 1 else ():
        feeds = {
            name: array[row : row + 1].copy() if name in case.batch else array for name, array in case.feeds.items()
        }
        alone = bits(session.run(feeds))
        runs += 1
        if alone != bits({name: array[row : row + 1] for name, array in outputs.items()}):
            wrong.append(f"row {row} of {size} alone")
    return runs, wrong


def run_numbers(operator: str, numbers: range) -> dict[str, Any]:
    """Runs some cases of an operator."""
    result: dict[str, Any] = {"cases": 0, "runs": 0, "batches": 0, "mismatches": [], "refused": []}
    for number in numbers:
        seed = [zlib.crc32(operator.encode()), 1, number]
        case = CASES[operator](Random(seed))
        try:
            runs, wrong = run_case(case, Random([*seed, 1]))
        except ArithmeticEngineError as error:
            result["refused"].append({"operator": operator, "seed": seed, "error": str(error)})
            continue
        result["cases"] += 1
        result["runs"] += runs
        result["batches"] += bool(case.batch)
        result["mismatches"] += [{"operator": operator, "seed": seed, "run": item} for item in wrong]
    return result


def processor() -> str:
    """What the system calls the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def main() -> int:
    """Exit code 1 if any bit differed anywhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="at least this many in all")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", action="append", choices=sorted(CASES), help="repeatable")
    parser.add_argument("--report", type=Path, help="a JSON file")
    arguments = parser.parse_args()
    operators = arguments.only or sorted(CASES)
    each = -(-arguments.cases // len(operators))
    started = time.monotonic()
    total: dict[str, Any] = {"cases": 0, "runs": 0, "batches": 0, "mismatches": [], "refused": []}
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(run_numbers, operator, range(each)) for operator in operators]
        for future in futures:
            result = future.result()
            for key, value in result.items():
                total[key] += value
            for item in (*result["mismatches"], *result["refused"]):
                print(json.dumps(item), flush=True)
    refused = collections.Counter(item["operator"] for item in total["refused"])
    report = {
        "cases": total["cases"],
        "operators": len(operators),
        "runs": total["runs"],
        "cases with a batch": total["batches"],
        "mismatches": total["mismatches"],
        "refused": dict(refused),
        "instruction sets": _core.isas(),
        "threads": list(THREADS),
        "numpy": np.__version__,
        "processor": processor(),
        "seconds": round(time.monotonic() - started),
    }
    if arguments.report:
        arguments.report.write_text(json.dumps(report, indent=1) + "\n")
    print(
        f"{report['cases']} cases of {report['operators']} operators, {report['runs']} runs on "
        f"{', '.join(_core.isas())} with {', '.join(map(str, THREADS))} threads: "
        f"{len(total['mismatches'])} mismatches, {sum(refused.values())} refused"
    )
    return int(bool(total["mismatches"]))


if __name__ == "__main__":
    sys.exit(main())
