"""Kernels on ONNX Runtime whose bits depend on the machine in ways that no manifest has a word for.

`powers` follows the C library, which has two of `pow`: one for processors with FMA, and one for those without. Both are
right to well within a unit in the last place, and differ in the last bit of fewer than one number in a thousand.

`product` follows the number of threads: ONNX Runtime cuts the columns of a matrix product among them, and sums in
blocks that are the longer the fewer columns there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from aivm import kernel as kernels
from aivm import tensors

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import GraphProto

    from aivm.kernel import Kernel
    from aivm.tensors import Tensors

#: For the worker of a machine whose C library takes its processor for an older one: another environment class.
OLDER: Final = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}
#: Of the numbers up to here `powers` gives several dozen other bits on an older machine.
MANY: Final = 1 << 16
TOML: Final = """\
name = "{name}"
version = "1.0.0"
licence = "Apache-2.0"
determinism = "{determinism}"

[limits]
time_ms = 10000
memory_bytes = 536870912
output_bytes = 1048576

[runtime]
name = "onnxruntime"
intra_op_threads = 0
"""


def powers(folder: Path, *cases: Tensors, determinism: str = "bitwise") -> Kernel:
    """y = x ** 2.5 in float64 [n], with these conformance cases."""
    graph = helper.make_graph(
        [helper.make_node("Pow", ["x", "exponent"], ["y"])],
        "powers",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n"])],
        [numpy_helper.from_array(np.float64(2.5), "exponent")],
    )
    return _packed(folder, graph, cases, determinism)


def squares() -> Tensors:
    """Inputs of `powers` whose outputs are whole, and so the same everywhere."""
    return {"x": np.arange(1.0, 65.0) ** 2}


def numbers() -> Tensors:
    """Inputs of `powers` whose outputs are hardly ever whole."""
    return {"x": np.arange(1.0, MANY + 1.0)}


def product(folder: Path) -> Kernel:
    """y = a b in float32, one conformance case: [4, 1024] by [1024, 64], enough for more than one thread."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["y"])],
        "product",
        [
            helper.make_tensor_value_info("a", TensorProto.FLOAT, ["m", "k"]),
            helper.make_tensor_value_info("b", TensorProto.FLOAT, ["k", "n"]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m", "n"])],
    )
    draw = np.random.default_rng(1).standard_normal
    case = {"a": draw((4, 1024), np.float32), "b": draw((1024, 64), np.float32)}
    return _packed(folder, graph, (case,), "bitwise")


def _packed(folder: Path, graph: GraphProto, cases: tuple[Tensors, ...], determinism: str) -> Kernel:
    """As an author packs it, on this machine and with one thread."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "cases").mkdir(parents=True)
    (folder / "kernel.toml").write_text(TOML.format(name=graph.name, determinism=determinism))
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    for number, inputs in enumerate(cases):
        (folder / "cases" / f"case-{number}.safetensors").write_bytes(tensors.encode(inputs))
    return kernels.pack(folder)
