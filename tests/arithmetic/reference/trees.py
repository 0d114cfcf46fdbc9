"""Tree ensembles (§13)."""

from __future__ import annotations

import numpy as np

from reference.casting import cast
from reference.functions import apply
from reference.numbers import maximum, minimum
from reference.reductions import reduced
from reference.table import operator

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"]
TESTS = [np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal]
TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]


def aggregated(pairs, trees, targets, how):
    """The pairs of target and weight that a row met, in the order of the trees (§13.2)."""
    y = np.zeros(targets, np.float32)
    seen = set()
    for target, weight in pairs:
        weight = np.float32(weight)  # noqa: PLW2901
        if how in ("SUM", "AVERAGE"):
            y[target] = y[target] + weight
        else:
            y[target] = (minimum if how == "MIN" else maximum)(y[target], weight) if target in seen else weight
        seen.add(target)
    return y / np.float32(trees) if how == "AVERAGE" else y


def passes(value, mode, split, members, missing):
    """Whether a test holds."""
    if np.isnan(value) and missing:
        return True
    return any(value == member for member in members) if mode == 6 else bool(TESTS[mode](value, np.float32(split)))


@operator("TreeEnsemble", domain="ai.onnx.ml")
def _ensemble(node, x):
    modes, splits = node.get("nodes_modes").tolist(), node.get("nodes_splits")
    missing = node.get("nodes_missing_value_tracks_true") or [0] * len(modes)
    sets, flat = [[]], node.get("membership_values")
    for item in [] if flat is None else flat.tolist():
        if np.isnan(item):
            sets.append([])
        else:
            sets[-1].append(np.float32(item))
    members = iter(sets)
    sets = [next(members) if mode == 6 else [] for mode in modes]
    y = []
    for row in x:
        pairs = []
        for root in node.get("tree_roots"):
            place, leaf = root, False
            while not leaf:
                value = row[node.get("nodes_featureids")[place]]
                way = passes(value, modes[place], splits[place], sets[place], missing[place])
                side = "true" if way else "false"
                leaf, place = node.get(f"nodes_{side}leafs")[place], node.get(f"nodes_{side}nodeids")[place]
            pairs.append((node.get("leaf_targetids")[place], node.get("leaf_weights")[place]))
        how = ["AVERAGE", "SUM", "MIN", "MAX"][node.get("aggregate_function", 1)]
        y.append(aggregated(pairs, len(node.get("tree_roots")), node.get("n_targets"), how))
    return transformed(np.array(y, np.float32), TRANSFORMS[node.get("post_transform", 0)])


def scores(node, x, kind, targets, how):
    """What TreeEnsembleRegressor and -Classifier sum, `[N, targets]`."""
    listed = {name: node.get(f"nodes_{name}") for name in ("treeids", "nodeids", "modes", "featureids")}
    values = _numbers(node, "nodes_values")
    missing = node.get("nodes_missing_value_tracks_true") or [0] * len(values)
    keys = list(zip(listed["treeids"], listed["nodeids"], strict=True))
    where = {key: place for place, key in enumerate(keys)}
    firsts = {}
    for tree, number in keys:
        firsts.setdefault(tree, (tree, number))
    leaves = {}
    entries = zip(
        node.get(f"{kind}_treeids"),
        node.get(f"{kind}_nodeids"),
        node.get(f"{kind}_ids"),
        _numbers(node, f"{kind}_weights"),
        strict=True,
    )
    for tree, number, target, weight in entries:
        leaves.setdefault((tree, number), []).append((0 if targets == 1 else target, weight))
    y = []
    for row in cast(x, np.float32):
        pairs = []
        for tree, number in firsts.values():
            place = where[tree, number]
            while listed["modes"][place] != "LEAF":
                mode = MODES.index(listed["modes"][place])
                way = passes(row[listed["featureids"][place]], mode, values[place], [], missing[place])
                place = where[tree, node.get("nodes_truenodeids" if way else "nodes_falsenodeids")[place]]
            pairs += leaves.get(keys[place], [])
        y.append(aggregated(pairs, len(firsts), targets, how))
    return np.array(y, np.float32).reshape(len(x), targets)


def _numbers(node, name):
    tensor = node.get(f"{name}_as_tensor")
    return [float(item) for item in (tensor if tensor is not None else node.get(name) or [])]


@operator("TreeEnsembleRegressor", domain="ai.onnx.ml")
def _regressor(node, x):
    y = scores(node, x, "target", node.get("n_targets", 1), node.get("aggregate_function", "SUM"))
    base = node.get("base_values")
    return transformed(y + np.array(base, np.float32) if base else y, node.get("post_transform", "NONE"))


@operator("TreeEnsembleClassifier", domain="ai.onnx.ml")
def _classifier(node, x):
    labels, base = np.array(node.get("classlabels_int64s")), node.get("base_values")
    binary = len(labels) == 2 and len(set(node.get("class_ids"))) == 1
    y = scores(node, x, "class", 1 if binary else len(labels), "SUM")
    y = y + np.array(base, np.float32) if base else y
    transform = node.get("post_transform", "NONE")
    if binary:
        half = transform == "NONE" and all(weight >= 0 for weight in _numbers(node, "class_weights"))
        chosen = (y > np.float32(0.5 if half else 0)).astype(np.int64).reshape(-1)
        y = np.concatenate([np.float32(1) - y if half else -y, y], 1)
    else:
        chosen = np.argmax(y, 1)
    return labels[chosen], transformed(y, transform)


def transformed(y, name):
    """The transform of the scores (§13.3)."""
    if name == "LOGISTIC":
        return apply("sigmoid", y)
    if name in ("SOFTMAX", "SOFTMAX_ZERO"):
        e = apply("exp", y - reduced("max", y, [1], keepdims=True))
        e = np.where(y == 0, np.float32(0), e) if name == "SOFTMAX_ZERO" else e
        return e / reduced("sum", e, [1], keepdims=True)
    return y
