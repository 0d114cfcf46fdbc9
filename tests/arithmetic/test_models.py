"""Models of every family that kernels come from: the document's bits at every operator set, and ONNX's numbers."""

from __future__ import annotations

import families
import numpy as np
import onnxruntime
import pytest
import reference
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import aivm

#: The newest operator set that this release of ONNX Runtime has.
RUNTIME_OPSET = 21


def bits(outputs):
    """What is compared."""
    return {name: (array.dtype.name, array.shape, array.tobytes()) for name, array in outputs.items()}


def runtime(model, feeds):
    """ONNX Runtime's outputs."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def near(found, expected, *, atol=1e-5):
    """Fails unless numbers agree as engines do that round otherwise."""
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=2e-4, atol=atol, err_msg=name)


@pytest.mark.parametrize("opset", families.OPSETS)
@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_model_has_the_bits_of_the_document_at_every_operator_set(family, opset):
    model, feeds = families.FAMILIES[family](opset)
    assert bits(aivm.load(model, threads=1).run(feeds)) == bits(reference.run(model, feeds))


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_model_has_the_numbers_of_onnx_runtime(family):
    model, feeds = families.FAMILIES[family](RUNTIME_OPSET)
    # Engines that sum in another order can differ by a step of a quantised tensor.
    atol = 0.2 if family == "quantised" else 1e-5
    near(aivm.load(model, threads=1).run(feeds), runtime(model, feeds), atol=atol)


@pytest.mark.parametrize("family", ["mlp", "resnet", "encoder", "unet"])
def test_a_model_has_the_numbers_of_the_standards_evaluator(family):
    model, feeds = families.FAMILIES[family](families.OPSETS[-1])
    names = [item.name for item in model.graph.output]
    expected = dict(zip(names, ReferenceEvaluator(model).run(None, feeds), strict=True))
    near(aivm.load(model, threads=1).run(feeds), expected)


@pytest.mark.parametrize("family", ["mlp", "resnet", "unet"])
def test_an_item_alone_has_the_bits_that_it_has_in_a_batch(family):
    model, feeds = families.FAMILIES[family](21)
    session = aivm.load(model, threads=1)
    whole = session.run(feeds)
    for row in range(len(feeds["x"])):
        alone = session.run({name: array[row : row + 1].copy() for name, array in feeds.items()})
        assert bits(alone) == bits({name: array[row : row + 1] for name, array in whole.items()})


@pytest.mark.parametrize("opset", families.OPSETS)
def test_a_decoder_with_a_cache_gives_the_bits_of_the_whole_run(opset):
    model, feeds = families.decoder(opset, cached=False)
    whole = aivm.load(model, threads=1).run(feeds)["y"]
    assert bits({"y": whole}) == bits(reference.run(model, feeds))
    model, start = families.decoder(opset, cached=True)
    session = aivm.load(model, threads=1)
    past = {name: start[name] for name in ("past_k", "past_v")}
    for t in range(feeds["tokens"].shape[1]):
        step = session.run({"tokens": feeds["tokens"][:, t : t + 1].copy(), "place": np.array([t]), **past})
        assert step["y"].tobytes() == whole[:, t : t + 1].tobytes(), t
        past = {"past_k": step["k"], "past_v": step["v"]}
    if opset == RUNTIME_OPSET:
        near({"y": whole}, runtime(*families.decoder(opset, cached=False)))


def attention(*, past):
    """The operator by itself, in heads, with rotated positions and a root-mean-square norm before."""
    s = families.Sketch(23, 12)
    x = s.input("x", [1, "t", 16])
    cosines, sines = (s.input(name, [1, "t", 2]) for name in ("cos", "sin"))
    y = s.op("RMSNormalization", x, s.constant(1 + 0.1 * s.random.standard_normal(16)))
    q, k, v = (s.heads(s.op("MatMul", y, s.weight(16, 16)), 4) for _ in range(3))
    q, k = s.op("RotaryEmbedding", q, cosines, sines), s.op("RotaryEmbedding", k, cosines, sines)
    before = [s.input(name, [1, 4, "p", 4]) for name in ("past_k", "past_v")] if past else []
    inputs = [q, k, v, *(["", *before] if past else [])]
    outputs = s.op("Attention", *inputs, outputs=3, is_causal=int(not past))
    joined = s.op("Reshape", s.op("Transpose", outputs[0], perm=[0, 2, 1, 3]), s.ints(0, 0, -1))
    return s.model(y=joined, k=outputs[1], v=outputs[2])


def test_the_operator_of_attention_gives_the_same_bits_from_its_cache():
    x, angles = (
        families.numbers(1, 6, 16),
        np.arange(6, dtype=np.float32)[None, :, None] * np.array([1, 0.1], np.float32),
    )
    turns = {"cos": np.cos(angles), "sin": np.sin(angles)}
    feeds = {"x": x, **turns}
    whole = aivm.load(attention(past=False), threads=1).run(feeds)
    assert bits(whole) == bits(reference.run(attention(past=False), feeds))
    session = aivm.load(attention(past=True), threads=1)
    past = {name: np.zeros((1, 4, 0, 4), np.float32) for name in ("past_k", "past_v")}
    for t in range(6):
        now = {name: array[:, t : t + 1].copy() for name, array in feeds.items()}
        step = session.run({**now, **past})
        assert step["y"].tobytes() == whole["y"][:, t : t + 1].tobytes(), t
        past = {"past_k": step["k"], "past_v": step["v"]}


def grown(random, *, classes, trees=5, depth=3, features=4):
    """The attributes of a boosted forest, its nodes numbered breadth first."""
    lists = {
        name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    }
    leaves = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    inner = 2**depth - 1
    for tree in range(trees):
        for node in range(2 * inner + 1):
            branch = node < inner
            row = (
                tree,
                node,
                int(random.integers(features)),
                "BRANCH_LT" if branch else "LEAF",
                float(random.standard_normal()),
            )
            for name, value in zip(
                lists, (*row, 2 * node + 1 if branch else 0, 2 * node + 2 if branch else 0), strict=True
            ):
                lists[name].append(value)
            if not branch:
                for name, value in zip(leaves, (tree, node, tree % classes, float(random.normal(0, 0.3))), strict=True):
                    leaves[name].append(value)
    nodes = {f"nodes_{name}": values for name, values in lists.items()}
    nodes["nodes_missing_value_tracks_true"] = random.integers(0, 2, trees * (2 * inner + 1)).tolist()
    return nodes, leaves


def forest(kind, **attributes):
    """A model of one ensemble; only the domain of trees is imported."""
    results = ["label", "y"] if kind == "TreeEnsembleClassifier" else ["y"]
    node = helper.make_node(kind, ["x"], results, domain="ai.onnx.ml", **attributes)
    ports = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    if len(results) > 1:
        ports.insert(0, helper.make_tensor_value_info("label", TensorProto.INT64, None))
    graph = helper.make_graph(
        [node], "forest", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])], ports
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8)


def rows():
    """Rows, some with missing values."""
    x = families.numbers(50, 4)
    x[::7, 1] = np.nan
    return {"x": x}


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC"])
def test_boosted_trees_regress_to_the_bits_of_the_document(aggregate, transform):
    nodes, leaves = grown(np.random.default_rng(13), classes=1)
    leaves = {f"target_{name}": values for name, values in leaves.items()}
    model = forest(
        "TreeEnsembleRegressor",
        **nodes,
        **leaves,
        n_targets=1,
        base_values=[0.25],
        aggregate_function=aggregate,
        post_transform=transform,
    )
    found = aivm.load(model, threads=1).run(rows())
    assert bits(found) == bits(reference.run(model, rows()))
    if transform == "NONE":  # which ONNX Runtime leaves out where there is one target
        near(found, runtime(model, rows()))


@pytest.mark.parametrize(("classes", "ids"), [(3, 3), (2, 1)])
@pytest.mark.parametrize("transform", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_boosted_trees_classify_to_the_bits_of_the_document(classes, ids, transform):
    nodes, leaves = grown(np.random.default_rng(14), classes=ids, trees=6)
    leaves = {f"class_{name}": values for name, values in leaves.items()}
    model = forest(
        "TreeEnsembleClassifier", **nodes, **leaves, classlabels_int64s=list(range(classes)), post_transform=transform
    )
    found = aivm.load(model, threads=1).run(rows())
    assert bits(found) == bits(reference.run(model, rows()))
    if (classes, transform) != (2, "SOFTMAX"):  # which ONNX Runtime leaves out where one score stands for both
        near(found, runtime(model, rows()))
