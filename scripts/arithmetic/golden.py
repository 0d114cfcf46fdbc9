"""Golden vectors: models of one operator, inputs, and the digests of the outputs.

`tests/vectors/arithmetic/operators/FAMILY.json` lists cases; `FAMILY.safetensors` holds their inputs. A case has

    name      OPERATOR/NUMBER
    model     the ONNX model, in protobuf's JSON form
    inputs    name, dtype, shape of each graph input; the tensor is CASE/INPUT in the other file (bfloat16 as U16)
    outputs   name, dtype, shape, SHA-256 of each output: its elements little-endian in C order, NaNs as the quiet one

Any implementation of the arithmetic has to give these outputs, to the bit; the README of that folder says it in full.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import onnx
from google.protobuf import json_format

from aivm import tensors
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.merkle import canonical_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Run = Callable[[onnx.ModelProto, Mapping[str, Any]], Mapping[str, Any]]

FOLDER = Path(__file__).parents[2] / "tests" / "vectors" / "arithmetic" / "operators"
ARITHMETIC = "aivm-arithmetic-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A case as it is stored.

    Attributes:
        name: the operator and a number.
        model: the model.
        feeds: its inputs.
        outputs: what an implementation has to give: name, dtype, shape, sha256.
    """

    name: str
    model: onnx.ModelProto
    feeds: Mapping[str, Any]
    outputs: Sequence[Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of running vectors.

    Attributes:
        cases: how many were run.
        mismatches: for each that gave something else: its name, the output, and both descriptions.
    """

    cases: int = 0
    mismatches: list[dict[str, Any]] = field(default_factory=list)


def describe(name: str, array: Any) -> dict[str, Any]:
    """An output as it is stored."""
    return {
        "name": name,
        "dtype": dtypes.from_numpy(array.dtype),
        "shape": list(array.shape),
        "sha256": hashlib.sha256(canonical_bytes(array)).hexdigest(),
    }


def read(folder: Path = FOLDER) -> Iterator[Vector]:
    """All vectors of a folder."""
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text())
        stored = tensors.decode(path.with_suffix(".safetensors").read_bytes())
        for item in document["cases"]:
            feeds = {}
            for entry in item["inputs"]:
                array = stored[f"{item['name']}/{entry['name']}"]
                feeds[entry["name"]] = array.view(ml_dtypes.bfloat16) if entry["dtype"] == "bfloat16" else array
            yield Vector(
                name=item["name"],
                model=json_format.ParseDict(item["model"], onnx.ModelProto()),
                feeds=feeds,
                outputs=item["outputs"],
            )


def write(path: Path, vectors: Sequence[Vector]) -> None:
    """Writes a family."""
    stored: dict[str, Any] = {}
    cases = []
    for vector in vectors:
        inputs = []
        for name, array in vector.feeds.items():
            dtype = dtypes.from_numpy(array.dtype)
            inputs.append({"name": name, "dtype": dtype, "shape": list(array.shape)})
            stored[f"{vector.name}/{name}"] = array.view(np.uint16) if dtype == "bfloat16" else array
        cases.append(
            {
                "name": vector.name,
                "model": json_format.MessageToDict(vector.model, preserving_proto_field_name=True),
                "inputs": inputs,
                "outputs": list(vector.outputs),
            }
        )
    document = {"type": "aivm/operator-vectors", "version": 1, "arithmetic": ARITHMETIC}
    lines = ",\n".join(json.dumps(item, sort_keys=True, ensure_ascii=False) for item in cases)
    path.write_text(json.dumps(document)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    path.with_suffix(".safetensors").write_bytes(tensors.encode(stored))


def check(vectors: Sequence[Vector] | Iterator[Vector], run: Run) -> Outcome:
    """Runs vectors on an implementation.

    Args:
        vectors: which.
        run: gives a model's outputs by name, for its inputs by name.
    """
    outcome = Outcome()
    for vector in vectors:
        outcome.cases += 1
        found = run(vector.model, vector.feeds)
        for expected in vector.outputs:
            actual = describe(expected["name"], np.asarray(found[expected["name"]]))
            if actual != expected:
                outcome.mismatches.append({"case": vector.name, "expected": dict(expected), "actual": actual})
    return outcome
