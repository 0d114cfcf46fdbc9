"""Where docs/arithmetic.md says something that other engines do otherwise: the engine and the reference, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from graphs import model, normal

import aivm

X = np.array([[1, -0.0, np.nan], [np.inf, -np.inf, 1e-45]], np.float32)
MINUS_ZERO = np.array(-0.0, np.float32)
IMAGE = np.arange(63, dtype=np.float32).reshape(1, 1, 9, 7)


def f32(*numbers):
    """An array, or of one number a scalar."""
    return np.array(numbers if len(numbers) > 1 else numbers[0], np.float32)


#: Inputs and outputs, the node, the feeds, initializers, and the operator set if it matters.
CASES = {
    "a scalar is copied by a sum": ("float x", "float y", "y = ReduceSum (x)", {"x": MINUS_ZERO}, {}),
    "one term is added to +0": ("float[1] x", "float[m] y", "y = ReduceSum <keepdims = 1> (x, a)", {"x": MINUS_ZERO.reshape(1)}, {"a": np.array([0])}),
    "no terms have no mean": ("float[n, 0] x", "float[n] y", "y = ReduceMean <keepdims = 0> (x, a)", {"x": np.zeros((3, 0), np.float32)}, {"a": np.array([1])}),
    "no booleans are all true": ("bool[n, 0] x", "bool[n] y", "y = ReduceMin <keepdims = 0> (x, a)", {"x": np.zeros((3, 0), np.bool_)}, {"a": np.array([1])}),
    "softmax of infinities": ("float[a, b] x", "float[a, b] y", "y = Softmax (x)", {"x": X}, {}, 13),
    "the logarithm of it along the first axis": ("float[a, b] x", "float[a, b] y", "y = LogSoftmax <axis = 0> (x)", {"x": X}, {}),
    "zeros have a scale of their own": ("float[n] x", "uint8[n] y, float s, uint8 z", "y, s, z = DynamicQuantizeLinear (x)", {"x": np.zeros(4, np.float32)}, {}),
    "a scale of the moment of what is no number": ("float[n] x", "uint8[n] y, float s, uint8 z", "y, s, z = DynamicQuantizeLinear (x)", {"x": X.reshape(-1)}, {}),
    "a range of binary64": ("double s, double l, double d", "double[n] y", "y = Range (s, l, d)", {"s": np.array(0.1), "l": np.array(2.0), "d": np.array(0.3)}, {}),
    "a range downwards": ("float s, float l, float d", "float[n] y", "y = Range (s, l, d)", {"s": f32(5), "l": f32(-1), "d": f32(-0.7)}, {}),
    "a range of nothing": ("int64 s, int64 l, int64 d", "int64[n] y", "y = Range (s, l, d)", {"s": np.array(5), "l": np.array(1), "d": np.array(2)}, {}),
    "three tensors from left to right": ("float[a, b] x, float[b, c] y, float[c, d] w", "float[a, d] z", 'z = Einsum <equation = "ab,bc,cd->ad"> (x, y, w)', {"x": X, "y": X.T.copy(), "w": X}, {}),
    "an outer product is a sum of one term": ("float[a] x, float[b] y", "float[a, b] z", 'z = Einsum <equation = "a,b->ab"> (x, y)', {"x": X[0], "y": X[1]}, {}),
    "a diagonal moves bits": ("float[a, a] x", "float[a] z", 'z = Einsum <equation = "ii->i"> (x)', {"x": X[:, 1:].copy()}, {}),
    "a trace": ("float[a, a] x", "float z", 'z = Einsum <equation = "ii"> (x)', {"x": X[:, :2].copy()}, {}),
    "products of binary64 are summed in lanes": ("double[a, b] x, double[b, c] y", "double[a, c] z", 'z = Einsum <equation = "ab,bc->ac"> (x, y)', {"x": normal(3, 40).astype(np.float64), "y": normal(40, 2).astype(np.float64)}, {}),
    "axes behind an ellipsis": ("float[n, a, b] x, float[b, c] y", "float[n, a, c] z", 'z = Einsum <equation = "...ab,...bc->...ac"> (x, y)', {"x": np.stack([X, X]), "y": X.T.copy()}, {}),
    "factors of a product": ("float[a, b] x, float[c] c", "float[a, c] z", "z = Gemm <alpha = 0.3, beta = 0.7, transB = 1> (x, x, c)", {"x": X, "c": X[1, :2].copy()}, {}),
    "the least and what is no number": ("float[a, b] x", "float[a, k] v, int64[a, k] i", "v, i = TopK <largest = 0> (x, k)", {"x": X}, {"k": np.array([3])}),
    "a bound that is no number": ("float[a, b] x", "float[a, b] y", "y = Clip (x, lo, hi)", {"x": X}, {"lo": f32(np.nan), "hi": MINUS_ZERO}),
    "a window that is added": ("float[n, c, 7, 7] x", "float[n, c, a, b] y", "y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 0, 0], ceil_mode = 1, count_include_pad = 1> (x)", {"x": np.arange(98, dtype=np.float32).reshape(1, 2, 7, 7)}, {}),
    "smaller, smooth, without the outside": ("float[1, 1, 9, 7] x", "float[1, 1, a, b] y", 'y = Resize <mode = "cubic", antialias = 1, exclude_outside = 1> (x, , s)', {"x": IMAGE}, {"s": f32(1, 1, 0.4, 0.6)}),
    "sizes that keep the aspect": ("float[1, 1, 9, 7] x", "float[1, 1, a, b] y", 'y = Resize <mode = "linear", keep_aspect_ratio_policy = "not_smaller", axes = [3, 2]> (x, , , s)', {"x": IMAGE}, {"s": np.array([5, 5])}),
    "a recurrent layer with everything": (
        "float[3, 2, 4] x", "float[a, b, c, d] y",
        'y = LSTM <hidden_size = 2, clip = 0.5, input_forget = 1, activations = ["HardSigmoid", "Elu", "ScaledTanh"], activation_alpha = [0.3, 0.5, 1.2], activation_beta = [0.4, 0.9]> (x, w, r)',
        {"x": normal(3, 2, 4)}, {"w": normal(1, 8, 4, seed=1), "r": normal(1, 8, 2, seed=2)},
    ),
    "a given output shape": ("float[1, 2, 4, 5] x", "float[a, b, c, d] y", 'y = ConvTranspose <strides = [2, 3], output_shape = [9, 14], auto_pad = "SAME_LOWER", group = 2> (x, w)', {"x": normal(1, 2, 4, 5)}, {"w": normal(2, 1, 3, 3, seed=1)}),
    "scales of rows and of columns": (
        "uint8[2, 3] a", "uint8[2, 2] y", "y = QLinearMatMul (a, as, az, b, bs, bz, ys, yz)", {"a": np.arange(6, dtype=np.uint8).reshape(2, 3)},
        {"as": f32(0.1, 0.2), "az": np.array([1, 2], np.uint8), "b": np.arange(6, dtype=np.int8).reshape(3, 2), "bs": f32(0.1, 0.3), "bz": np.array([0, 1], np.int8), "ys": f32(0.02), "yz": np.array(3, np.uint8)},
    ),
    "the greatest of one moves bits": ("float[a, b] x", "float[a, b] y", "y = Max (x)", {"x": -X}, {}),
    "zeros of both signs are one": ("float[n] x", "float[m] y, int64[m] i, int64[n] j, int64[m] c", "y, i, j, c = Unique (x)", {"x": f32(0.0, -0.0, 3, 1, -0.0)}, {}),
    "updates one after the other": ("float[n] x, int64[m] i, float[m] u", "float[n] y", 'y = ScatterElements <reduction = "max"> (x, i, u)', {"x": f32(-0.0, np.nan, 1), "i": np.array([0, 0, -2]), "u": f32(0.0, -0.0, 5)}, {}),
    "a remainder with the sign of the dividend": ("float[a, b] x, float[b] m", "float[a, b] y", "y = Mod <fmod = 1> (x, m)", {"x": X, "m": f32(0.3, -0.0, np.inf)}, {}),
    "mirrors at both ends": ("float[a, b] x", "float[c, d] y", 'y = Pad <mode = "reflect"> (x, p)', {"x": X}, {"p": np.array([3, -1, 2, 5])}),
    "means and deviations as outputs": ("float[a, b] x", "float[a, b] y, float[a, 1] m, float[a, 1] i", "y, m, i = LayerNormalization (x, s)", {"x": X[:, :2].copy()}, {"s": np.ones(2, np.float32)}),
    "short floats": ("float[a, b] x", "float16[a, b] y, bfloat16[a, b] z", "y = Cast <to = 10> (x)\n z = Cast <to = 16> (x)", {"x": X}, {}),
    "whole numbers to any power": ("int32[n] x, float[n] e", "int32[n] y", "y = Pow (x, e)", {"x": np.array([2, 3, -2, 7, 0], np.int32), "e": f32(31, 2.5, 3, -1, 0)}, {}),
    "an operator that got its body later": ("float[a, b] x", "float[a, b] y", "y = Mish (x)", {"x": X}, {}, 18),
    "a running sum begins with its first element": ("float[n] x", "float[n] y", "y = CumSum (x, a)", {"x": f32(-0.0, -0.0, 1)}, {"a": np.array(0)}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_engine_does_what_the_document_says(name):
    inputs, outputs, node, feeds, constants, *opset = CASES[name]
    proto = model(f"g ({inputs}) => ({outputs}) {{ {node} }}", opset=opset[0] if opset else 21, **constants)
    found, expected = aivm.load(proto, threads=1).run(feeds), reference.run(proto, feeds)
    for key, array in found.items():
        assert (array.dtype, array.shape) == (expected[key].dtype, expected[key].shape)
        assert array.tobytes() == expected[key].tobytes()
