"""Makes the golden vectors of every operator, on every instruction set of this machine, which have to agree.

    python scripts/arithmetic/make_vectors.py [--cases N] [--out FOLDER]

A vector that is there is part of the arithmetic's version: make new ones only for new operators, or for a new version.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import golden
from cases import CASES, FAMILIES, Random

from aivm.arithmetic import _core
from aivm.arithmetic.session import open_session


def main() -> None:
    """Writes one pair of files for each family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=4, help="for each operator")
    parser.add_argument("--out", type=Path, default=golden.FOLDER)
    arguments = parser.parse_args()
    families: dict[str, list[golden.Vector]] = {}
    primitives: set[str] = set()
    for operator in sorted(CASES):
        for number in range(arguments.cases):
            # A seed of its own for each, so that a new operator changes no other's vectors.
            made = CASES[operator](Random([zlib.crc32(operator.encode()), number], small=True))
            outputs = agreed(operator, made, primitives)
            vector = golden.Vector(
                name=f"{operator.replace('::', '.')}/{number}", model=made.model, feeds=made.feeds, outputs=outputs
            )
            families.setdefault(FAMILIES[operator], []).append(vector)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, items in families.items():
        golden.write(arguments.out / f"{name}.json", items)
    print(f"{sum(map(len, families.values()))} vectors of {len(CASES)} operators")
    missing = sorted(set(_core.primitives()) - primitives)
    print(f"primitives that none of them uses: {', '.join(missing) or 'none'}")


def agreed(operator: str, made: Any, primitives: set[str]) -> list[dict[str, Any]]:
    """The outputs, once every instruction set has given the same."""
    results = []
    for isa in _core.isas():

        def run_plan(stage: Any, memory: Any, threads: int) -> Any:
            primitives.update(step.op for step in stage.program.steps)
            return stage.program.run(stage.plan, memory, threads)

        session = open_session(made.model, threads=2, isa=isa)
        found = session.run(made.feeds, run_plan=run_plan)
        results.append([golden.describe(name, array) for name, array in found.items()])
    if any(result != results[0] for result in results):
        raise SystemExit(f"{operator}: the instruction sets {', '.join(_core.isas())} disagree: {results}")
    return results[0]


if __name__ == "__main__":
    main()
