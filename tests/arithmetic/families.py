"""Small models of the families that kernels come from, with seeded weights, for any operator set."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper

#: Where definitions of operators that these models use changed; the newest last.
OPSETS = sorted({13, 15, 17, 18, 20, 21, 23, defs.onnx_opset_version()})


class Sketch:
    """A graph under construction: every call adds a node and gives the name of its output."""

    def __init__(self, opset, seed=0, prefix=""):
        self.opset, self.random, self.prefix = opset, np.random.default_rng(seed), prefix
        self.nodes, self.initializers, self.inputs = [], [], []

    def input(self, name, shape, dtype=TensorProto.FLOAT):
        """An input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def constant(self, array, dtype=np.float32):
        """An initializer."""
        name = f"{self.prefix}w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def ints(self, *numbers):
        """An initializer of int64."""
        return self.constant(numbers, np.int64)

    def weight(self, *shape, scale=None):
        """A matrix or kernel of seeded numbers, or a vector of small ones."""
        spread = scale or (1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1)
        return self.constant(self.random.standard_normal(shape) * spread)

    def op(self, op_type, *inputs, outputs=1, domain="", **attributes):
        """A node."""
        names = [f"{self.prefix}t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op_type, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def model(self, **outputs):
        """The model; outputs are given their names."""
        for name, value in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        results = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(self.nodes, "model", self.inputs, results, self.initializers)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("ai.onnx.ml", 3)]
        return onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opsets, ir_version=10))

    # What exporters write, by operator set.

    def mean(self, x, axis):
        """The mean over an axis."""
        if self.opset < 18:
            return self.op("ReduceMean", x, axes=[axis], keepdims=1)
        return self.op("ReduceMean", x, self.ints(axis), keepdims=1)

    def layer_norm(self, x, width):
        """Normalisation over the last axis."""
        scale, bias = self.constant(1 + 0.1 * self.random.standard_normal(width)), self.weight(width)
        if self.opset >= 17:
            return self.op("LayerNormalization", x, scale, bias, axis=-1)
        difference = self.op("Sub", x, self.mean(x, -1))
        variance = self.mean(self.op("Mul", difference, difference), -1)
        deviation = self.op("Sqrt", self.op("Add", variance, self.constant(1e-5)))
        return self.op("Add", self.op("Mul", self.op("Div", difference, deviation), scale), bias)

    def gelu(self, x):
        """The exact form."""
        if self.opset >= 20:
            return self.op("Gelu", x)
        inner = self.op("Erf", self.op("Div", x, self.constant(np.sqrt(2))))
        half = self.op("Mul", x, self.constant(0.5))
        return self.op("Mul", half, self.op("Add", inner, self.constant(1)))

    def silu(self, x):
        """`x Sigmoid(x)`."""
        return self.op("Mul", x, self.op("Sigmoid", x))

    def linear(self, x, inward, outward):
        """A product of matrices and a bias."""
        return self.op("Add", self.op("MatMul", x, self.weight(inward, outward)), self.weight(outward))

    def conv(self, x, inward, outward, kernel=3, **attributes):
        """A convolution that keeps the extent, unless it is strided."""
        pads = [kernel // 2] * 4
        weights, bias = self.weight(outward, inward, kernel, kernel), self.weight(outward)
        return self.op("Conv", x, weights, bias, kernel_shape=[kernel] * 2, pads=pads, **attributes)

    def group_norm(self, x, groups, channels):
        """As an operator, or as exporters wrote it before there was one."""
        scale, bias = self.constant(1 + 0.1 * self.random.standard_normal(channels)), self.weight(channels)
        if self.opset >= 21:
            return self.op("GroupNormalization", x, scale, bias, num_groups=groups)
        grouped = self.op("Reshape", x, self.ints(0, groups, -1))
        ones, zeros = self.constant(np.ones(groups)), self.constant(np.zeros(groups))
        normal = self.op("InstanceNormalization", grouped, ones, zeros)
        back = self.op("Reshape", normal, self.op("Shape", x))
        tall = self.ints(channels, 1, 1)
        return self.op("Add", self.op("Mul", back, self.op("Reshape", scale, tall)), self.op("Reshape", bias, tall))

    def heads(self, x, count, *, keys=False):
        """`[batch, time, width]` as `[batch, heads, time, part]`, for keys with the last two the other way round."""
        split = self.op("Reshape", x, self.ints(0, 0, count, -1))
        return self.op("Transpose", split, perm=[0, 2, 3, 1] if keys else [0, 2, 1, 3])

    def attention(self, q, k, v, part, mask=None):
        """Scaled products, softmax, and the heads side by side again."""
        scores = self.op("Mul", self.op("MatMul", q, k), self.constant(1 / np.sqrt(part)))
        scores = scores if mask is None else self.op("Add", scores, mask)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        return self.op("Reshape", self.op("Transpose", mixed, perm=[0, 2, 1, 3]), self.ints(0, 0, -1))


def mlp(opset):
    """Two layers, the first kept in binary16, and class probabilities."""
    s = Sketch(opset, 1)
    x = s.input("x", ["n", 20])
    short = s.op("Cast", s.constant(s.random.standard_normal((20, 33)) / 5, np.float16), to=TensorProto.FLOAT)
    hidden = s.gelu(s.op("Add", s.op("MatMul", x, short), s.weight(33)))
    logits = s.op("Gemm", hidden, s.weight(10, 33), s.weight(10), transB=1)
    return s.model(y=s.op("Softmax", logits, axis=-1)), {"x": numbers(5, 20)}


def resnet(opset):
    """A stem, two blocks of which one halves the extent, and a classifier."""
    s = Sketch(opset, 2)
    x = s.input("x", ["n", 3, 32, 32])

    def normal(y, channels):
        mean, variance = s.weight(channels), s.constant(s.random.uniform(0.5, 2, channels))
        return s.op(
            "BatchNormalization", y, s.constant(s.random.uniform(0.5, 2, channels)), s.weight(channels), mean, variance
        )

    def block(y, inward, outward, stride):
        z = s.op("Relu", normal(s.conv(y, inward, outward, strides=[stride] * 2), outward))
        z = normal(s.conv(z, outward, outward), outward)
        if inward != outward:
            y = normal(s.conv(y, inward, outward, 1, strides=[stride] * 2), outward)
        return s.op("Relu", s.op("Add", z, y))

    y = s.op("Relu", normal(s.conv(x, 3, 8, 7, strides=[2, 2]), 8))
    y = s.op("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = block(block(y, 8, 8, 1), 8, 16, 2)
    y = s.op("Flatten", s.op("GlobalAveragePool", y))
    return s.model(y=s.op("Gemm", y, s.weight(10, 16), s.weight(10), transB=1)), {"x": numbers(2, 3, 32, 32)}


def encoder(opset):
    """Embeddings, one layer of masked self-attention, and a sentence vector of length one."""
    s = Sketch(opset, 3)
    width, heads = 24, 3
    tokens, mask = s.input("tokens", ["n", "t"], TensorProto.INT64), s.input("mask", ["n", "t"], TensorProto.INT64)
    positions = s.op(
        "Slice",
        s.weight(16, width, scale=0.3),
        s.ints(0),
        s.op("Slice", s.op("Shape", tokens), s.ints(1), s.ints(2)),
        s.ints(0),
    )
    x = s.layer_norm(s.op("Add", s.op("Gather", s.weight(40, width, scale=1), tokens), positions), width)
    real = s.op("Cast", mask, to=TensorProto.FLOAT)
    shut = s.op(
        "Mul", s.op("Sub", s.constant(1), s.op("Unsqueeze", real, s.ints(1, 2))), s.constant(np.finfo(np.float32).min)
    )
    q, k, v = (s.heads(s.linear(x, width, width), heads, keys=i == 1) for i in range(3))
    x = s.layer_norm(s.op("Add", x, s.linear(s.attention(q, k, v, width // heads, shut), width, width)), width)
    x = s.layer_norm(s.op("Add", x, s.linear(s.gelu(s.linear(x, width, 40)), 40, width)), width)
    weights = s.op("Unsqueeze", real, s.ints(2))
    pooled = s.op(
        "Div",
        s.op("ReduceSum", s.op("Mul", x, weights), s.ints(1), keepdims=0),
        s.op("ReduceSum", weights, s.ints(1), keepdims=0),
    )
    length = s.op("Sqrt", s.op("ReduceSum", s.op("Mul", pooled, pooled), s.ints(1)))
    feeds = {"tokens": np.random.default_rng(4).integers(0, 40, (2, 7)), "mask": np.array([[1] * 7, [1] * 4 + [0] * 3])}
    return s.model(y=s.op("Div", pooled, length)), feeds


def decoder(opset, *, cached):
    """One layer of causal self-attention over tokens; with a cache, over what came before and these tokens."""
    s = Sketch(opset, 5)
    width, heads = 16, 2
    tokens = s.input("tokens", ["n", "t"], TensorProto.INT64)
    past = [s.input(name, ["n", heads, "p", width // heads]) for name in ("past_k", "past_v")] if cached else None
    place = s.input("place", ["t"], TensorProto.INT64)
    x = s.op(
        "Add",
        s.op("Gather", s.weight(40, width, scale=1), tokens),
        s.op("Gather", s.weight(32, width, scale=0.3), place),
    )
    y = s.layer_norm(x, width)
    q, k, v = (s.heads(s.linear(y, width, width), heads) for _ in range(3))
    if past:
        k, v = s.op("Concat", past[0], k, axis=2), s.op("Concat", past[1], v, axis=2)
    turned = s.op("Transpose", k, perm=[0, 1, 3, 2])
    mask = None
    if not past:
        square = s.op("Concat", *[s.op("Shape", place)] * 2, axis=0)
        ones = s.op("ConstantOfShape", square, value=helper.make_tensor("v", TensorProto.FLOAT, [1], [-np.inf]))
        mask = s.op("Trilu", ones, s.constant(1, np.int64), upper=1) if opset >= 14 else None
        if mask is None:
            row = s.op("Unsqueeze", place, s.ints(0))
            later = s.op("Less", s.op("Unsqueeze", place, s.ints(1)), row)
            mask = s.op("Where", later, s.constant(-np.inf), s.constant(0))
    x = s.op("Add", x, s.linear(s.attention(q, turned, v, width // heads, mask), width, width))
    x = s.op("Add", x, s.linear(s.gelu(s.linear(s.layer_norm(x, width), width, 32)), 32, width))
    logits = s.op("MatMul", s.layer_norm(x, width), s.weight(width, 40))
    feeds = {"tokens": np.random.default_rng(6).integers(0, 40, (2, 9)), "place": np.arange(9)}
    if past:
        feeds |= {name: np.zeros((2, heads, 0, width // heads), np.float32) for name in past}
    return s.model(y=logits, **({"k": k, "v": v} if past else {})), feeds


def unet(opset):
    """One step of denoising: a time embedding, a level down and up with attention between, and the update of x."""
    s = Sketch(opset, 7)
    x, t = s.input("x", ["n", 3, 8, 8]), s.input("t", ["n", 1])
    angles = s.op("Mul", t, s.op("Exp", s.constant(-np.log(10000) * np.arange(4) / 4)))
    time = s.linear(s.silu(s.linear(s.op("Concat", s.op("Sin", angles), s.op("Cos", angles), axis=1), 8, 16)), 16, 16)

    def block(y, inward, outward):
        z = s.conv(s.silu(s.group_norm(y, 2, inward)), inward, outward)
        shift = s.op("Unsqueeze", s.linear(s.silu(time), 16, outward), s.ints(2, 3))
        z = s.conv(s.silu(s.group_norm(s.op("Add", z, shift), 2, outward)), outward, outward)
        return s.op("Add", z, y if inward == outward else s.conv(y, inward, outward, 1))

    top = block(s.conv(x, 3, 8), 8, 8)
    low = block(s.conv(top, 8, 8, strides=[2, 2]), 8, 16)
    flat = s.op("Transpose", s.op("Reshape", s.group_norm(low, 4, 16), s.ints(0, 0, -1)), perm=[0, 2, 1])
    q, k, v = (s.heads(s.linear(flat, 16, 16), 2, keys=i == 1) for i in range(3))
    mixed = s.op("Transpose", s.linear(s.attention(q, k, v, 8), 16, 16), perm=[0, 2, 1])
    low = s.op("Add", low, s.op("Reshape", mixed, s.op("Shape", low)))
    wide = s.op(
        "Resize",
        low,
        "",
        s.constant([1, 1, 2, 2]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    noise = s.conv(s.silu(block(s.op("Concat", wide, top, axis=1), 24, 8)), 8, 3)
    clean = s.op(
        "Clip",
        s.op("Div", s.op("Sub", x, s.op("Mul", noise, s.constant(0.6))), s.constant(0.8)),
        s.constant(-1),
        s.constant(1),
    )
    after = s.op("Add", s.op("Mul", clean, s.constant(0.9)), s.op("Mul", noise, s.constant(0.43589)))
    return s.model(noise=noise, after=after), {"x": numbers(2, 3, 8, 8), "t": np.array([[500], [3]], np.float32)}


def recurrent(opset, op="LSTM"):
    """A bidirectional layer over sequences of several lengths, from given states, with peepholes; then one more."""
    s = Sketch(opset, 8)
    gates, size = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], 6
    x, lengths = s.input("x", ["t", "n", 5]), s.input("lengths", ["n"], TensorProto.INT32)
    first = [s.weight(2, gates * size, 5), s.weight(2, gates * size, size), s.weight(2, 2 * gates * size), lengths]
    first += [s.weight(2, 3, size, scale=1)] * (2 if op == "LSTM" else 1) + (
        [s.weight(2, 3 * size)] if op == "LSTM" else []
    )
    extra = {"linear_before_reset": 1} if op == "GRU" else {}
    y, *_ = s.op(op, x, *first, outputs=2, hidden_size=size, direction="bidirectional", **extra)
    joined = s.op("Reshape", s.op("Transpose", y, perm=[0, 2, 1, 3]), s.ints(0, 0, -1))
    second = [s.weight(1, gates * 4, 2 * size), s.weight(1, gates * 4, 4), s.weight(1, 2 * gates * 4), lengths]
    _, last = s.op(op, joined, *second, outputs=2, hidden_size=4, direction="reverse")
    return s.model(y=y, last=last), {"x": numbers(7, 3, 5), "lengths": np.array([7, 2, 5], np.int32)}


def gru(opset):
    """The same with gates that reset."""
    return recurrent(opset, "GRU")


def quantised(opset):
    """What a quantiser writes: QDQ around convolutions, a quantised product, and one with scales of the moment."""
    s = Sketch(opset, 9)
    x = s.input("x", ["n", 3, 8, 8])

    def qdq(y, scale, zero):
        point = s.constant(zero, np.uint8)
        return s.op("DequantizeLinear", s.op("QuantizeLinear", y, s.constant(scale), point), s.constant(scale), point)

    def whole(*shape, dtype=np.int8):
        return s.constant(s.random.integers(-127, 128, shape), dtype)

    scales = s.constant(s.random.uniform(0.001, 0.01, 8))
    kernel = s.op("DequantizeLinear", whole(8, 3, 3, 3), scales, s.constant(np.zeros(8), np.int8), axis=0)
    bias = s.op("DequantizeLinear", whole(8, dtype=np.int32), s.constant(1e-3))
    y = s.op("Conv", qdq(x, 0.03, 120), kernel, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    y = qdq(s.op("Relu", y), 0.02, 0)
    small = s.op("QuantizeLinear", y, s.constant(0.02), s.constant(3, np.uint8))
    kernel = [whole(6, 8, 3, 3), s.constant(s.random.uniform(0.001, 0.01, 6)), s.constant(np.zeros(6), np.int8)]
    ends = [s.constant(0.05), s.constant(128, np.uint8)]
    small = s.op(
        "QLinearConv",
        small,
        s.constant(0.02),
        s.constant(3, np.uint8),
        *kernel,
        *ends,
        whole(6, dtype=np.int32),
        strides=[2, 2],
    )
    flat = s.op("Flatten", small)
    product = [whole(54, 12), s.constant(0.004), s.constant(0, np.int8), s.constant(0.1), s.constant(100, np.uint8)]
    small = s.op("QLinearMatMul", flat, *ends, *product)
    y = s.op("DequantizeLinear", small, s.constant(0.1), s.constant(100, np.uint8))
    small, scale, zero = s.op("DynamicQuantizeLinear", y, outputs=3)
    total = s.op("Cast", s.op("MatMulInteger", small, whole(12, 4), zero), to=TensorProto.FLOAT)
    return s.model(y=s.op("Mul", total, s.op("Mul", scale, s.constant(0.01)))), {"x": numbers(2, 3, 8, 8)}


def control(opset):
    """A loop that ends when data says so, a branch in it, and a scan behind it."""
    s = Sketch(opset, 10)
    x = s.input("x", [4])
    branches = {}
    for name, factor in (("then_branch", 0.5), ("else_branch", 1.5)):
        inner = Sketch(opset, 11, f"{name}_")
        value = inner.op("Tanh", inner.op("Mul", "h", inner.constant(factor)))
        port = [helper.make_tensor_value_info(value, TensorProto.FLOAT, [4])]
        branches[name] = helper.make_graph(inner.nodes, name, [], port, inner.initializers)
    body = [
        helper.make_node("ReduceMax", ["h"], ["top"], keepdims=0),
        helper.make_node("Greater", ["top", "one"], ["large"]),
        helper.make_node("If", ["large"], ["next"], **branches),
        helper.make_node("Add", ["next", "x"], ["h_next"]),
        helper.make_node("ReduceMin", ["h_next"], ["low"], keepdims=0),
        helper.make_node("Less", ["low", "limit"], ["more"]),
    ]
    ports = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("c", TensorProto.BOOL, []),
    ]
    state = helper.make_tensor_value_info("h", TensorProto.FLOAT, [4])
    results = [helper.make_tensor_value_info("more", TensorProto.BOOL, [])]
    results += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("h_next", "next")]
    fixed = [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("one", 1.0), ("limit", 2.5))]
    loop = helper.make_graph(body, "loop", [*ports, state], results, fixed)
    last, every = s.op("Loop", s.constant(20, np.int64), "", x, outputs=2, body=loop)
    steps = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Exp", ["sum"], ["out"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("a", "b")]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("sum", "out")]
    scan = helper.make_graph(steps, "scan", ports, results)
    total, outputs = s.op("Scan", s.constant(np.zeros(4)), every, outputs=2, body=scan, num_scan_inputs=1)
    return s.model(last=last, total=total, outputs=outputs), {"x": np.array([0.3, 0.2, -0.1, 0.4], np.float32)}


FAMILIES = {item.__name__: item for item in (mlp, resnet, encoder, unet, recurrent, gru, quantised, control)}


def numbers(*shape, seed=0):
    """Numbers that look like activations."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
