"""Quantisation, windows of signals, trees and control flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cases.case import Builder, Case, case, fed, rows, setting, single, weights

if TYPE_CHECKING:
    from cases.values import Random

QUANTISED = (np.uint8, np.int8, np.uint16, np.int16)


def blocks(r: Random, shape: list[int]) -> tuple[list[int], dict[str, Any]]:
    """A shape for scales, and the attributes that go with it."""
    axis = r.integer(1, len(shape) - 1)
    match r.choice(["tensor", "axis", "block"]):
        case "tensor":
            return [], {}
        case "axis":
            return [shape[axis]], {"axis": axis}
        case _:
            size = r.integer(1, shape[axis])
            count = -(-shape[axis] // size)
            return [count if i == axis else extent for i, extent in enumerate(shape)], {
                "axis": axis,
                "block_size": size,
            }


@case("QuantizeLinear", "DequantizeLinear")
def quantise(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 3))
    dtype = r.choice(QUANTISED)
    scales, attributes = blocks(r, shape)
    per_row = len(scales) == len(shape)
    x = r.floats(shape) if name == "QuantizeLinear" else r.integers(shape, dtype)
    zero = r.integers(scales, dtype) if r.chance(0.8) or (name == "QuantizeLinear" and dtype is not np.uint8) else None
    kind = rows if per_row else fed
    scale = kind(np.asarray(r.positive(scales) / 8, np.float32))
    return single(r, name, [rows(x), scale, None if zero is None else kind(zero)], **attributes)


@case("DynamicQuantizeLinear")
def dynamic_quantise(r: Random, name: str) -> Case:
    return single(r, name, [fed(r.normal(r.shape(), 3))], outputs=3)


@case("BlackmanWindow", "HammingWindow", "HannWindow")
def signal_window(r: Random, name: str) -> Case:
    return single(r, name, [setting(r.extent(65))], periodic=r.integer(0, 1))


def tree(r: Random, features: int, depth: int) -> tuple[list[dict[str, Any]], list[float]]:
    """A random tree in the layout of TreeEnsemble-5: nodes, and the weights of leafs."""
    nodes: list[dict[str, Any]] = []
    leafs: list[float] = []

    def leaf() -> tuple[int, int]:
        leafs.append(float(r.normal([])))
        return len(leafs) - 1, 1

    def grow(left: int) -> int:
        at = len(nodes)
        node: dict[str, Any] = {
            "feature": r.integer(0, features - 1),
            "split": float(r.normal([])),
            "mode": r.integer(0, 5),
        }
        nodes.append(node)
        for side in ("true", "false"):
            if left and r.chance(0.7):
                node[side] = (grow(left - 1), 0)
            else:
                node[side] = leaf()
        return at

    grow(depth)
    return nodes, leafs


def ensemble(r: Random, features: int, targets: int) -> dict[str, Any]:
    """The attributes of TreeEnsemble-5."""
    everything: list[dict[str, Any]] = []
    roots, leaf_weights = [], []
    for _ in range(r.integer(1, 4)):
        nodes, leafs = tree(r, features, r.integer(0, 3))
        base, first = len(everything), len(leaf_weights)
        roots.append(base)
        for node in nodes:
            for side in ("true", "false"):
                index, is_leaf = node[side]
                node[side] = (index + (first if is_leaf else base), is_leaf)
        everything += nodes
        leaf_weights += leafs
    floats = np.array([node["split"] for node in everything], np.float32)
    return {
        "aggregate_function": r.choice([0, 1, 1, 2, 3]),
        "leaf_targetids": [r.integer(0, targets - 1) for _ in leaf_weights],
        "leaf_weights": numpy_helper.from_array(np.array(leaf_weights, np.float32)),
        "n_targets": targets,
        "nodes_falseleafs": [node["false"][1] for node in everything],
        "nodes_falsenodeids": [node["false"][0] for node in everything],
        "nodes_featureids": [node["feature"] for node in everything],
        "nodes_missing_value_tracks_true": [r.integer(0, 1) for _ in everything],
        "nodes_modes": numpy_helper.from_array(np.array([node["mode"] for node in everything], np.uint8)),
        "nodes_splits": numpy_helper.from_array(floats),
        "nodes_trueleafs": [node["true"][1] for node in everything],
        "nodes_truenodeids": [node["true"][0] for node in everything],
        "post_transform": 0,
        "tree_roots": roots,
    }


@case("ai.onnx.ml::TreeEnsemble")
def tree_ensemble(r: Random, name: str) -> Case:
    features = r.extent(9)
    x = r.floats([r.extent(33), features])
    return single(r, name, [rows(x)], **ensemble(r, features, r.integer(1, 3)))


@case("ai.onnx.ml::TreeEnsembleRegressor", "ai.onnx.ml::TreeEnsembleClassifier")
def old_trees(r: Random, name: str) -> Case:
    """Stumps in the layout of the older operators."""
    features, targets, trees = r.extent(9), r.integer(1, 3), r.integer(1, 4)
    kind = "target" if name.endswith("Regressor") else "class"
    count = range(trees)
    attributes: dict[str, Any] = {
        "nodes_treeids": [tree for tree in count for _ in range(3)],
        "nodes_nodeids": [0, 1, 2] * trees,
        "nodes_featureids": [item for _ in count for item in (r.integer(0, features - 1), 0, 0)],
        "nodes_values": [item for _ in count for item in (float(np.float32(r.normal([]))), 0.0, 0.0)],
        "nodes_modes": ["BRANCH_" + r.choice(["LEQ", "LT", "GTE", "GT"]), "LEAF", "LEAF"] * trees,
        "nodes_truenodeids": [1, 0, 0] * trees,
        "nodes_falsenodeids": [2, 0, 0] * trees,
        f"{kind}_treeids": [tree for tree in count for _ in range(2)],
        f"{kind}_nodeids": [1, 2] * trees,
        f"{kind}_ids": [r.integer(0, targets - 1) for _ in range(2 * trees)],
        f"{kind}_weights": [float(item) for item in r.normal([2 * trees])],
        # The softmax of one number is 1, unless one asks ONNX Runtime.
        "post_transform": r.choice(["NONE", "LOGISTIC", "SOFTMAX"][: 2 if targets == 1 else 3]),
    }
    x = rows(r.floats([r.extent(33), features]))
    if kind == "class":
        return single(r, name, [x], outputs=2, classlabels_int64s=list(range(max(targets, 2))), **attributes)
    return single(
        r, name, [x], n_targets=targets, aggregate_function=r.choice(["SUM", "AVERAGE", "MIN", "MAX"]), **attributes
    )


@case("If")
def if_(r: Random, name: str) -> Case:
    b = Builder(r)
    x = b.operand(rows(r.floats(r.shape())))
    condition = b.operand(setting(r.chance(0.5), np.bool_))
    branches = {}
    for branch, operator in (("then_branch", "Exp"), ("else_branch", "Neg")):
        node = helper.make_node(operator, [x], [f"{branch}_y"], name=operator)
        output = helper.make_tensor_value_info(f"{branch}_y", TensorProto.FLOAT, None)
        branches[branch] = helper.make_graph([node], branch, [], [output])
    b.node("If", [condition], ["y"], **branches)
    return b.case(name, ["y"])


@case("Loop")
def loop(r: Random, name: str) -> Case:
    b = Builder(r)
    x = r.floats([r.extent(9), r.extent(9)])
    start, step = b.operand(rows(x)), b.operand(rows(r.floats(x.shape)))
    trips = b.operand(setting(r.integer(0, 4)))
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"], name="still"),
            helper.make_node("Add", ["a", step], ["b"], name="b"),
            helper.make_node("Tanh", ["b"], ["seen"], name="seen"),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a", TensorProto.FLOAT, ["N", x.shape[1]]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("b", TensorProto.FLOAT, ["N", x.shape[1]]),
            helper.make_tensor_value_info("seen", TensorProto.FLOAT, ["N", x.shape[1]]),
        ],
    )
    b.node("Loop", [trips, "", start], ["y", "all"], body=body)
    return b.case(name, ["y"])


@case("Scan")
def scan(r: Random, name: str) -> Case:
    b = Builder(r)
    length, size = r.extent(9), r.extent(9)
    state, steps = b.operand(fed(r.floats([size]))), b.operand(fed(r.floats([length, size])))
    body = helper.make_graph(
        [
            helper.make_node("Add", ["a", "x"], ["b"], name="b"),
            helper.make_node("Mul", ["b", "x"], ["seen"], name="seen"),
        ],
        "body",
        [helper.make_tensor_value_info(item, TensorProto.FLOAT, [size]) for item in ("a", "x")],
        [helper.make_tensor_value_info(item, TensorProto.FLOAT, [size]) for item in ("b", "seen")],
    )
    directions = [r.integer(0, 1)]
    b.node("Scan", [state, steps], ["y", "all"], body=body, num_scan_inputs=1, scan_input_directions=directions)
    return b.case(name, ["y", "all"])


@case("SequenceMap")
def sequence_map(r: Random, name: str) -> Case:
    b = Builder(r)
    names = [b.operand(fed(r.floats([2, r.extent(9)]))) for _ in range(2)]
    node = helper.make_node("Exp", ["x"], ["e"], name="e")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, "M"])
    y = helper.make_tensor_value_info("e", TensorProto.FLOAT, [2, "M"])
    b.node("SequenceConstruct", names, ["s"])
    b.node("SequenceMap", ["s"], ["t"], body=helper.make_graph([node], "body", [x], [y]))
    b.node("ConcatFromSequence", ["t"], ["y"], axis=1)
    return b.case(name, ["y"])


@case("network::mlp")
def mlp(r: Random, name: str) -> Case:
    """A small network, so that plans of several steps are among the cases."""
    b = Builder(r)
    x = b.operand(rows(r.floats([r.integer(1, 5), r.extent(33)])))
    width = b.feeds[x].shape[1]
    for layer in range(r.integer(1, 3)):
        out = r.extent(33)
        w, c = b.operand(weights(r.normal([width, out]))), b.operand(weights(r.normal([out])))
        b.node("Gemm", [x, w, c], [f"h{layer}"])
        b.node(r.choice(["Relu", "Tanh", "Gelu", "Sigmoid"]), [f"h{layer}"], [f"a{layer}"])
        x, width = f"a{layer}", out
    b.node("Softmax", [x], ["y"], axis=-1)
    return b.case(name, ["y"])


@case("network::convolutions")
def convolutions(r: Random, name: str) -> Case:
    """Convolution, normalisation, activation, pooling, residual sum."""
    b = Builder(r)
    channels, out, size = r.extent(5), r.extent(17), r.integer(5, 12)
    x = b.operand(rows(r.floats([r.integer(1, 3), channels, size, size])))
    w = b.operand(weights(r.normal([out, channels, 3, 3])))
    statistics = [
        b.operand(weights(item)) for item in (r.positive([out]), r.normal([out]), r.normal([out]), r.positive([out]))
    ]
    b.node("Conv", [x, w], ["c"], pads=[1, 1, 1, 1])
    b.node("BatchNormalization", ["c", *statistics], ["n"])
    b.node("Relu", ["n"], ["a"])
    depthwise = b.operand(weights(r.normal([out, 1, 3, 3])))
    b.node("Conv", ["a", depthwise], ["d"], pads=[1, 1, 1, 1], group=out)
    b.node("Add", ["d", "a"], ["s"])
    b.node("MaxPool", ["s"], ["p"], kernel_shape=[2, 2], strides=[2, 2])
    b.node("GlobalAveragePool", ["p"], ["g"])
    b.node("Flatten", ["g"], ["y"])
    return b.case(name, ["y"])


@case("network::attention")
def encoder(r: Random, name: str) -> Case:
    """A head of attention with its normalisation."""
    b = Builder(r)
    batch, length, size = r.integer(1, 3), r.extent(9), r.extent(17)
    x = b.operand(rows(r.floats([batch, length, size])))
    for part in ("q", "k", "v"):
        b.node("MatMul", [x, b.operand(weights(r.normal([size, size])))], [part])
    b.node("Transpose", ["k"], ["t"], perm=[0, 2, 1])
    b.node("MatMul", ["q", "t"], ["scores"])
    b.node("Mul", ["scores", b.operand(setting(0.25, np.float32))], ["scaled"])
    b.node("Softmax", ["scaled"], ["p"], axis=-1)
    b.node("MatMul", ["p", "v"], ["o"])
    b.node("Add", ["o", x], ["r"])
    b.node(
        "LayerNormalization", ["r", b.operand(weights(r.positive([size]))), b.operand(weights(r.normal([size])))], ["y"]
    )
    return b.case(name, ["y"])
