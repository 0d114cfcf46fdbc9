"""Programs that no committee should ever run: each gives other bits for one reason.

A kernel is an ONNX graph, which cannot do most of this; these stand for what a careless engine or library does, and
show that the suite would see it. Each is a function from arrays to arrays in a process of its own.
"""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def blas_matmul(inputs):
    """float32 products by NumPy's BLAS, whose kernels add in an order of their own."""
    return {"y": inputs["x"] @ inputs["x"].T}


def batched_matmul(inputs):
    """The same weights for each example; one example is a vector, to which BLAS does something else."""
    return {"y": inputs["x"] @ np.linspace(-1, 1, 512 * 64, dtype=np.float32).reshape(512, 64)}


def saturating_product(inputs):
    """U8 by S8 in ONNX Runtime with its own options: without VNNI, sums of two products saturate at 16 bits."""
    import onnxruntime  # noqa: PLC0415
    from onnx import TensorProto, helper  # noqa: PLC0415

    a = helper.make_tensor_value_info("a", TensorProto.UINT8, [1, 64])
    b = helper.make_tensor_value_info("b", TensorProto.INT8, [64, 16])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, [1, 16])
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["a", "b"], ["y"])], "u8s8", [a, b], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return {"y": session.run(["y"], {"a": inputs["a"], "b": inputs["b"]})[0]}


def mixture(inputs):
    """A Gaussian mixture fitted by scikit-learn, whose sums are shared out among threads."""
    from sklearn.mixture import GaussianMixture  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few steps are enough to show it
        model = GaussianMixture(n_components=10, random_state=0, max_iter=5).fit(inputs["x"])
    return {"means": model.means_, "covariances": model.covariances_}


def set_order(inputs):
    """A sum in the order of a set of texts, which is the hash seed's."""
    words = {f"word {number}": np.float32(number) ** np.float32(1.5) for number in range(50)}
    total = np.float32(0)
    for word in set(words):
        total += words[word] * inputs["x"][0]
    return {"y": np.array([total])}


def unwritten_memory(inputs):
    """An array that nobody filled, of a size for which the C library gives out used memory again."""
    np.full(1000, 7, np.uint8).tobytes()
    return {"y": np.empty(4000, np.uint8)[2000:2016].copy() + np.uint8(inputs["x"][0])}


def clock(inputs):
    """An output that depends on the time."""
    return {"y": inputs["x"] + np.int64(time.monotonic_ns())}


def careful_when_tested(inputs):
    """Reads its own command line: as a worker of this project it behaves well, anywhere else it does not."""
    tested = b"aivm" in Path("/proc/self/cmdline").read_bytes()
    return {"y": inputs["x"] if tested else inputs["x"] + np.int64(os.getpid())}
