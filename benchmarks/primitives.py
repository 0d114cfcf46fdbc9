"""Each primitive against the ONNX Runtime operator that does the same, on the same threads, taking turns.

    python benchmarks/primitives.py [--threads N] [--rounds N] [--isa NAME] [NAME ...]

Prints for each case the median time of either and the ratio of ONNX Runtime's to ours: above one we are quicker.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from aivm.arithmetic import _core

_ONNX = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A step and the node that it stands for."""

    name: str
    op: str
    inputs: list[Any]
    outs: list[tuple[tuple[int, ...], str]]
    ints: list[int] = field(default_factory=list)
    reals: list[float] = field(default_factory=list)
    node: str
    #: The operands of the node, if they are others.
    node_inputs: list[Any] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    constant: tuple[int, ...] = ()
    domain: str = ""


def plan_of(case: Case, isa: str) -> tuple[Any, list[Any]]:
    """A plan of the step, and its inputs."""
    buffers, refs, given, constants = [], [], [], []
    for i, array in enumerate(case.inputs):
        if array is None:
            refs.append(-1)
            continue
        refs.append(len(buffers))
        kind = "constant" if i in case.constant else "input"
        buffers.append(_core.Buffer(f"in{i}", str(array.dtype), array.shape, kind))
        (constants if i in case.constant else given).append(array)
    targets = []
    for i, (shape, dtype) in enumerate(case.outs):
        targets.append(len(buffers))
        buffers.append(_core.Buffer(f"out{i}", dtype, shape, "output"))
    step = _core.Step(case.op, case.name, refs, targets, case.ints, case.reals)
    return _core.Plan(buffers, constants, [step], isa=isa), given


def session_of(case: Case, threads: int) -> tuple[ort.InferenceSession, dict[str, Any]]:
    """The same in ONNX Runtime."""
    operands = case.inputs if case.node_inputs is None else case.node_inputs
    names = ["" if item is None else f"in{i}" for i, item in enumerate(operands)]
    values, initializers, feeds = [], [], {}
    for i, (name, item) in enumerate(zip(names, operands, strict=True)):
        if item is None:
            continue
        if i in case.constant or (case.node_inputs is not None and i > 0):
            initializers.append(numpy_helper.from_array(item, name))
        else:
            values.append(helper.make_tensor_value_info(name, _ONNX[str(item.dtype)], item.shape))
            feeds[name] = item
    outs = [helper.make_tensor_value_info(f"out{i}", _ONNX[dtype], shape) for i, (shape, dtype) in enumerate(case.outs)]
    node = helper.make_node(case.node, names, [item.name for item in outs], domain=case.domain, **case.attributes)
    graph = helper.make_graph([node], "g", values, outs, initializers)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]), feeds


def strides_of(shape: tuple[int, ...]) -> list[int]:
    """In elements, in C order."""
    return [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]


def transposition(name: str, x: np.ndarray, perm: tuple[int, ...]) -> Case:
    """A copy that permutes axes."""
    shape = tuple(x.shape[axis] for axis in perm)
    source = [strides_of(x.shape)[axis] for axis in perm]
    ints = [1, x.ndim, *shape, 0, *source, 0, *strides_of(shape)]
    outs = [(shape, str(x.dtype))]
    return Case(name=name, op="copy", inputs=[x], outs=outs, ints=ints, node="Transpose", attributes={"perm": perm})


def real(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal floats."""
    return rng.standard_normal(shape).astype(np.float32)


def forest(rng: np.random.Generator, trees: int, depth: int, features: int) -> tuple[list[Any], dict[str, Any]]:
    """Full trees, as the step has them and as TreeEnsemble has them."""
    inner, leaves = 2**depth - 1, 2**depth
    roots = [t * inner for t in range(trees)]
    feature = rng.integers(0, features, trees * inner)
    splits = rng.standard_normal(trees * inner).astype(np.float32)
    trues, falses = np.empty(trees * inner, np.int64), np.empty(trees * inner, np.int64)
    is_leaf = np.empty(trees * inner, np.int64)
    for t in range(trees):
        for i in range(inner):
            last = 2 * i + 1 >= inner
            base = t * leaves - inner if last else t * inner
            trues[t * inner + i], falses[t * inner + i] = base + 2 * i + 1, base + 2 * i + 2
            is_leaf[t * inner + i] = last
    count = trees * leaves
    weights = rng.standard_normal(count).astype(np.float32)
    zeros = np.zeros(trees * inner, np.int64)
    tables = [
        np.array(roots), feature, splits, zeros.astype(np.uint8), trues, falses, is_leaf.astype(bool),
        is_leaf.astype(bool), zeros.astype(bool), np.arange(count + 1), np.zeros(count, np.int64), weights,
        np.zeros(trees * inner + 1, np.int64), np.zeros(0, np.float32),
    ]  # fmt: skip
    attributes = {
        "tree_roots": roots, "nodes_featureids": feature.tolist(), "nodes_splits": numpy_helper.from_array(splits),
        "nodes_modes": numpy_helper.from_array(zeros.astype(np.uint8)), "nodes_truenodeids": trues.tolist(),
        "nodes_falsenodeids": falses.tolist(), "nodes_trueleafs": is_leaf.tolist(),
        "nodes_falseleafs": is_leaf.tolist(), "leaf_targetids": [0] * count,
        "leaf_weights": numpy_helper.from_array(weights), "n_targets": 1, "aggregate_function": 1, "post_transform": 0,
    }  # fmt: skip
    return tables, attributes


def elementwise(rng: np.random.Generator) -> list[Case]:
    """One element at a time."""
    found: list[Case] = []
    a, b, row = real(rng, 128, 3072), real(rng, 128, 3072), real(rng, 3072)
    plane, channel = real(rng, 1, 64, 56, 56), real(rng, 1, 64, 1, 1)
    for op, node in [("add", "Add"), ("mul", "Mul"), ("div", "Div"), ("max", "Max"), ("min", "Min")]:
        found.append(Case(name=f"{node} [128,3072]", op=op, inputs=[a, b], outs=[(a.shape, "float32")], node=node))
    found += [
        Case(name="Add row", op="add", inputs=[a, row], outs=[(a.shape, "float32")], node="Add"),
        Case(name="Mul channel", op="mul", inputs=[plane, channel], outs=[(plane.shape, "float32")], node="Mul"),
        Case(
            name="Add small",
            op="add",
            inputs=[real(rng, 1000), real(rng, 1000)],
            outs=[((1000,), "float32")],
            node="Add",
        ),
        Case(name="Less", op="less", inputs=[a, b], outs=[(a.shape, "bool")], node="Less"),
        Case(name="Where", op="where", inputs=[a > 0, a, b], outs=[(a.shape, "float32")], node="Where"),
        Case(
            name="Where scalar", op="where", inputs=[a > 0, a, real(rng, 1)], outs=[(a.shape, "float32")], node="Where"
        ),
    ]
    low, high = np.array(0, np.float32), np.array(6, np.float32)
    found.append(Case(name="Clip", op="clip", inputs=[a, low, high], outs=[(a.shape, "float32")], node="Clip"))
    for op, node in [
        ("relu", "Relu"),
        ("abs", "Abs"),
        ("floor", "Floor"),
        ("round", "Round"),
        ("sqrt", "Sqrt"),
        ("neg", "Neg"),
        ("sign", "Sign"),
    ]:
        found.append(Case(name=node, op=op, inputs=[a], outs=[(a.shape, "float32")], node=node))
    integers = rng.integers(-1000, 1000, (128, 3072))
    ones = np.ones((1,), np.int64)
    found += [
        Case(name="Add int64", op="add", inputs=[integers, integers], outs=[(a.shape, "int64")], node="Add"),
        Case(name="Equal int64", op="equal", inputs=[integers, ones], outs=[(a.shape, "bool")], node="Equal"),
    ]
    return found


def reductions(rng: np.random.Generator) -> list[Case]:
    """Sums, orders, scans and normalisations."""
    found: list[Case] = []
    plane = real(rng, 1, 64, 56, 56)
    for op, node in [("reduce_sum", "ReduceSum"), ("reduce_mean", "ReduceMean"), ("reduce_max", "ReduceMax")]:
        for text, x, axes in [
            ("rows", real(rng, 512, 768), [1]),
            ("columns", real(rng, 512, 768), [0]),
            ("spatial", plane, [2, 3]),
            ("all", real(rng, 400000), [0]),
            ("short rows", real(rng, 6000, 40), [1]),
        ]:
            kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
            found.append(
                Case(
                    name=f"{node} {text}",
                    op=op,
                    inputs=[x],
                    outs=[(kept, "float32")],
                    ints=axes,
                    node=node,
                    node_inputs=[x, np.array(axes)],
                )
            )
    logits = real(rng, 8, 30000)
    found += [
        Case(
            name="ArgMax rows",
            op="arg_max",
            inputs=[logits],
            outs=[((8, 1), "int64")],
            ints=[1, 0],
            node="ArgMax",
            attributes={"axis": 1},
        ),
        Case(
            name="ArgMax columns",
            op="arg_max",
            inputs=[plane],
            outs=[((1, 1, 56, 56), "int64")],
            ints=[1, 0],
            node="ArgMax",
            attributes={"axis": 1},
        ),
        Case(
            name="TopK 50",
            op="top_k",
            inputs=[logits],
            outs=[((8, 50), "float32"), ((8, 50), "int64")],
            ints=[1, 1],
            node="TopK",
            node_inputs=[logits, np.array([50])],
        ),
        Case(
            name="CumSum rows",
            op="cumsum",
            inputs=[real(rng, 128, 3000)],
            outs=[((128, 3000), "float32")],
            ints=[1, 0, 0],
            node="CumSum",
            node_inputs=[real(rng, 128, 3000), np.array(1)],
        ),
        Case(
            name="CumSum columns",
            op="cumsum",
            inputs=[real(rng, 128, 3000)],
            outs=[((128, 3000), "float32")],
            ints=[0, 0, 0],
            node="CumSum",
            node_inputs=[real(rng, 128, 3000), np.array(0)],
        ),
    ]
    for text, shape, axis in [
        ("attention", (12, 128, 128), 2),
        ("rows", (64, 3000), 1),
        ("channels", (1, 21, 64, 64), 1),
    ]:
        x = real(rng, *shape)
        for op, node in [("softmax", "Softmax"), ("log_softmax", "LogSoftmax")]:
            found.append(
                Case(
                    name=f"{node} {text}",
                    op=op,
                    inputs=[x],
                    outs=[(shape, "float32")],
                    ints=[axis],
                    node=node,
                    attributes={"axis": axis},
                )
            )
    x, scale, bias = real(rng, 128, 384), real(rng, 384), real(rng, 384)
    found.append(
        Case(
            name="LayerNorm",
            op="layer_norm",
            inputs=[x, scale, bias],
            outs=[(x.shape, "float32")],
            ints=[1],
            reals=[1e-5],
            node="LayerNormalization",
            attributes={"axis": 1},
        )
    )
    return found


def pools(rng: np.random.Generator) -> list[Case]:
    """Windows without weights."""
    found: list[Case] = []
    for text, shape, k, s, p in [
        ("3x3/2", (1, 64, 112, 112), 3, 2, 1),
        ("2x2/2", (1, 64, 56, 56), 2, 2, 0),
        ("3x3/1", (1, 128, 28, 28), 3, 1, 1),
        ("7x7", (1, 512, 7, 7), 7, 1, 0),
    ]:
        x = real(rng, *shape)
        outs = [((*shape[:2], *((n + 2 * p - k) // s + 1 for n in shape[2:])), "float32")]
        ints = [2, k, k, s, s, 1, 1, p, p, p, p, 0]
        attributes = {"kernel_shape": [k, k], "strides": [s, s], "pads": [p] * 4}
        for op, node in [("max_pool", "MaxPool"), ("average_pool", "AveragePool")]:
            found.append(
                Case(name=f"{node} {text}", op=op, inputs=[x], outs=outs, ints=ints, node=node, attributes=attributes)
            )
    return found


def movement(rng: np.random.Generator) -> list[Case]:
    """What moves and does not compute."""
    found: list[Case] = []
    a = real(rng, 128, 3072)
    plane = real(rng, 1, 64, 56, 56)
    found += [
        transposition("Transpose heads", real(rng, 1, 128, 12, 32), (0, 2, 1, 3)),
        transposition("Transpose keys", real(rng, 1, 128, 12, 32), (0, 2, 3, 1)),
        transposition("Transpose matrix", real(rng, 512, 768), (1, 0)),
        transposition("Transpose NCHW to NHWC", plane, (0, 2, 3, 1)),
        transposition("Transpose bytes", rng.integers(0, 255, (256, 512), np.uint8), (1, 0)),
    ]
    parts = [real(rng, 1, 64, 56, 56), real(rng, 1, 32, 56, 56)]
    whole = (1, 96, 56, 56)
    ints = [2, 4, *parts[0].shape, 0, *strides_of(parts[0].shape), 0, *strides_of(whole)]
    ints += [*parts[1].shape, 0, *strides_of(parts[1].shape), 64 * 56 * 56, *strides_of(whole)]
    found.append(
        Case(
            name="Concat channels",
            op="copy",
            inputs=parts,
            outs=[(whole, "float32")],
            ints=ints,
            node="Concat",
            attributes={"axis": 1},
        )
    )
    padded = (1, 64, 58, 58)
    ints = [1, 4, *plane.shape, 0, *strides_of(plane.shape), 59, *strides_of(padded)]
    found.append(
        Case(
            name="Pad",
            op="copy",
            inputs=[plane, np.zeros(1, np.float32)],
            outs=[(padded, "float32")],
            ints=ints,
            node="Pad",
            node_inputs=[plane, np.array([0, 0, 1, 1, 0, 0, 1, 1])],
        )
    )
    ints = [1, 2, 256, 1000, 0, 3072, 1, 0, 1000, 1]
    wide = real(rng, 256, 3072)
    found.append(
        Case(
            name="Slice",
            op="copy",
            inputs=[wide],
            outs=[((256, 1000), "float32")],
            ints=ints,
            node="Slice",
            node_inputs=[wide, np.array([0]), np.array([1000]), np.array([1])],
        )
    )
    ints = [1, 3, 12, 128, 128, 0, 0, 128, 1, 0, 128 * 128, 128, 1]
    mask = real(rng, 1, 128, 128)
    found.append(
        Case(
            name="Expand",
            op="copy",
            inputs=[mask],
            outs=[((12, 128, 128), "float32")],
            ints=ints,
            node="Expand",
            node_inputs=[mask, np.array([12, 128, 128])],
        )
    )
    table, tokens = real(rng, 30000, 384), rng.integers(0, 30000, (1, 128))
    found += [
        Case(
            name="Gather rows",
            op="gather",
            inputs=[table, tokens],
            outs=[((1, 128, 384), "float32")],
            ints=[0],
            node="Gather",
            constant=(0,),
        ),
        Case(
            name="GatherElements",
            op="gather_elements",
            inputs=[a, rng.integers(0, 3072, (128, 500))],
            outs=[((128, 500), "float32")],
            ints=[1],
            node="GatherElements",
            attributes={"axis": 1},
        ),
        Case(
            name="GatherND",
            op="gather_nd",
            inputs=[a, rng.integers(0, 128, (5000, 2))],
            outs=[((5000,), "float32")],
            ints=[0],
            node="GatherND",
        ),
        Case(
            name="ScatterElements",
            op="scatter_elements",
            inputs=[a, rng.integers(0, 3072, (128, 500)), real(rng, 128, 500)],
            outs=[(a.shape, "float32")],
            ints=[1, 0],
            node="ScatterElements",
            attributes={"axis": 1},
        ),
        Case(
            name="ScatterND",
            op="scatter_nd",
            inputs=[a, rng.integers(0, 128, (50, 1)), real(rng, 50, 3072)],
            outs=[(a.shape, "float32")],
            ints=[0],
            node="ScatterND",
        ),
    ]
    return found


def quantised(rng: np.random.Generator) -> list[Case]:
    """Casts, quantisation and integers."""
    found: list[Case] = []
    a = real(rng, 128, 3072)
    for source, target in [
        ("float32", "float16"),
        ("float16", "float32"),
        ("float32", "int8"),
        ("float32", "int64"),
        ("int64", "float32"),
        ("bool", "float32"),
        ("uint8", "float32"),
        ("int64", "int32"),
    ]:
        x = (a * 20).astype(source) if source != "uint8" else np.abs(a * 20).astype(source)
        found.append(
            Case(
                name=f"Cast {source} {target}",
                op="cast",
                inputs=[x],
                outs=[(a.shape, target)],
                ints=[1],
                node="Cast",
                attributes={"to": _ONNX[target]},
            )
        )
    quantised = rng.integers(-128, 127, (128, 3072), np.int8)
    one, zero = np.array(0.05, np.float32), np.array(3, np.int8)
    found += [
        Case(
            name="QuantizeLinear",
            op="quantize_linear",
            inputs=[a, one, zero],
            outs=[(a.shape, "int8")],
            ints=[0, 0, 1],
            node="QuantizeLinear",
        ),
        Case(
            name="DequantizeLinear",
            op="dequantize_linear",
            inputs=[quantised, one, zero],
            outs=[(a.shape, "float32")],
            ints=[0, 0],
            node="DequantizeLinear",
        ),
    ]
    for m, k, n in [(1, 768, 768), (128, 384, 384), (128, 384, 1536), (128, 1536, 384), (512, 512, 512)]:
        left, right = rng.integers(0, 255, (m, k), np.uint8), rng.integers(-128, 127, (k, n), np.int8)
        zeros = [np.array(120, np.uint8), np.array(0, np.int8)]
        found.append(
            Case(
                name=f"MatMulInteger {m}x{k}x{n}",
                op="matmul_integer",
                inputs=[left, right, *zeros],
                outs=[((m, n), "int32")],
                node="MatMulInteger",
                constant=(1, 2, 3),
            )
        )
    for text, shape, weights, group, s, p in [
        ("3x3", (1, 64, 56, 56), (64, 64, 3, 3), 1, 1, 1),
        ("1x1", (1, 256, 28, 28), (128, 256, 1, 1), 1, 1, 0),
        ("7x7/2", (1, 3, 224, 224), (64, 3, 7, 7), 1, 2, 3),
        ("deep", (1, 512, 7, 7), (512, 512, 3, 3), 1, 1, 1),
    ]:
        image, kernel = (
            rng.integers(0, 255, shape, np.uint8),
            rng.integers(-128, 127, weights, np.int8).astype(np.uint8),
        )
        outs = [((shape[0], weights[0], *((n + 2 * p - weights[2]) // s + 1 for n in shape[2:])), "int32")]
        ints = [group, 2, *weights[2:], s, s, 1, 1, p, p, p, p]
        attributes = {"group": group, "strides": [s, s], "pads": [p] * 4}
        zeros = [np.array(120, np.uint8), np.array(128, np.uint8)]
        found.append(
            Case(
                name=f"ConvInteger {text}",
                op="conv_integer",
                inputs=[image, kernel, *zeros],
                outs=outs,
                ints=ints,
                node="ConvInteger",
                attributes=attributes,
                constant=(1, 2, 3),
            )
        )
    return found


def forests(rng: np.random.Generator) -> list[Case]:
    """Decision trees."""
    found: list[Case] = []
    for rows, trees in [(1, 100), (1000, 100), (1000, 500)]:
        tables, attributes = forest(rng, trees, 6, 30)
        x = real(rng, rows, 30)
        found.append(
            Case(
                name=f"TreeEnsemble {rows} rows {trees} trees",
                op="tree_ensemble",
                inputs=[x, *tables],
                outs=[((rows, 1), "float32")],
                ints=[1],
                node="TreeEnsemble",
                node_inputs=[x],
                attributes=attributes,
                constant=tuple(range(1, 15)),
                domain="ai.onnx.ml",
            )
        )
    return found


def cases() -> list[Case]:
    """What networks do, in the sizes in which they do it."""
    rng = np.random.default_rng(1)
    groups = (elementwise, reductions, pools, movement, quantised, forests)
    return [case for group in groups for case in group(rng)]


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="substrings of the cases to run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--isa", default="")
    options = parser.parse_args()
    ratios = []
    for case in cases():
        if options.names and not any(name.lower() in case.name.lower() for name in options.names):
            continue
        plan, given = plan_of(case, options.isa)
        session, feeds = session_of(case, options.threads)

        def ours(plan: Any = plan, given: Any = given) -> None:
            plan.run(given, options.threads)

        def theirs(session: Any = session, feeds: Any = feeds) -> None:
            session.run(None, feeds)

        times: dict[Any, list[float]] = {ours: [], theirs: []}
        for run in times:
            run()
        start = time.perf_counter()
        ours()
        repeats = max(int(0.004 / max(time.perf_counter() - start, 1e-6)), 1)
        for _ in range(options.rounds):
            for run, spent in times.items():
                start = time.perf_counter()
                for _ in range(repeats):
                    run()
                spent.append((time.perf_counter() - start) / repeats)
        mine, other = (statistics.median(times[run]) for run in (ours, theirs))
        least = min(times[theirs]) / min(times[ours])
        ratios.append(other / mine)
        print(
            f"{case.name:32s} {mine * 1e6:10.1f} us {other * 1e6:10.1f} us   {other / mine:6.2f}   "
            f"of minima {least:6.2f}",
            flush=True,
        )
    if ratios:
        print(f"geometric mean {statistics.geometric_mean(ratios):.2f}, least {min(ratios):.2f}, of {len(ratios)}")


if __name__ == "__main__":
    main()
