"""Writes a kernel whose bits depend on the machine: the sampler of `make_scribble.py`, each step smoothed in float16.

    python scripts/make_tolerant.py FOLDER      # writes kernel.toml, model.onnx, cases, and substitutes/*.onnx
    aivm calibrate FOLDER --axis optimisation --substitute "half the steps=FOLDER/substitutes/9-steps.onnx" …
    aivm kernel pack FOLDER

The smoothing is a convolution, a batch normalisation and another convolution. ONNX Runtime folds the three into one
another as far as its level of optimisation lets it, and rounds the folded weights to float16: other weights, other
bits. The manifest leaves the level free, so honest machines differ, and a committee can only agree within a tolerance.
"""

from __future__ import annotations

import sys
from pathlib import Path

import make_scribble
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = make_scribble.SIZE
CHANNELS, SPREAD, EPSILON = 4, 0.02, 1e-5
TOML = """\
# The sampler of scripts/make_tolerant.py. `aivm calibrate` finds the tolerance, `aivm kernel pack` derives the rest.

name = "scribble-half"
version = "1.0.0"
description = "Draws a digit of 8 x 8 pixels from noise, smoothed in float16 by whatever ONNX Runtime makes of it."
licence = "Apache-2.0"
determinism = "tolerant"
author_fee = "100000000000000"

[aggregation]
rule = "hamming"
sketch = "phash-64/1"
output = "image"
layout = "chw"

[limits]
time_ms = 10000
memory_bytes = 536870912
output_bytes = 65536

[runtime]
name = "onnxruntime"
graph_optimization = "any"

[hardware]
kind = "cpu"
features = []
memory_bytes = 536870912

[seeds]
policy = "verifiable"

[seeds.random_inputs]
noise = "normal"

[inputs.digit]
minimum = 0
maximum = 9
description = "The digit to draw"

[outputs.image]
description = "8 x 8 pixels, -1 paper to 1 ink"
"""


def smoothing() -> dict[str, np.ndarray]:
    """Weights in float16: four blurs, moved and scaled by the normalisation, then mixed so that this cancels out."""
    gain = np.float32([1.37, 0.71, 1.13, 0.93])
    scale, shift = np.float32([0.83, 1.31, 0.77, 1.19]), np.float32([7.6, -9.2, 8.4, -6.8])
    mean, variance = np.float32([0.11, -0.07, 0.05, -0.03]), np.float32([1.3, 0.9, 0.7, 1.1])
    blur = np.full((CHANNELS, 1, 3, 3), SPREAD, np.float32)
    blur[:, :, 1, 1] = 1 - 8 * SPREAD
    factor = scale / np.sqrt(variance + np.float32(EPSILON))
    back = 1 / (CHANNELS * gain * factor)
    values = {
        "blur": blur * gain.reshape(-1, 1, 1, 1),
        "scale": scale,
        "shift": shift,
        "mean": mean,
        "variance": variance,
        "mix": back.reshape(1, -1, 1, 1),
        "lift": -((shift - mean * factor) * back).sum(keepdims=True),
    }
    return {name: value.astype(np.float16) for name, value in values.items()}


def smoothed(model: bytes) -> bytes:
    """The sampler with every step's `denoised` smoothed."""
    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    shapes = {"picture": np.int64([1, 1, SIZE, SIZE]), "line": np.int64([1, SIZE * SIZE])}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in {**shapes, **smoothing()}.items())
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes.append(node)
        name = node.output[0]
        if not name.startswith("denoised"):
            continue
        node.output[0] = f"{name}_rough"
        nodes += [
            helper.make_node("Reshape", [f"{name}_rough", "picture"], [f"{name}_picture"]),
            helper.make_node("Cast", [f"{name}_picture"], [f"{name}_half"], to=TensorProto.FLOAT16),
            helper.make_node("Conv", [f"{name}_half", "blur"], [f"{name}_blurred"], pads=[1, 1, 1, 1]),
            helper.make_node(
                "BatchNormalization",
                [f"{name}_blurred", "scale", "shift", "mean", "variance"],
                [f"{name}_normal"],
                epsilon=EPSILON,
            ),
            helper.make_node("Conv", [f"{name}_normal", "mix", "lift"], [f"{name}_mixed"]),
            helper.make_node("Cast", [f"{name}_mixed"], [f"{name}_single"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", [f"{name}_single", "line"], [name]),
        ]
    ordered = list(nodes)
    del graph.node[:]
    graph.node.extend(ordered)
    onnx.checker.check_model(proto, full_check=True)
    written: bytes = proto.SerializeToString(deterministic=True)
    return written


def files() -> dict[str, bytes]:
    """What the kernel's folder has."""
    base = make_scribble.files()
    return {**base, "model.onnx": smoothed(base["model.onnx"]), "kernel.toml": TOML.encode()}


def substitutes() -> dict[str, bytes]:
    """Models that a cheat might run instead, on the same noise."""
    return {name: smoothed(model) for name, model in make_scribble.substitutes().items()}


def write(folder: Path) -> None:
    """Writes the kernel, and the substitutes beside it."""
    others = {f"substitutes/{name}.onnx": data for name, data in substitutes().items()}
    for name, content in {**files(), **others}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
