"""Small graphs for the tests, and kernels around them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from aivm import unixfs
from aivm.digests import Digest
from aivm.manifest import Manifest
from aivm.records import decode

TYPES = {
    "F32": TensorProto.FLOAT,
    "F64": TensorProto.DOUBLE,
    "I64": TensorProto.INT64,
    "U8": TensorProto.UINT8,
    "I32": TensorProto.INT32,
}

RUNTIMES: dict[str, dict[str, Any]] = {
    "onnxruntime": {
        "name": "onnxruntime",
        "version": "1.31.1",
        "options": {
            "provider": "cpu",
            "graph_optimization": "basic",
            "intra_op_threads": 1,
            "inter_op_threads": 1,
            "execution_mode": "sequential",
            "deterministic": True,
        },
    },
    "reproducible": {"name": "reproducible", "version": "aivm-arithmetic-1", "options": {}},
}


@dataclass(frozen=True)
class FixtureKernel:
    """What the execution protocol asks of a kernel."""

    manifest: Manifest
    model: bytes
    cases: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)


def value(name: str, dtype: str, shape: list) -> Any:
    return helper.make_tensor_value_info(name, TYPES[dtype], shape)


def model(nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray] | None = None) -> bytes:
    initializers = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(nodes, "fixture", inputs, outputs, initializers)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return proto.SerializeToString(deterministic=True)


def kernel(data: bytes, **changes: Any) -> FixtureKernel:
    """A kernel with one input `x`, F32 [n], and one output `y`, F32 [n], unless changed; `engine` is the engine."""
    import msgspec  # noqa: PLC0415

    from aivm import canonical  # noqa: PLC0415

    cases = changes.pop("case_inputs", {"one": {"x": np.float32([1.0])}})
    engine = changes.pop("engine", "onnxruntime")
    members: dict[str, Any] = {
        "type": "aivm/manifest",
        "version": 1,
        "name": "fixture",
        "kernel_version": "1.0.0",
        "model": {
            "cid": str(unixfs.import_bytes(data).cid),
            "size": len(data),
            "profile": unixfs.PROFILE,
            "opsets": {"ai.onnx": 21},
            "operators": [],
        },
        "build": dict.fromkeys(("operating_system", "compiler", "compiler_version", "compiler_flags")),
        "runtime": copy.deepcopy(RUNTIMES[engine]),
        "hardware": {"kind": "cpu", "features": [], "features_off": [], "memory_bytes": 0},
        "numerics": {
            "flush_to_zero": False,
            "fma_contraction": FUSES and engine != "reproducible",
            "tf32": False,
        },
        "seeds": {"policy": "none", "fixed_seed": None, "generator": "philox4x32-10/1", "random_inputs": []},
        "inputs": [spec("x", "F32", ["n"])],
        "outputs": [{"name": "y", "dtype": "F32", "shape": ["n"], "description": ""}],
        "answer": {"convention": "none", "output": None},
        "aggregation": {"rule": "exact", "sketch": None, "tolerance": 0},
        "limits": {"time_ms": 20_000, "memory_bytes": 1 << 28, "output_bytes": 1 << 16},
        "determinism": "none",
        "author_fee": "0",
        "cases": [
            {"name": name, "input": Digest(bytes(32)).hex(), "output": Digest(bytes(32)).hex()} for name in cases
        ],
        "licence": "Apache-2.0",
        "description": "",
        "model_card": None,
        "calibration": None,
    }
    for path, new in changes.items():
        place, (*parents, last) = members, path.split("__")
        for step in parents:
            place = place[step]
        place[last] = new
    data_record = canonical.encode(msgspec.to_builtins(members))
    return FixtureKernel(manifest=decode(data_record, Manifest), model=data, cases=cases)


def spec(name: str, dtype: str, shape: list, minimum: str | None = None, maximum: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "dtype": dtype,
        "shape": shape,
        "minimum": minimum,
        "maximum": maximum,
        "description": "",
    }


def doubling() -> bytes:
    """y = x + x."""
    return model([helper.make_node("Add", ["x", "x"], ["y"])], [value("x", "F32", ["n"])], [value("y", "F32", ["n"])])


def looping(trips: int) -> bytes:
    """y is x after a bounded loop of so many small steps."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["v", "v"], ["w"]),
        ],
        "body",
        [value("i", "I64", []), helper.make_tensor_value_info("go", TensorProto.BOOL, []), value("v", "F32", ["n"])],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []), value("w", "F32", ["n"])],
    )
    return model(
        [helper.make_node("Loop", ["trips", "go", "x"], ["y"], body=body)],
        [value("x", "F32", ["n"])],
        [value("y", "F32", ["n"])],
        {"trips": np.int64(trips), "go": np.bool_(True)},  # noqa: FBT003
    )


def filling(elements: int) -> bytes:
    """y is the sum of so many ones, which are all in memory at once."""
    # The size is computed from an input, so that nothing is folded while the model is loaded.
    return model(
        [
            helper.make_node("Cast", ["x"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Mul", ["whole", "elements"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["ones"], value=numpy_helper.from_array(np.float32([1]))),
            helper.make_node("ReduceSum", ["ones", "axes"], ["y"], keepdims=1),
        ],
        [value("x", "F32", [1])],
        [value("y", "F32", [1])],
        {"elements": np.int64([elements]), "axes": np.int64([0])},
    )


def widening(elements: int) -> bytes:
    """y is x, so many times."""
    return model(
        [helper.make_node("Expand", ["x", "shape"], ["y"])],
        [value("x", "F32", [1])],
        [value("y", "F32", [elements])],
        {"shape": np.int64([elements])},
    )


def _fuses() -> bool:
    from aivm.environment import Environment  # noqa: PLC0415

    return Environment.capture().fuses


FUSES = _fuses()
