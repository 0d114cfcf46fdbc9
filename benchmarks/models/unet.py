"""A small U-Net as diffusion models have it (Ho et al., 2020): group normalisation, SiLU, a time embedding, skips."""

from __future__ import annotations

from typing import Any

import numpy as np
from graphs import floats
from onnx import TensorProto

from models.graph_builder import GraphBuilder

EXTENT = 64
_TIME = 128
_GROUPS = 8


class _UNet:
    def __init__(self) -> None:
        self.graph = GraphBuilder(seed=6)

    def conv(self, x: str, c: int, m: int, kernel: int = 3, stride: int = 1) -> str:
        g = self.graph
        weights = g.random(m, c, kernel, kernel, scale=(1 / (c * kernel * kernel)) ** 0.5)
        return g.node("Conv", x, weights, g.random(m, scale=0.01), strides=[stride] * 2, pads=[kernel // 2] * 4)

    def silu(self, x: str) -> str:
        return self.graph.node("Mul", x, self.graph.node("Sigmoid", x))

    def linear(self, x: str, k: int, n: int) -> str:
        g = self.graph
        return g.node("Gemm", x, g.random(k, n, scale=k**-0.5), g.random(n, scale=0.01))

    def normalised(self, x: str, c: int) -> str:
        g = self.graph
        return g.node("GroupNormalization", x, g.random(c, scale=1), g.random(c, scale=0.1), num_groups=_GROUPS)

    def time(self) -> str:
        """Sines and cosines of the step, through two layers."""
        g = self.graph
        rates = np.exp(np.arange(_TIME // 2, dtype=np.float32) * np.float32(-np.log(10_000) / (_TIME // 2)))
        angles = g.node("Mul", g.node("Unsqueeze", "step", g.weight([1])), g.weight(rates))
        waves = g.node("Concat", g.node("Sin", angles), g.node("Cos", angles), axis=1)
        return self.linear(self.silu(self.linear(waves, _TIME, _TIME)), _TIME, _TIME)

    def block(self, x: str, time: str, c: int, m: int) -> str:
        g = self.graph
        y = self.conv(self.silu(self.normalised(x, c)), c, m)
        shift = g.node("Unsqueeze", self.linear(self.silu(time), _TIME, m), g.weight([2, 3]))
        y = self.conv(self.silu(self.normalised(g.node("Add", y, shift), m)), m, m)
        return g.node("Add", y, x if c == m else self.conv(x, c, m, 1))

    def attention(self, x: str, c: int, extent: int) -> str:
        g = self.graph
        flat = g.node("Reshape", self.normalised(x, c), g.weight([0, c, extent * extent]))
        tokens = g.node("Transpose", flat, perm=(0, 2, 1))
        q, k, v = (g.node("MatMul", tokens, g.random(c, c, scale=c**-0.5)) for _ in range(3))
        scores = g.node("MatMul", q, g.node("Transpose", k, perm=(0, 2, 1)))
        scaled = g.node("Mul", scores, g.weight(np.array(c**-0.5, np.float32)))
        mixed = g.node("MatMul", g.node("Softmax", scaled, axis=-1), v)
        back = g.node("Reshape", g.node("Transpose", mixed, perm=(0, 2, 1)), g.weight([0, c, extent, extent]))
        return g.node("Add", back, x)

    def twice(self, x: str) -> str:
        g = self.graph
        sizes = g.weight(np.array([1, 1, 2, 2], np.float32))
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return g.node("Resize", x, "", sizes, mode="nearest", **how)


def model() -> bytes:
    """One step of the network as an ONNX file, for any batch of 64 × 64 images."""
    net = _UNet()
    g, time = net.graph, net.time()
    widths = (32, 64, 128)
    x = net.conv("image", 3, widths[0])
    skips, channels = [], widths[0]
    for width in widths:
        x = net.block(x, time, channels, width)
        channels = width
        skips.append((x, width))
        if width != widths[-1]:
            x = net.conv(x, width, width, stride=2)
    x = net.attention(net.block(x, time, channels, channels), channels, EXTENT // 4)
    for skip, width in reversed(skips):
        x = net.block(g.node("Concat", x, skip, axis=1), time, channels + width, width)
        channels = width
        if width != widths[0]:
            x = net.conv(net.twice(x), width, width)
    noise = net.conv(net.silu(net.normalised(x, channels)), channels, 3)
    shape = ["batch", 3, EXTENT, EXTENT]
    return g.model({"image": (TensorProto.FLOAT, shape), "step": (TensorProto.FLOAT, ["batch"])}, {noise: shape})


def inputs(batch: int) -> dict[str, Any]:
    """Random images, at random steps."""
    return {"image": floats(1, batch, 3, EXTENT, EXTENT), "step": np.arange(1, batch + 1, dtype=np.float32) * 100}
