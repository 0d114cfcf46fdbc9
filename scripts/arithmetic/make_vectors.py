"""Makes the golden vectors of every operator, on every instruction set of this machine, which have to agree.

    python scripts/arithmetic/make_vectors.py [--draws N] [--out FOLDER]

Of many random cases of an operator, those are kept that show something which no case before them showed: a combination
of dtypes, the value of an attribute, an operand that is constant or left out, a rank, an infinity, a NaN, a subnormal
number, a negative zero, no elements at all. One larger case for each operator goes with them, so that a kernel's whole
vectors, tiles and lanes are used, and not their ends alone.

A vector that is there is part of the arithmetic's version: make new ones only for new operators, or for a new version.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import golden
import numpy as np
from cases import CASES, FAMILIES, Case, Random
from onnx import AttributeProto, helper, numpy_helper

from aivm.arithmetic import _core
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.session import open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Attributes whose value chooses what is computed; of others only counts that they are there.
CHOOSING = (AttributeProto.INT, AttributeProto.STRING)
#: Bytes of a larger case, model and inputs.
LEAST, MOST = 2048, 9216


def main() -> None:
    """Writes one pair of files for each family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=150, help="for each operator")
    parser.add_argument("--out", type=Path, default=golden.FOLDER)
    arguments = parser.parse_args()
    families: dict[str, list[golden.Vector]] = {}
    primitives: set[str] = set()
    for operator in sorted(CASES):
        for number, made in chosen(operator, arguments.draws):
            name = f"{operator.replace('::', '.')}/{number}"
            outputs = agreed(name, made, primitives)
            vector = golden.Vector(name=name, model=made.model, feeds=made.feeds, outputs=outputs)
            families.setdefault(FAMILIES[operator], []).append(vector)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, items in families.items():
        golden.write(arguments.out / f"{name}.json", items)
    print(f"{sum(map(len, families.values()))} vectors of {len(CASES)} operators and networks")
    missing = sorted(set(_core.primitives()) - primitives)
    print(f"primitives that none of them uses: {', '.join(missing) or 'none'}")


def chosen(operator: str, draws: int) -> Iterator[tuple[int, Case]]:
    """Those of an operator's random cases that show something new, with their numbers."""
    shown: set[Any] = set()
    for number in range(draws):
        # A seed of its own for each, so that a new operator changes no other's vectors.
        made = CASES[operator](Random([zlib.crc32(operator.encode()), number], small=True))
        found = set(features(made))
        if not found <= shown:
            shown |= found
            yield number, made
    for number in range(draws, 2 * draws):
        made = CASES[operator](Random([zlib.crc32(operator.encode()), number]))
        if LEAST <= made.model.ByteSize() + sum(array.nbytes for array in made.feeds.values()) <= MOST:
            yield number, made
            return


def features(made: Case) -> Iterator[Any]:
    """What a case shows."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.model.graph.initializer}
    for node in made.model.graph.node:
        arrays = [constants.get(name, made.feeds.get(name)) for name in node.input]
        converting: list[Any] = []
        for attribute in node.attribute:
            value = helper.get_attribute_value(attribute) if attribute.type in CHOOSING else attribute.t.data_type
            yield node.op_type, attribute.name, value
            converting += [value] if attribute.name == "to" else []
        yield tuple(bool(name) for name in node.output)
        yield (*converting, *(str(array.dtype) for array in arrays if array is not None))
        for position, (name, array) in enumerate(zip(node.input, arrays, strict=True)):
            yield position, "left out" if not name else name in constants
            if array is not None:
                yield from ((position, feature) for feature in contents(array))


def contents(array: Any) -> Iterator[str]:
    """What a tensor has in it."""
    yield f"rank {array.ndim}"
    if array.size == 0:
        yield "empty"
    if dtypes.from_numpy(array.dtype) in dtypes.FLOATS:
        wide = array.astype(np.float64)
        tiny = np.abs(wide) < float(np.finfo(array.dtype).tiny)
        special = {
            "NaN": np.isnan(wide),
            "infinity": np.isinf(wide),
            "subnormal": tiny & (wide != 0),
            "negative zero": (wide == 0) & np.signbit(wide),
        }
        yield from (name for name, where in special.items() if where.any())


def agreed(name: str, made: Case, primitives: set[str]) -> list[dict[str, Any]]:
    """The outputs, once every instruction set has given the same."""
    results = []
    for isa in _core.isas():

        def run_plan(stage: Any, memory: Any, threads: int) -> Any:
            primitives.update(step.op for step in stage.program.steps)
            return stage.program.run(stage.plan, memory, threads)

        session = open_session(made.model, threads=2, isa=isa)
        found = session.run(made.feeds, run_plan=run_plan)
        results.append([golden.describe(output, array) for output, array in found.items()])
    if any(result != results[0] for result in results):
        raise SystemExit(f"{name}: the instruction sets {', '.join(_core.isas())} disagree: {results}")
    return results[0]


if __name__ == "__main__":
    main()
