"""Trains the digit classifier of `kernels/digits`, quantises it to integers, and writes it as ONNX.

    pip install 'aivm[train]'
    python scripts/train_digits.py            # writes kernels/digits
    python scripts/train_digits.py --check    # trains again and compares with what is there, byte for byte

The network is trained in binary64, then rounded to 8-bit weights and activations, so that the graph has integers only:
products of uint8 summed in int32, biases in int32, and between the layers a division by a power of two. Every sum is
exact in any order, so any conforming engine gives the same bits.

The same machine gives the same bytes each time: one thread, fixed seeds, and the plainest code paths of torch. Another
processor or another version of torch may round differently while training, and then the weights differ.

The data are scikit-learn's bundled digits (UCI, Optical Recognition of Handwritten Digits): 1797 images of 8 x 8 pixels
from 0 to 16. Every fifth image is held out: it is used neither to train nor to choose anything.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path

# Before torch is imported: its code without vector extensions, and a matrix library that does not choose by processor.
os.environ.update(ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from torch import nn

from aivm import tensors

FOLDER = Path(__file__).resolve().parents[1] / "kernels" / "digits"
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY, SEED = 60, 32, 2e-3, 1e-2, 0
OPSET, IR_VERSION = 17, 8
ZERO_POINT = 128  # of the weights: a stored byte b is the weight b - 128
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Images uint8 [N, 1, 8, 8], labels uint8 [N]."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A quantised layer: y = clip((x · (weight - 128) + bias) / 2^shift, 0, 255); the last has no shift.

    Attributes:
        weight: uint8, [out, in, 3, 3] or [in, out].
        bias: int32 [out], half of 2^shift included, so that the division rounds to nearest.
        shift: bits to divide by, or None.
    """

    weight: np.ndarray
    bias: np.ndarray
    shift: int | None


def load() -> tuple[Data, Data]:
    """The images to train on, and those held out."""
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8)[:, None], digits.target.astype(np.uint8)
    held_out = np.arange(len(labels)) % 5 == 4
    return (
        Data(images=images[~held_out], labels=labels[~held_out]),
        Data(images=images[held_out], labels=labels[held_out]),
    )


def train(data: Data) -> nn.Sequential:
    """The network in binary64."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.mkldnn.enabled = False
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    ).double()
    images, labels = torch.from_numpy(data.images).double(), torch.from_numpy(data.labels).long()
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * math.ceil(len(labels) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = np.random.RandomState(SEED)
    for epoch in range(EPOCHS):
        total = 0.0
        shuffled = order.permutation(len(labels))
        for start in range(0, len(labels), BATCH):
            batch = torch.from_numpy(shuffled[start : start + BATCH])
            loss = nn.functional.cross_entropy(network(images[batch] / 16), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(batch)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / len(labels):.4f}", file=sys.stderr)
    return network


def quantise(network: nn.Sequential, data: Data) -> list[Layer]:
    """The layers in integers, with ranges taken from the training images.

    The scale of the weights is chosen so that from one layer's integers to the next there is only a power of two:
    s_weight = s_out / (s_in · 2^shift), with the greatest shift at which the weights still fit into 8 bits.
    """
    layers = []
    scale = 1 / 16  # of the input: the network was trained on pixels / 16
    values = torch.from_numpy(data.images).double() / 16
    modules = list(network)
    weighted = [index for index, module in enumerate(modules) if isinstance(module, (nn.Conv2d, nn.Linear))]
    for index, after in zip(weighted, [*weighted[1:], None], strict=True):
        module = modules[index]
        weight = module.weight.detach().numpy()
        greatest = np.abs(weight).max()
        if after is None:
            shift, step = None, greatest / 127
        else:
            with torch.no_grad():
                for step_module in modules[index:after]:
                    values = step_module(values)
            out_scale = float(values.max()) / 255
            shift = math.floor(math.log2(127 * out_scale / (scale * greatest)))
            step = out_scale / (scale * 2**shift)
        stored = (np.rint(weight / step) + ZERO_POINT).astype(np.uint8)
        half = 0 if shift is None else 2 ** (shift - 1)
        bias = np.rint(module.bias.detach().numpy() / (scale * step)) + half
        layers.append(
            # torch keeps a matrix as [out, in], MatMul wants [in, out].
            Layer(weight=stored.T if stored.ndim == 2 else stored, bias=bias.astype(np.int32), shift=shift)
        )
        if shift is not None:
            scale = out_scale
    return layers


def build(layers: list[Layer]) -> bytes:
    """The ONNX file: integer operators only."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def node(operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    zero = constant("zero", np.uint8(0))
    middle = constant("weight_zero", np.uint8(ZERO_POINT))
    least, greatest = constant("least", np.int32(0)), constant("greatest", np.int32(255))
    value = "image"
    for number, layer in enumerate(layers, 1):
        weight = constant(f"weight{number}", layer.weight)
        if layer.weight.ndim == 4:
            value = node("ConvInteger", [value, weight, zero, middle], f"product{number}", pads=[1, 1, 1, 1])
        else:
            value = node("MatMulInteger", [value, weight, zero, middle], f"product{number}")
        bias = layer.bias.reshape([1, -1] + [1] * (layer.weight.ndim - 2))
        last = layer.shift is None
        value = node("Add", [value, constant(f"bias{number}", bias)], "logits" if last else f"sum{number}")
        if not last:
            divisor = constant(f"divisor{number}", np.int32(2**layer.shift))
            value = node("Div", [value, divisor], f"quotient{number}")
            value = node("Clip", [value, least, greatest], f"clipped{number}")
            value = node("Cast", [value], f"activation{number}", to=TensorProto.UINT8)
        if number == 2:
            value = node("MaxPool", [value], "pooled", kernel_shape=[2, 2], strides=[2, 2])
            value = node("Flatten", [value], "features")
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.INT32, ["N", 10])],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="train_digits"
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def evaluate(layers: list[Layer], images: np.ndarray) -> np.ndarray:
    """The logits by numpy's integers, int64 [N, 10]: what the ONNX file must give."""
    values = images.astype(np.int64)
    for number, layer in enumerate(layers, 1):
        weight = layer.weight.astype(np.int64) - ZERO_POINT
        if weight.ndim == 4:
            padded = np.pad(values, [(0, 0), (0, 0), (1, 1), (1, 1)])
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
            values = np.einsum("nchwij,ocij->nohw", windows, weight) + layer.bias[None, :, None, None]
        else:
            values = values @ weight + layer.bias
        if layer.shift is not None:
            values = np.clip(values >> layer.shift, 0, 255)
        if number == 2:
            values = values.reshape(len(values), -1, 4, 2, 4, 2).max(axis=(3, 5)).reshape(len(values), -1)
    return values


def files(layers: list[Layer], held_out: Data) -> dict[str, bytes]:
    """What goes into the folder, by path: the model, the conformance cases, the held-out images and labels."""
    cases = {"blank": np.zeros([1, 1, 8, 8], np.uint8), "full": np.full([1, 1, 8, 8], 16, np.uint8)}
    for digit in (0, 3, 5, 8, 9):
        first = int(np.flatnonzero(held_out.labels == digit)[0])
        cases[WORDS[digit]] = held_out.images[first : first + 1]
    return {
        "model.onnx": build(layers),
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
    network = train(training)
    layers = quantise(network, training)
    with torch.no_grad():
        floating = network(torch.from_numpy(held_out.images).double() / 16).argmax(1).numpy()
    integer = evaluate(layers, held_out.images).argmax(1)
    for name, answers in (("binary64", floating), ("integer", integer)):
        right = int((answers == held_out.labels).sum())
        print(f"{name}: {right} of {len(answers)} held-out images, {right / len(answers):.2%}")
    differing = 0
    for name, data in files(layers, held_out).items():
        path = arguments.folder / name
        if arguments.check:
            same = path.exists() and path.read_bytes() == data
            differing += not same
            print(f"{'same' if same else 'DIFFERS'}: {name}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"{len(data):7} bytes: {name}")
    return min(differing, 1)


if __name__ == "__main__":
    sys.exit(main())
