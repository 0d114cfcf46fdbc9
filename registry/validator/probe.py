"""The smallest kernel there is, packed and run for real: what `aivm validator check` tries."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from aivm import kernel as kernels
from aivm import tensors
from aivm.execution import execute

if TYPE_CHECKING:
    from aivm.execution import Execution


def run_probe() -> Execution:
    """Packs a kernel that negates four integers, and runs it in the sandbox.

    Raises:
        AivmError: naming what does not work on this machine.
    """
    numbers = {"x": np.arange(4, dtype=np.int32)}
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.INT32, [4])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with tempfile.TemporaryDirectory(prefix="aivm-probe-") as folder:
        directory = Path(folder) / "probe"
        kernels.init(directory, name="probe")
        (directory / "model.onnx").write_bytes(model.SerializeToString())
        (directory / "cases").mkdir(exist_ok=True)
        (directory / "cases" / "numbers.safetensors").write_bytes(tensors.encode(numbers))
        return execute(kernels.pack(directory), numbers)
