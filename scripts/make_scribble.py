"""Writes `kernels/scribble`: a small diffusion sampler without training, whose denoiser is known in closed form.

    python scripts/make_scribble.py                        # writes model.onnx and the cases
    python scripts/make_scribble.py --check                # compares with what is there, byte for byte
    python scripts/make_scribble.py --substitutes FOLDER   # writes cheaper and other models on the same noise

The best denoiser for a finite set of images is an average of them, weighted by how likely each is under the noisy image
(Karras et al., "Elucidating the design space of diffusion-based generative models", 2022, appendix B.3). Applied to
overlapping windows instead of whole images it makes new ones (Kamb and Ganguli, "An analytic theory of creativity in
convolutional diffusion models", 2024). Euler steps from noise to image are unrolled into one graph. The images are the
digits that `kernels/digits` holds out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from aivm import tensors

if TYPE_CHECKING:
    from collections.abc import Sequence

KERNELS = Path(__file__).resolve().parents[1] / "kernels"
FOLDER = KERNELS / "scribble"
OPSET, IR_VERSION = 17, 8
SIZE, WINDOW, STRIDE = 8, 4, 2
MOST_NOISE, LEAST_NOISE, CURVE = 10.0, 0.25, 5.0  # standard deviations of the first and the last step; Karras's rho
STEPS, IMAGES = 18, 160
UNLIKELY = -10_000.0


def noise_levels(steps: int) -> list[np.float32]:
    """Standard deviations of the noise, falling; equation 5 of Karras et al."""
    ends = [level ** (1 / CURVE) for level in (MOST_NOISE, LEAST_NOISE)]
    places = [index / (steps - 1) for index in range(steps)]
    return [np.float32((ends[0] + place * (ends[1] - ends[0])) ** CURVE) for place in places]


def windows() -> np.ndarray:
    """The pixels of each window: int64 [9, 16]."""
    starts = range(0, SIZE - WINDOW + 1, STRIDE)
    return np.array(
        [
            [(top + y) * SIZE + left + x for y in range(WINDOW) for x in range(WINDOW)]
            for top in starts
            for left in starts
        ],
        np.int64,
    )


def data(first: int) -> tuple[np.ndarray, np.ndarray]:
    """Every other held-out image from `first` on: float32 [N, 64] between -1 and 1, and uint8 labels [N]."""
    held_out = tensors.decode((KERNELS / "digits" / "held_out.safetensors").read_bytes(), limit=1 << 20)
    images = held_out["image"][first::2][:IMAGES].reshape(-1, SIZE * SIZE)
    # The eighth of a percent keeps pixels from being short binary fractions, which float16 would not round.
    values = (images.astype(np.float32) / np.float32(8) - np.float32(1)) * np.float32(0.99875)
    return values, held_out["label"][first::2][:IMAGES]


def build(steps: int = STEPS, first: int = 0) -> bytes:
    """The sampler: `digit` int64 [1] and `noise` float32 [1, 64] to `image` float32 [1, 1, 8, 8]."""
    images, labels = data(first)
    pixels = windows()
    back = np.zeros((pixels.size, SIZE * SIZE), np.float32)
    back[np.arange(pixels.size), pixels.reshape(-1)] = 1
    back /= back.sum(axis=0)
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: object) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(operator: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    # Windows of the data, once: [9, N, 16], their squared lengths halved [9, 1, N], and which are of another digit.
    constant("data", images)
    constant("windows", pixels)
    node("Gather", ["data", "windows"], "data_windows", axis=1)
    node("Transpose", ["data_windows"], "patches", perm=[1, 0, 2])
    node("Transpose", ["patches"], "patches_across", perm=[0, 2, 1])
    node("Mul", ["patches", "patches"], "squares")
    node("ReduceSum", ["squares", constant("last_axis", np.int64([2]))], "lengths_down")
    node("Mul", ["lengths_down", constant("half", np.float32(0.5))], "half_lengths_down")
    node("Transpose", ["half_lengths_down"], "half_lengths", perm=[0, 2, 1])
    node("Equal", [constant("labels", labels.astype(np.int64)), "digit"], "wanted")
    node("Where", ["wanted", constant("zero", np.float32(0)), constant("unlikely", np.float32(UNLIKELY))], "prior")
    constant("back", back)
    constant("column", np.int64([len(pixels), 1, WINDOW * WINDOW]))
    constant("row", np.int64([1, pixels.size]))
    levels = noise_levels(steps)
    node("Mul", ["noise", constant("most_noise", levels[0])], "x0")
    for index, level in enumerate(levels):
        node("Gather", [f"x{index}", "windows"], f"cut{index}", axis=1)
        node("Reshape", [f"cut{index}", "column"], f"window{index}")
        node("MatMul", [f"window{index}", "patches_across"], f"match{index}")
        node("Sub", [f"match{index}", "half_lengths"], f"nearness{index}")
        node(
            "Mul", [f"nearness{index}", constant(f"precision{index}", np.float32(1) / (level * level))], f"odds{index}"
        )
        node("Add", [f"odds{index}", "prior"], f"likelihood{index}")
        node("Softmax", [f"likelihood{index}"], f"weight{index}", axis=-1)
        node("MatMul", [f"weight{index}", "patches"], f"mean{index}")
        node("Reshape", [f"mean{index}", "row"], f"means{index}")
        node("MatMul", [f"means{index}", "back"], f"denoised{index}")
        if index + 1 < steps:
            # Euler: x + (next - level) (x - denoised) / level = denoised + (x - denoised) next / level.
            share = constant(f"share{index}", levels[index + 1] / level)
            node("Sub", [f"x{index}", f"denoised{index}"], f"rest{index}")
            node("Mul", [f"rest{index}", share], f"kept{index}")
            node("Add", [f"denoised{index}", f"kept{index}"], f"x{index + 1}")
    node("Reshape", [f"denoised{steps - 1}", constant("square", np.int64([1, 1, SIZE, SIZE]))], "image")
    graph = helper.make_graph(
        nodes,
        "scribble",
        [
            helper.make_tensor_value_info("digit", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("noise", TensorProto.FLOAT, [1, SIZE * SIZE]),
        ],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, SIZE, SIZE])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="make_scribble")
    onnx.checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def files() -> dict[str, bytes]:
    """What the kernel's folder has besides kernel.toml."""
    cases = {f"cases/digit-{digit}.safetensors": tensors.encode({"digit": np.int64([digit])}) for digit in range(10)}
    return {"model.onnx": build(), **cases}


def substitutes() -> dict[str, bytes]:
    """Models that a cheat might run instead, on the same noise."""
    return {
        "17-steps": build(steps=STEPS - 1),
        "9-steps": build(steps=STEPS // 2),
        "4-steps": build(steps=4),
        "other-data": build(first=1),
    }


def main() -> None:
    """Writes or compares the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--substitutes", type=Path, help="write other models there instead")
    chosen = parser.parse_args()
    folder = chosen.substitutes or FOLDER
    made = files() if chosen.substitutes is None else {f"{name}.onnx": data for name, data in substitutes().items()}
    for name, content in made.items():
        path = folder / name
        if chosen.check and (not path.exists() or path.read_bytes() != content):
            sys.exit(f"{path} is not what this script writes")
        if not chosen.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        print(f"{path}: {len(content)} bytes")


if __name__ == "__main__":
    main()
