"""Trains the digit classifier of `kernels/digits` on the reproducible engine, and writes it as ONNX.

    pip install -e '.[train]'
    python scripts/train_digits.py            # writes kernels/digits
    python scripts/train_digits.py --check    # trains again and compares with what is there, byte for byte

A step of training is itself an ONNX graph: the network forwards, its gradients backwards, and AdamW. The engine gives
the same bits on every machine, and so every machine that trains gets the same weights. What the graph does not compute,
the order of the images and the learning rate, is single operations on integers and binary64.

The data are scikit-learn's bundled digits (UCI, Optical Recognition of Handwritten Digits): 1797 images of 8 x 8 pixels
from 0 to 16. Every fifth image is held out: it is used neither to train nor to choose anything.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

import aivm
from aivm import tensors
from aivm.seeds import random_input

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).resolve().parents[1] / "kernels" / "digits"
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY, SEED = 60, 32, 4e-3, 1e-2, bytes(32)
SMOOTHING, MOMENTUM, SPREAD, LEAST = 0.05, 0.9, 0.999, 1e-8  # of labels; AdamW's beta 1, beta 2 and epsilon
CHANNELS = 16  # of the second convolution
OPSET, IR_VERSION = 17, 8
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
#: The parameters, float32, in the order of the layers.
SHAPES = {
    "weight1": (8, 1, 3, 3), "bias1": (8,), "weight2": (CHANNELS, 8, 3, 3), "bias2": (CHANNELS,),
    "weight3": (16 * CHANNELS, 32), "bias3": (32,), "weight4": (32, 10), "bias4": (10,),
}  # fmt: skip

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Images uint8 [N, 1, 8, 8], labels uint8 [N]."""

    images: np.ndarray
    labels: np.ndarray


class Graph:
    """A graph that is being written; every call of a method is a node, named as its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: object) -> str:
        """An initializer."""
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        """A node with one output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def model(self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> bytes:
        """The ONNX file, checked."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="train_digits")
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def load() -> tuple[Data, Data]:
    """The images to train on, and those held out."""
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8)[:, None], digits.target.astype(np.uint8)
    held_out = np.arange(len(labels)) % 5 == 4
    return (
        Data(images=images[~held_out], labels=labels[~held_out]),
        Data(images=images[held_out], labels=labels[held_out]),
    )


def forward(graph: Graph) -> str:
    """The network: uint8 `image` [N, 1, 8, 8] to float32 `logits` [N, 10]."""
    graph.node("Cast", ["image"], "pixels", to=TensorProto.FLOAT)
    graph.node("Mul", ["pixels", graph.constant("sixteenth", np.float32(1 / 16))], "ink")
    graph.node("Conv", ["ink", "weight1", "bias1"], "sum1", pads=[1, 1, 1, 1])
    graph.node("Relu", ["sum1"], "active1")
    graph.node("Conv", ["active1", "weight2", "bias2"], "sum2", pads=[1, 1, 1, 1])
    graph.node("Relu", ["sum2"], "active2")
    graph.node("MaxPool", ["active2"], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    graph.node("Flatten", ["pooled"], "features")
    graph.node("Gemm", ["features", "weight3", "bias3"], "sum3")
    graph.node("Relu", ["sum3"], "active3")
    return graph.node("Gemm", ["active3", "weight4", "bias4"], "logits")


def backward(graph: Graph) -> None:
    """Gradients of the mean cross-entropy between the logits and `target` [N, 10]: one for each parameter, `d_NAME`."""
    zero, count = graph.constant("zero", np.float32(0)), graph.constant("count", np.float32(BATCH))
    graph.node("LogSoftmax", ["logits"], "logs")
    graph.node("Mul", ["target", "logs"], "products")
    graph.node("ReduceSum", ["products"], "likelihood", keepdims=0)
    graph.node("Softmax", ["logits"], "chances")
    graph.node("Sub", ["chances", "target"], "excess")
    graph.node("Div", ["excess", count], "d_sum4")

    def linear(number: int, given: str) -> None:
        graph.node("Gemm", [given, f"d_sum{number}"], f"d_weight{number}", transA=1)
        graph.node("ReduceSum", [f"d_sum{number}", "first_axis"], f"d_bias{number}", keepdims=0)
        graph.node("Gemm", [f"d_sum{number}", f"weight{number}"], f"d_given{number}", transB=1)

    def convolution(number: int, given: str) -> None:
        # The images become the channels: sums over images and places are what a convolution computes.
        graph.node("Transpose", [given], f"given{number}", perm=[1, 0, 2, 3])
        graph.node("Transpose", [f"d_sum{number}"], f"kernel{number}", perm=[1, 0, 2, 3])
        graph.node("Conv", [f"given{number}", f"kernel{number}"], f"turned{number}", pads=[1, 1, 1, 1])
        graph.node("Transpose", [f"turned{number}"], f"d_weight{number}", perm=[1, 0, 2, 3])
        graph.node("ReduceSum", [f"d_sum{number}", "other_axes"], f"d_bias{number}", keepdims=0)

    def rectifier(number: int, gradient: str) -> None:
        graph.node("Greater", [f"active{number}", zero], f"on{number}")
        graph.node("Where", [f"on{number}", gradient, zero], f"d_sum{number}")

    graph.constant("first_axis", np.int64([0]))
    graph.constant("other_axes", np.int64([0, 2, 3]))
    linear(4, "active3")
    rectifier(3, "d_given4")
    linear(3, "features")
    # To every place of a window that has its greatest value; among zeros that is stopped by the rectifier.
    graph.constant("windows", np.int64([BATCH, CHANNELS, 4, 1, 4, 1]))
    graph.constant("spread", np.int64([BATCH, CHANNELS, 4, 2, 4, 2]))
    graph.constant("square", np.int64([BATCH, CHANNELS, 8, 8]))
    for source, name in (("pooled", "greatest"), ("d_given3", "d_greatest")):
        graph.node("Reshape", [source, "windows"], f"{name}_windows")
        graph.node("Expand", [f"{name}_windows", "spread"], f"{name}_spread")
        graph.node("Reshape", [f"{name}_spread", "square"], name)
    graph.node("Equal", ["active2", "greatest"], "chosen")
    graph.node("Where", ["chosen", "d_greatest", zero], "d_active2")
    rectifier(2, "d_active2")
    convolution(2, "active1")
    graph.node("ConvTranspose", ["d_sum2", "weight2"], "d_active1", pads=[1, 1, 1, 1])
    rectifier(1, "d_active1")
    convolution(1, "ink")


def update(graph: Graph, name: str) -> None:
    """AdamW (Loshchilov, Hutter, 2019) for one parameter: `new_NAME`, and its moments `new_m_NAME`, `new_v_NAME`."""
    graph.node("Mul", [f"m_{name}", "momentum"], f"kept_m_{name}")
    graph.node("Mul", [f"d_{name}", "momentum_left"], f"added_m_{name}")
    graph.node("Add", [f"kept_m_{name}", f"added_m_{name}"], f"new_m_{name}")
    graph.node("Mul", [f"v_{name}", "spread_kept"], f"kept_v_{name}")
    graph.node("Mul", [f"d_{name}", f"d_{name}"], f"squared_{name}")
    graph.node("Mul", [f"squared_{name}", "spread_left"], f"added_v_{name}")
    graph.node("Add", [f"kept_v_{name}", f"added_v_{name}"], f"new_v_{name}")
    graph.node("Div", [f"new_v_{name}", "v_correction"], f"mean_v_{name}")
    graph.node("Sqrt", [f"mean_v_{name}"], f"root_{name}")
    graph.node("Add", [f"root_{name}", "least"], f"divisor_{name}")
    graph.node("Div", [f"new_m_{name}", f"divisor_{name}"], f"direction_{name}")
    graph.node("Mul", [f"direction_{name}", "rate"], f"change_{name}")
    graph.node("Mul", [name, "decay"], f"decayed_{name}")
    graph.node("Sub", [f"decayed_{name}", f"change_{name}"], f"new_{name}")


def training_step() -> bytes:
    """The graph of one step: from images, targets, parameters and moments to new parameters and moments."""
    graph = Graph()
    for name, value in (
        ("momentum", MOMENTUM), ("momentum_left", 1 - MOMENTUM),
        ("spread_kept", SPREAD), ("spread_left", 1 - SPREAD), ("least", LEAST),
    ):  # fmt: skip
        graph.constant(name, np.float32(value))
    forward(graph)
    backward(graph)
    values = {}
    for name, shape in SHAPES.items():
        update(graph, name)
        values |= {f"{kind}{name}": shape for kind in ("", "m_", "v_")}

    def floats(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    inputs = [
        helper.make_tensor_value_info("image", TensorProto.UINT8, [BATCH, 1, 8, 8]),
        floats("target", [BATCH, 10]),
    ]
    inputs += [floats(name, []) for name in ("rate", "decay", "v_correction")]
    inputs += [floats(name, shape) for name, shape in values.items()]
    outputs = [floats("likelihood", []), *(floats(f"new_{name}", shape) for name, shape in values.items())]
    return graph.model("training_step", inputs, outputs)


def train(data: Data) -> Arrays:
    """The parameters, trained; the same on every machine."""
    session = aivm.load(training_step())
    state = {
        f"{kind}{name}": np.zeros(shape, np.float32) for name, shape in SHAPES.items() for kind in ("", "m_", "v_")
    }
    for name, shape in SHAPES.items():
        if name.startswith("weight"):
            inputs = math.prod(shape[1:]) if len(shape) == 4 else shape[0]
            state[name] = random_input(name, shape, "normal", SEED) * np.float32(math.sqrt(2 / inputs))
    targets = np.float32(1 - SMOOTHING) * np.eye(10, dtype=np.float32) + np.float32(SMOOTHING / 10)
    per_epoch = len(data.labels) // BATCH
    left_m = left_v = 1.0
    for epoch in range(EPOCHS):
        order = np.argsort(random_input(f"order {epoch}", [len(data.labels)], "uniform", SEED), kind="stable")
        total = 0.0
        for step in range(per_epoch):
            batch = order[step * BATCH : (step + 1) * BATCH]
            gone = (epoch * per_epoch + step) / (EPOCHS * per_epoch)
            rate = LEARNING_RATE * (1 - gone) * (1 - gone) * (1 + 2 * gone)  # from all to nothing, flat at both ends
            left_m, left_v = left_m * MOMENTUM, left_v * SPREAD
            feeds = {
                "image": data.images[batch],
                "target": targets[data.labels[batch]],
                "rate": np.array(rate / (1 - left_m), np.float32),
                "decay": np.array(1 - rate * WEIGHT_DECAY, np.float32),
                "v_correction": np.array(1 - left_v, np.float32),
            }
            results = session.run({**feeds, **state})
            total -= float(results.pop("likelihood"))
            state = {name.removeprefix("new_"): value for name, value in results.items()}
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / (per_epoch * BATCH):.4f}", file=sys.stderr)
    return {name: state[name] for name in SHAPES}


def build(parameters: Arrays) -> bytes:
    """The ONNX file of the kernel."""
    graph = Graph()
    forward(graph)
    for name, value in parameters.items():
        graph.constant(name, value)
    return graph.model(
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
    )


def files(model: bytes, held_out: Data) -> dict[str, bytes]:
    """What goes into the folder, by path: the model, the conformance cases, the held-out images and labels."""
    cases = {"blank": np.zeros([1, 1, 8, 8], np.uint8), "full": np.full([1, 1, 8, 8], 16, np.uint8)}
    for digit in (0, 3, 5, 8, 9):
        first = int(np.flatnonzero(held_out.labels == digit)[0])
        cases[WORDS[digit]] = held_out.images[first : first + 1]
    return {
        "model.onnx": model,
        "held_out.safetensors": tensors.encode({"image": held_out.images, "label": held_out.labels}),
        **{f"cases/{name}.safetensors": tensors.encode({"image": image}) for name, image in cases.items()},
    }


def main() -> int:
    """Trains, then writes or compares."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would differ")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    training, held_out = load()
    model = build(train(training))
    for name, data in (("training", training), ("held-out", held_out)):
        answers = aivm.load(model).run({"image": data.images})["logits"].argmax(1)
        right = int((answers == data.labels).sum())
        print(f"{right} of {len(answers)} {name} images, {right / len(answers):.2%}")
    differing = 0
    for name, content in files(model, held_out).items():
        path = arguments.folder / name
        if arguments.check:
            same = path.exists() and path.read_bytes() == content
            differing += not same
            print(f"{'same' if same else 'DIFFERS'}: {name}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            print(f"{len(content):7} bytes: {name}")
    return min(differing, 1)


if __name__ == "__main__":
    sys.exit(main())
