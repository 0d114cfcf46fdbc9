"""A network of ResNet-18's shape (He et al., 2015): seeded weights, batch normalisation folded as exporters do."""

from __future__ import annotations

from typing import Any

from graphs import floats
from onnx import TensorProto

from models.graph_builder import GraphBuilder

CLASSES = 1000


def _conv(g: GraphBuilder, x: str, c: int, m: int, kernel: int, stride: int) -> str:
    weights = g.random(m, c, kernel, kernel, scale=(2 / (c * kernel * kernel)) ** 0.5)
    return g.node("Conv", x, weights, g.random(m, scale=0.01), strides=[stride] * 2, pads=[kernel // 2] * 4)


def _block(g: GraphBuilder, x: str, c: int, m: int, stride: int) -> str:
    inner = g.node("Relu", _conv(g, x, c, m, 3, stride))
    sum_ = g.node("Add", _conv(g, inner, m, m, 3, 1), x if c == m else _conv(g, x, c, m, 1, stride))
    return g.node("Relu", sum_)


def model() -> bytes:
    """The network as an ONNX file, for any batch of 224 × 224 images."""
    g = GraphBuilder(seed=18)
    x = g.node("Relu", _conv(g, "image", 3, 64, 7, 2))
    x = g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for width in (64, 128, 256, 512):
        x = _block(g, x, channels, width, 1 if width == channels else 2)
        x = _block(g, x, width, width, 1)
        channels = width
    x = g.node("Flatten", g.node("GlobalAveragePool", x))
    logits = g.node("Gemm", x, g.random(CLASSES, 512, scale=0.04), g.random(CLASSES, scale=0.01), transB=1)
    return g.model({"image": (TensorProto.FLOAT, ["batch", 3, 224, 224])}, {logits: ["batch", CLASSES]})


def inputs(batch: int) -> dict[str, Any]:
    """Random images."""
    return {"image": floats(1, batch, 3, 224, 224)}
