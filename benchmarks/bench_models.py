"""Whole networks: a transformer encoder, a ResNet-18-shaped classifier, a small U-Net, a perceptron."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from graphs import floats
from harness import Case
from models import minilm, resnet, unet
from models.graph_builder import GraphBuilder
from onnx import TensorProto

if TYPE_CHECKING:
    from collections.abc import Iterator


def perceptron(batch: int) -> tuple[bytes, dict[str, Any]]:
    """Three layers."""
    g = GraphBuilder(seed=3)
    x = "x"
    for k, n in ((784, 512), (512, 512), (512, 10)):
        x = g.node("Gemm", x, g.random(k, n, scale=k**-0.5), g.random(n, scale=0.01))
        x = g.node("Relu", x) if n != 10 else x
    return g.model({"x": (TensorProto.FLOAT, ["batch", 784])}, {x: ["batch", 10]}), {"x": floats(1, batch, 784)}


def _encoder(batch: int, tokens: int) -> tuple[bytes, dict[str, Any]]:
    return minilm.model(), minilm.inputs(batch, tokens)


def _resnet(batch: int) -> tuple[bytes, dict[str, Any]]:
    return resnet.model(), resnet.inputs(batch)


def _unet(batch: int) -> tuple[bytes, dict[str, Any]]:
    return unet.model(), unet.inputs(batch)


def cases() -> Iterator[Case]:
    """Each alone and as a batch."""
    minilm.check()
    yield Case(name="all-MiniLM-L6-v2, 128 tokens", make=partial(_encoder, 1, 128))
    yield Case(name="all-MiniLM-L6-v2, 8 × 128 tokens", make=partial(_encoder, 8, 128))
    yield Case(name="all-MiniLM-L6-v2, 16 tokens", make=partial(_encoder, 1, 16))
    yield Case(name="ResNet-18 shape, 224²", make=partial(_resnet, 1))
    yield Case(name="ResNet-18 shape, 4 × 224²", make=partial(_resnet, 4))
    yield Case(name="U-Net, 64²", make=partial(_unet, 1))
    yield Case(name="U-Net, 4 × 64²", make=partial(_unet, 4))
    yield Case(name="perceptron", make=partial(perceptron, 1))
    yield Case(name="perceptron, 64 rows", make=partial(perceptron, 64))
