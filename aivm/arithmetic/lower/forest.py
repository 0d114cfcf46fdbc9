"""Tree ensembles of ai.onnx.ml, in the one layout of the primitive (docs/primitives.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value

POST_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Branches, and leaves with pairs of target and weight."""

    roots: Sequence[int]
    features: Sequence[int]
    splits: Sequence[float]
    modes: Sequence[int]
    trues: Sequence[int]
    falses: Sequence[int]
    true_leafs: Sequence[bool]
    false_leafs: Sequence[bool]
    missing: Sequence[bool]
    leaf_starts: Sequence[int]
    leaf_targets: Sequence[int]
    leaf_weights: Sequence[float]
    member_starts: Sequence[int]
    members: Sequence[float]

    def tables(self, b: Builder) -> list[Value]:
        """The operands of the primitive after the first."""
        kinds = {
            "splits": np.float32,
            "leaf_weights": np.float32,
            "members": np.float32,
            "modes": np.uint8,
            "true_leafs": np.bool_,
            "false_leafs": np.bool_,
            "missing": np.bool_,
        }
        return [
            b.constant(np.array(getattr(self, name), dtype=kinds.get(name, np.int64)))
            for name in Forest.__dataclass_fields__
        ]


def from_ensemble(b: Builder, node: Node) -> Forest:
    """The forest of a TreeEnsemble-5 node.

    Raises:
        MalformedModelError: its lists differ in length, or point nowhere.
    """
    features = node.get("nodes_featureids") or []
    count = len(features)
    modes = [int(item) for item in node.get("nodes_modes", np.zeros(0, np.uint8))]
    sets = _member_sets(node.get("membership_values"))
    wanted = [position for position, mode in enumerate(modes) if mode == _MODES.index("BRANCH_MEMBER")]
    if len(sets) < len(wanted):
        b.refuse(f"{len(wanted)} nodes test membership, and there are {len(sets)} sets")
    starts, members = [0], []
    for position in range(count):
        if position in wanted:
            members += sets[wanted.index(position)]
        starts.append(len(members))
    targets = node.get("leaf_targetids") or []
    forest = Forest(
        roots=node.get("tree_roots") or [],
        features=features,
        splits=[float(item) for item in node.get("nodes_splits", np.zeros(0, np.float32))],
        modes=modes,
        trues=node.get("nodes_truenodeids") or [],
        falses=node.get("nodes_falsenodeids") or [],
        true_leafs=[bool(item) for item in node.get("nodes_trueleafs") or []],
        false_leafs=[bool(item) for item in node.get("nodes_falseleafs") or []],
        missing=[bool(item) for item in node.get("nodes_missing_value_tracks_true") or [0] * count],
        leaf_starts=list(range(len(targets) + 1)),
        leaf_targets=targets,
        leaf_weights=[float(item) for item in node.get("leaf_weights", np.zeros(0, np.float32))],
        member_starts=starts,
        members=members,
    )
    return _checked(b, forest)


def _member_sets(values: object) -> list[list[float]]:
    """The sets of `membership_values`, which NaN separates."""
    sets: list[list[float]] = [[]]
    for item in np.asarray(values if values is not None else [], np.float32).reshape(-1):
        if np.isnan(item):
            sets.append([])
        else:
            sets[-1].append(float(item))
    return sets


def from_nodes(b: Builder, node: Node, kind: str) -> Forest:
    """The forest of a TreeEnsembleRegressor or TreeEnsembleClassifier node.

    Args:
        b: the builder.
        node: the node, whose attributes name nodes by tree and number.
        kind: the prefix of the leaves' attributes, `target` or `class`.

    Raises:
        MalformedModelError: its lists differ in length, or point nowhere.
    """
    nodes = _Nodes(b, node)
    starts, targets, weights = _leaves(b, node, kind, nodes.leaves)
    trues, true_leafs = nodes.children("nodes_truenodeids")
    falses, false_leafs = nodes.children("nodes_falsenodeids")
    features: list[Any] = [int(item) for item in nodes.column("nodes_featureids")]
    splits: list[Any] = nodes.column("nodes_values")
    modes: list[Any] = nodes.modes()
    missing: list[Any] = [bool(item) for item in nodes.column("nodes_missing_value_tracks_true")]
    roots = []
    for first in nodes.roots():
        # A tree that is a leaf alone is a branch both of whose ways lead there.
        roots.append(nodes.branches.get(first, len(features)))
        if first not in nodes.branches:
            for column, item in ((features, 0), (splits, 0.0), (modes, 0), (missing, False)):
                column.append(item)
            for places, kinds in ((trues, true_leafs), (falses, false_leafs)):
                places.append(nodes.leaves[first])
                kinds.append(True)
    forest = Forest(
        roots=roots,
        features=features,
        splits=splits,
        modes=modes,
        trues=trues,
        falses=falses,
        true_leafs=true_leafs,
        false_leafs=false_leafs,
        missing=missing,
        leaf_starts=starts,
        leaf_targets=targets,
        leaf_weights=weights,
        member_starts=[0] * (len(features) + 1),
        members=[],
    )
    return _checked(b, forest)


class _Nodes:
    """The nodes of all trees, in lists that name them by tree and number."""

    def __init__(self, b: Builder, node: Node) -> None:
        self._b = b
        self._node = node
        trees, ids = node.get("nodes_treeids") or [], node.get("nodes_nodeids") or []
        self._modes: list[str] = node.get("nodes_modes") or []
        if not len(trees) == len(ids) == len(self._modes):
            b.refuse("the lists of nodes differ in length")
        self._keys: list[tuple[int, int]] = list(zip(trees, ids, strict=True))
        self._places = [place for place, mode in enumerate(self._modes) if mode != "LEAF"]
        leaves = [place for place, mode in enumerate(self._modes) if mode == "LEAF"]
        #: Positions of branches and of leaves, among their like.
        self.branches = {self._keys[place]: index for index, place in enumerate(self._places)}
        self.leaves = {self._keys[place]: index for index, place in enumerate(leaves)}
        if len(set(self._keys)) != len(self._keys):
            b.refuse("two nodes of a tree have one number")

    def roots(self) -> list[tuple[int, int]]:
        """The first node of each tree."""
        firsts: dict[int, tuple[int, int]] = {}
        for key in self._keys:
            firsts.setdefault(key[0], key)
        return list(firsts.values())

    def modes(self) -> list[int]:
        """The tests of the branches."""
        names = [self._modes[place] for place in self._places]
        if not set(names) <= set(_MODES):
            self._b.refuse(f"modes {sorted(set(names))}")
        return [_MODES.index(name) for name in names]

    def column(self, name: str) -> list[float]:
        """An attribute of the branches; zeros where it is left out."""
        values = reals(self._node, name) or [0.0] * len(self._keys)
        if len(values) != len(self._keys):
            self._b.refuse(f"attribute {name!r} has {len(values)} entries for {len(self._keys)} nodes")
        return [values[place] for place in self._places]

    def children(self, name: str) -> tuple[list[int], list[bool]]:
        """Where one way out of each branch leads, and whether that is a leaf."""
        places, kinds = [], []
        for place, child in zip(self._places, self.column(name), strict=True):
            key = (self._keys[place][0], int(child))
            if key not in self.branches and key not in self.leaves:
                self._b.refuse(f"attribute {name!r} points to node {key[1]} of tree {key[0]}, which there is not")
            places.append(self.branches.get(key, self.leaves.get(key, 0)))
            kinds.append(key in self.leaves)
        return places, kinds


def _leaves(
    b: Builder, node: Node, kind: str, numbers: dict[tuple[int, int], int]
) -> tuple[list[int], list[int], list[float]]:
    """For each leaf its pairs of target and weight, in the order of the attributes."""
    trees, ids = node.get(f"{kind}_treeids") or [], node.get(f"{kind}_nodeids") or []
    targets, weights = node.get(f"{kind}_ids") or [], reals(node, f"{kind}_weights")
    if not len(trees) == len(ids) == len(targets) == len(weights):
        b.refuse(f"the lists of {kind} weights differ in length")
    pairs: list[list[tuple[int, float]]] = [[] for _ in numbers]
    distinct = sorted(set(targets))
    # Of two classes with one score between them, the score is that of the second.
    alone = kind == "class" and len(node.get("classlabels_int64s") or []) == 2 and len(distinct) == 1
    for tree, leaf, target, weight in zip(trees, ids, targets, weights, strict=True):
        if (tree, leaf) not in numbers:
            b.refuse(f"node {leaf} of tree {tree} has weights and is no leaf")
        pairs[numbers[tree, leaf]].append((0 if alone else target, weight))
    starts, flat = [0], []
    for item in pairs:
        flat += item
        starts.append(len(flat))
    return starts, [target for target, _ in flat], [weight for _, weight in flat]


def reals(node: Node, name: str) -> list[float]:
    """A list of real numbers, given as such or in a tensor."""
    tensor = node.get(f"{name}_as_tensor")
    values = tensor.reshape(-1) if tensor is not None else node.get(name) or []
    return [float(item) for item in values]


def _checked(b: Builder, forest: Forest) -> Forest:
    count = len(forest.features)
    columns = (forest.splits, forest.modes, forest.trues, forest.falses, forest.true_leafs, forest.false_leafs)
    if any(len(column) != count for column in (*columns, forest.missing)):
        b.refuse("the lists of nodes differ in length")
    if len(forest.leaf_targets) != len(forest.leaf_weights):
        b.refuse("the lists of leaves differ in length")
    return forest


def post_transform(b: Builder, scores: Value, name: str) -> Value:
    """The transform of an ensemble's scores, `[N, targets]`."""
    if name == "NONE":
        return scores
    if name == "LOGISTIC":
        return b.unary("sigmoid", scores)
    if name == "SOFTMAX":
        return b.softmax(scores, 1, log=False)
    if name == "SOFTMAX_ZERO":
        zero = b.compare("equal", scores, b.scalar(0, "float32"))
        exponentials = b.unary("exp", b.sub(scores, b.reduce("reduce_max", scores, [1])))
        kept = b.where(zero, b.scalar(0, "float32"), exponentials)
        return b.div(kept, b.reduce("reduce_sum", kept, [1]))
    return b.unsupported(f"the transform {name!r}")
