"""Each operator by itself, in sizes that networks have."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from graphs import floats, one_node
from harness import Case
from onnx import numpy_helper
from onnx.helper import np_dtype_to_tensor_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphs import Array

_PLANE = (1, 64, 56, 56)
_WIDE = (128, 3072)
_HEADS = (1, 128, 12, 32)


def case(name: str, operator: str, inputs: list[Array | None], **rest: Any) -> Case:
    """A case of one operator."""
    tolerance = rest.pop("tolerance", 1e-3)
    return Case(name=name, make=partial(one_node, operator, inputs, **rest), tolerance=tolerance)


def elementwise() -> Iterator[Case]:
    """Operations on each element by itself."""
    a, b = floats(1, *_WIDE), floats(2, *_WIDE)
    for operator in ("Add", "Mul", "Div", "Max", "Min"):
        yield case(f"{operator}, 128 × 3072", operator, [a, b])
    yield case("Add, a row", "Add", [a, floats(3, 3072)])
    yield case("Mul, a number per channel", "Mul", [floats(4, *_PLANE), floats(5, 1, 64, 1, 1)])
    yield case("Less", "Less", [a, b])
    yield case("Where", "Where", [a > 0, a, b])
    yield case("Where, a number", "Where", [a > 0, a, floats(6, 1)])
    yield case("Clip", "Clip", [a, np.array(0, np.float32), np.array(6, np.float32)], constants=(1, 2))
    for operator in ("Relu", "Abs", "Floor", "Round", "Neg", "Sign"):
        yield case(operator, operator, [a])
    yield case("LeakyRelu", "LeakyRelu", [a], alpha=0.1)
    yield case("HardSwish", "HardSwish", [a])
    yield case("Gelu", "Gelu", [a])
    yield case("Gelu by tanh", "Gelu", [a], approximate="tanh")
    yield case("Elu", "Elu", [a])
    yield case("Softplus", "Softplus", [a])
    integers = np.random.default_rng(7).integers(-1000, 1000, _WIDE)
    yield case("Add, int64", "Add", [integers, integers])
    yield case("Equal, int64 and a number", "Equal", [integers, np.ones(1, np.int64)])


def functions() -> Iterator[Case]:
    """Elementary functions: ours rounded correctly, ONNX Runtime's approximations."""
    x = floats(1, 256, 256) * np.float32(2)
    inside = np.clip(x / 8, -0.99, 0.99)
    everywhere = ("Exp", "Tanh", "Erf", "Sigmoid", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Reciprocal")
    for operator in everywhere:
        yield case(operator, operator, [x])
    for operator in ("Log", "Sqrt"):
        yield case(operator, operator, [np.abs(x)])
    for operator in ("Asin", "Acos", "Atanh"):
        yield case(operator, operator, [inside])
    yield case("Acosh", "Acosh", [1 + np.abs(x)])
    yield case("Pow", "Pow", [np.abs(x), floats(2, 256, 256)])
    yield case("Pow, squares", "Pow", [x, np.array(2, np.float32)], constants=(1,))


def reductions() -> Iterator[Case]:
    """Sums, extremes, and what is made of them."""
    plane, matrix = floats(1, *_PLANE), floats(2, 512, 768)
    for operator in ("ReduceSum", "ReduceMean", "ReduceMax"):
        for text, x, axes in (
            ("of rows", matrix, [1]),
            ("of columns", matrix, [0]),
            ("of images", plane, [2, 3]),
            ("of all", floats(3, 400_000), [0]),
            ("of short rows", floats(4, 6000, 40), [1]),
        ):
            yield case(f"{operator} {text}", operator, [x, np.array(axes)], constants=(1,))
    logits = floats(5, 8, 30_000)
    yield case("GlobalAveragePool", "GlobalAveragePool", [plane])
    yield case("ArgMax of rows", "ArgMax", [logits], axis=1)
    yield case("ArgMax of channels", "ArgMax", [plane], axis=1)
    yield case("TopK, 50 of 30,000", "TopK", [logits, np.array([50])], constants=(1,), outputs=2)
    for axis, text in ((1, "rows"), (0, "columns")):
        yield case(f"CumSum of {text}", "CumSum", [floats(6, 128, 3000), np.array(axis)], constants=(1,))
    for text, shape, axis in (
        ("of attention", (12, 128, 128), 2),
        ("of rows", (64, 3000), 1),
        ("of channels", (1, 21, 64, 64), 1),
    ):
        for operator in ("Softmax", "LogSoftmax"):
            yield case(f"{operator} {text}", operator, [floats(7, *shape)], axis=axis)


def normalisations() -> Iterator[Case]:
    """Means and deviations taken out."""
    row, plane, channel = floats(1, 128, 384), floats(2, *_PLANE), [floats(i, 64) for i in range(3, 6)]
    scale, bias = floats(3, 384), floats(4, 384)
    yield case("LayerNormalization", "LayerNormalization", [row, scale, bias], constants=(1, 2), axis=1)
    variance = np.abs(floats(6, 64)) + np.float32(1)
    yield case("BatchNormalization", "BatchNormalization", [plane, *channel, variance], constants=(1, 2, 3, 4))
    yield case("InstanceNormalization", "InstanceNormalization", [plane, *channel[:2]], constants=(1, 2))
    yield case("GroupNormalization", "GroupNormalization", [plane, *channel[:2]], constants=(1, 2), num_groups=8)


def pools() -> Iterator[Case]:
    """Pools of ResNet's and similar networks, and what enlarges."""
    for text, shape, kernel, stride, pad in (
        ("3×3 / 2", (1, 64, 112, 112), 3, 2, 1),
        ("2×2 / 2", _PLANE, 2, 2, 0),
        ("3×3", (1, 128, 28, 28), 3, 1, 1),
        ("7×7", (1, 512, 7, 7), 7, 1, 0),
    ):
        for operator in ("MaxPool", "AveragePool"):
            window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
            yield case(f"{operator} {text}", operator, [floats(1, *shape)], **window)
    twice = [floats(2, 1, 32, 28, 28), None, np.array([1, 1, 2, 2], np.float32)]
    yield case("Resize, nearest", "Resize", twice, constants=(2,), mode="nearest")
    yield case("Resize, linear", "Resize", twice, constants=(2,), mode="linear")
    weights = floats(3, 64, 32, 2, 2)
    small = floats(4, 1, 64, 28, 28)
    yield case("ConvTranspose 2×2 / 2", "ConvTranspose", [small, weights], constants=(1,), strides=[2, 2])


def matrices() -> Iterator[Case]:
    """Products of two computed matrices."""
    q, k = floats(1, 1, 12, 128, 32), floats(2, 1, 12, 32, 128)
    scores, v = floats(3, 1, 12, 128, 128), floats(4, 1, 12, 128, 32)
    yield case("MatMul, attention's scores", "MatMul", [q, k])
    yield case("MatMul, attention's values", "MatMul", [scores, v])
    yield case("MatMul, 256 × 256", "MatMul", [floats(5, 256, 256), floats(6, 256, 256)])
    weights, bias = floats(7, 512, 768), floats(8, 512)
    yield case("Gemm, transposed weights", "Gemm", [floats(9, 64, 768), weights, bias], constants=(1, 2), transB=1)


def movements() -> Iterator[Case]:
    """Operators that only move data."""
    heads, plane, wide = floats(1, *_HEADS), floats(2, *_PLANE), floats(3, *_WIDE)
    rng = np.random.default_rng(4)
    yield case("Transpose, heads", "Transpose", [heads], perm=[0, 2, 1, 3])
    yield case("Transpose, keys", "Transpose", [heads], perm=[0, 2, 3, 1])
    yield case("Transpose, a matrix", "Transpose", [floats(5, 512, 768)], perm=[1, 0])
    yield case("Transpose, channels last", "Transpose", [plane], perm=[0, 2, 3, 1])
    yield case("Transpose, bytes", "Transpose", [rng.integers(0, 255, (256, 512), np.uint8)], perm=[1, 0])
    yield case("Concat, channels", "Concat", [plane, floats(6, 1, 32, 56, 56)], axis=1)
    yield case("Pad", "Pad", [plane, np.array([0, 0, 1, 1, 0, 0, 1, 1])], constants=(1,))
    ends = [np.array([0]), np.array([1000]), np.array([1])]
    yield case("Slice, columns", "Slice", [floats(7, 256, 3072), *ends], constants=(1, 2, 3))
    yield case("Split, channels", "Split", [plane], outputs=2, axis=1, num_outputs=2)
    yield case("Expand", "Expand", [floats(8, 1, 128, 128), np.array([12, 128, 128])], constants=(1,))
    yield case("Tile", "Tile", [floats(9, 64, 256), np.array([2, 3])], constants=(1,))
    yield case("Gather, rows", "Gather", [floats(10, 30_000, 384), rng.integers(0, 30_000, (1, 128))], constants=(0,))
    columns = rng.integers(0, 3072, (128, 500))
    yield case("GatherElements", "GatherElements", [wide, columns], axis=1)
    yield case("GatherND", "GatherND", [wide, rng.integers(0, 128, (5000, 2))])
    scattered = np.stack([rng.permutation(3072)[:500] for _ in range(128)])
    yield case("ScatterElements", "ScatterElements", [wide, scattered, floats(11, 128, 500)], axis=1)
    yield case("ScatterND", "ScatterND", [wide, rng.permutation(128)[:50, None], floats(12, 50, 3072)])
    for source, target in (
        ("float32", "float16"), ("float16", "float32"), ("float32", "int8"), ("float32", "int64"),
        ("int64", "float32"), ("bool", "float32"), ("uint8", "float32"), ("int64", "int32"),
    ):  # fmt: skip
        x = (np.abs(wide) * 20).astype(source)
        to = np_dtype_to_tensor_dtype(np.dtype(target))
        yield case(f"Cast, {source} to {target}", "Cast", [x], to=to)


def integers() -> Iterator[Case]:
    """Quantised operators."""
    rng = np.random.default_rng(1)
    wide, scale, zero = floats(2, *_WIDE), np.array(0.05, np.float32), np.array(3, np.int8)
    yield case("QuantizeLinear", "QuantizeLinear", [wide, scale, zero], constants=(1, 2))
    whole = rng.integers(-128, 127, _WIDE, np.int8)
    yield case("DequantizeLinear", "DequantizeLinear", [whole, scale, zero], constants=(1, 2))
    for m, k, n in ((1, 768, 768), (128, 384, 384), (128, 384, 1536), (128, 1536, 384), (512, 512, 512)):
        left, right = rng.integers(0, 255, (m, k), np.uint8), rng.integers(-128, 127, (k, n), np.int8)
        zeros = [np.array(120, np.uint8), np.array(0, np.int8)]
        yield case(f"MatMulInteger {m} × {n}, {k} terms", "MatMulInteger", [left, right, *zeros], constants=(1, 2, 3))
    for text, shape, weights, stride, pad in (
        ("3×3", _PLANE, (64, 64, 3, 3), 1, 1),
        ("1×1", (1, 256, 28, 28), (128, 256, 1, 1), 1, 0),
        ("7×7 / 2", (1, 3, 224, 224), (64, 3, 7, 7), 2, 3),
        ("3×3, deep", (1, 512, 7, 7), (512, 512, 3, 3), 1, 1),
    ):
        image, kernel = rng.integers(0, 255, shape, np.uint8), rng.integers(0, 255, weights, np.uint8)
        operands = [image, kernel, np.array(120, np.uint8), np.array(128, np.uint8)]
        window = {"strides": [stride] * 2, "pads": [pad] * 4}
        yield case(f"ConvInteger {text}", "ConvInteger", operands, constants=(1, 2, 3), **window)


def networks() -> Iterator[Case]:
    """Operators that are whole models: recurrent cells, trees."""
    x, hidden = floats(1, 32, 4, 128), 128
    for operator, gates in (("LSTM", 4), ("GRU", 3)):
        weights = [floats(2 + i, 1, gates * hidden, 128) / np.float32(12) for i in range(2)]
        bias = floats(4, 1, 2 * gates * hidden) / np.float32(12)
        yield case(operator, operator, [x, *weights, bias], constants=(1, 2, 3), hidden_size=hidden)
    for rows, trees in ((1, 100), (1000, 100), (1000, 500)):
        forest = forest_of(trees, depth=6, features=30)
        name, x = f"TreeEnsemble, {trees} trees, {rows} rows", floats(5, rows, 30)
        yield case(name, "TreeEnsemble", [x], domain="ai.onnx.ml", **forest)


def forest_of(trees: int, depth: int, features: int) -> dict[str, Any]:
    """Full trees with random splits, as attributes of TreeEnsemble."""
    rng = np.random.default_rng(1)
    inner, leaves = 2**depth - 1, 2**depth
    place = np.arange(inner)
    last = 2 * place + 1 >= inner
    base = np.arange(trees)[:, None] * np.where(last, leaves, inner) - np.where(last, inner, 0)
    is_leaf = np.tile(last, trees).astype(int).tolist()
    count = trees * leaves
    return {
        "tree_roots": [t * inner for t in range(trees)],
        "nodes_featureids": rng.integers(0, features, trees * inner).tolist(),
        "nodes_splits": numpy_helper.from_array(rng.standard_normal(trees * inner).astype(np.float32)),
        "nodes_modes": numpy_helper.from_array(np.zeros(trees * inner, np.uint8)),
        "nodes_truenodeids": (base + 2 * place + 1).reshape(-1).tolist(),
        "nodes_falsenodeids": (base + 2 * place + 2).reshape(-1).tolist(),
        "nodes_trueleafs": is_leaf,
        "nodes_falseleafs": is_leaf,
        "leaf_targetids": [0] * count,
        "leaf_weights": numpy_helper.from_array(rng.standard_normal(count).astype(np.float32)),
        "n_targets": 1,
        "aggregate_function": 1,
        "post_transform": 0,
    }


def cases() -> Iterator[Case]:
    """All of them."""
    for kind in (
        elementwise, functions, reductions, normalisations, pools, matrices, movements, integers, networks,
    ):  # fmt: skip
        yield from kind()
