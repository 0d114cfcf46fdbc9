"""Tree ensembles: every way through every tree, and the leaves in the order of the roots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.numbers import maximum, minimum
from stepping import SPECIAL, canonical, prepare, run_step, same_bits, specials

from aivm.arithmetic.errors import PlanError

NAMES = [
    "roots", "features", "splits", "modes", "trues", "falses", "true_leafs", "false_leafs", "missing", "leaf_starts",
    "leaf_targets", "leaf_weights", "member_starts", "members",
]  # fmt: skip
TYPES = {"splits": np.float32, "leaf_weights": np.float32, "members": np.float32, "modes": np.uint8}
TYPES |= dict.fromkeys(["true_leafs", "false_leafs", "missing"], np.bool_)
CONSTANT = tuple(range(1, 15))


def grown(rng, *, trees, depth, features, targets, plain=False, pairs=3):
    """A random forest as lists, its nodes numbered at random."""
    forest = {name: [] for name in NAMES}
    forest["leaf_starts"], forest["member_starts"] = [0], [0]

    def leaf():
        count = 1 if plain else int(rng.integers(0, pairs + 1))
        forest["leaf_targets"] += rng.integers(0, targets, count).tolist()
        forest["leaf_weights"] += rng.standard_normal(count).tolist()
        forest["leaf_starts"].append(len(forest["leaf_targets"]))
        return len(forest["leaf_starts"]) - 2, True

    def branch(level):
        node = len(forest["features"])
        forest["features"].append(int(rng.integers(features)))
        forest["splits"].append(float(rng.choice(SPECIAL) if rng.random() < 0.2 else rng.standard_normal()))
        forest["modes"].append(0 if plain else int(rng.integers(0, 7)))
        forest["missing"].append(not plain and bool(rng.random() < 0.3))
        forest["members"] += rng.choice(SPECIAL, 3).tolist() if forest["modes"][-1] == 6 else []
        forest["member_starts"].append(len(forest["members"]))
        for name in ("trues", "falses", "true_leafs", "false_leafs"):
            forest[name].append(0)
        for name in ("true", "false"):
            deeper = level < depth and rng.random() < 0.85
            forest[f"{name}s"][node], forest[f"{name}_leafs"][node] = (branch(level + 1), False) if deeper else leaf()
        return node

    forest["roots"] = [branch(1) for _ in range(trees)]
    return forest


def tables(forest):
    """As the step has them."""
    return [np.array(forest[name], TYPES.get(name, np.int64)) for name in NAMES]


def evaluated(forest, x, targets, aggregate):
    """Row by row and tree by tree."""
    y = np.zeros((len(x), targets), np.float32)
    seen = np.zeros(y.shape, np.bool_)
    tests = [np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal]
    for row, values in enumerate(x):
        for root in forest["roots"]:
            node, leaf = root, False
            while not leaf:
                value = values[forest["features"][node]]
                if forest["modes"][node] == 6:
                    members = forest["members"][forest["member_starts"][node] : forest["member_starts"][node + 1]]
                    way = any(np.float32(member) == value for member in members)
                else:
                    way = bool(tests[forest["modes"][node]](value, np.float32(forest["splits"][node])))
                way = way or (bool(np.isnan(value)) and forest["missing"][node])
                side = "true" if way else "false"
                node, leaf = forest[f"{side}s"][node], forest[f"{side}_leafs"][node]
            for i in range(forest["leaf_starts"][node], forest["leaf_starts"][node + 1]):
                target, weight = forest["leaf_targets"][i], np.float32(forest["leaf_weights"][i])
                if aggregate <= 1:
                    y[row, target] = y[row, target] + weight
                elif seen[row, target]:
                    y[row, target] = (minimum if aggregate == 2 else maximum)(
                        y[row, target : target + 1], np.array([weight])
                    )[0]
                else:
                    y[row, target] = weight
                seen[row, target] = True
    if aggregate == 0:
        with np.errstate(all="ignore"):
            y = y / np.float32(len(forest["roots"]))
    return canonical(y)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(
        st.integers(1, 12),
        st.integers(1, 7),
        st.integers(1, 5),
        st.sampled_from([1, 3]),
        st.sampled_from([1, 5, 20, 130]),
    ),
    aggregate=st.integers(0, 3),
    plain=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_each_row_goes_its_way_through_each_tree(sizes, aggregate, plain, seed):
    rng = np.random.default_rng(seed)
    trees, depth, features, targets, rows = sizes
    forest = grown(rng, trees=trees, depth=depth, features=features, targets=targets, plain=plain)
    x = specials(rng, (rows, features), share=0.2)
    wanted = evaluated(forest, x, targets, aggregate)
    (y,) = run_step("tree_ensemble", [x, *tables(forest)], [(wanted.shape, "float32")], [aggregate], constant=CONSTANT)
    assert same_bits(y, wanted)


@pytest.mark.parametrize("rows", [1, 3, 65])
def test_many_trees_are_summed_in_the_order_of_their_roots(rows):
    rng = np.random.default_rng(90)
    forest = grown(rng, trees=200, depth=5, features=9, targets=1, plain=True)
    x = specials(rng, (rows, 9), share=0.05)
    wanted = evaluated(forest, x, 1, 1)
    (y,) = run_step("tree_ensemble", [x, *tables(forest)], [(wanted.shape, "float32")], [1], constant=CONSTANT)
    assert same_bits(y, wanted)


def test_no_trees_sum_to_zero_and_have_no_average():
    forest = {name: [] for name in NAMES} | {"leaf_starts": [0], "member_starts": [0]}
    x = np.ones((3, 2), np.float32)
    for aggregate, value in [(0, np.nan), (1, 0), (2, 0), (3, 0)]:
        (y,) = run_step("tree_ensemble", [x, *tables(forest)], [((3, 2), "float32")], [aggregate], constant=CONSTANT)
        assert same_bits(y, canonical(np.full((3, 2), value, np.float32)))


def stump(**changes):
    """One branch, two leaves."""
    forest = {
        "roots": [0], "features": [0], "splits": [0.0], "modes": [0], "trues": [0], "falses": [1], "true_leafs": [1],
        "false_leafs": [1], "missing": [0], "leaf_starts": [0, 1, 2], "leaf_targets": [0, 0],
        "leaf_weights": [1.0, 2.0], "member_starts": [0, 0], "members": [],
    }  # fmt: skip
    return forest | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"roots": [1]}, "root 1 is out of range"),
        ({"roots": [-1]}, "root -1 is out of range"),
        ({"features": [2]}, "feature 2 is out of range"),
        ({"trues": [2]}, "leaf 2 is out of range"),
        ({"falses": [-1]}, "leaf -1 is out of range"),
        ({"trues": [1], "true_leafs": [0]}, "node 1 is out of range"),
        ({"trues": [0], "true_leafs": [0]}, "a way through a tree never ends"),
        ({"modes": [7]}, "there is no mode 7"),
        ({"leaf_targets": [0, 1]}, "target 1 is out of range"),
        ({"leaf_starts": [0, 1, 3]}, "the ranges of leaves are out of range"),
        ({"leaf_starts": [0, 2, 1]}, "the ranges of leaves are out of range"),
        ({"leaf_starts": [-1, 1, 2]}, "the ranges of leaves are out of range"),
        ({"leaf_starts": []}, "leaf_starts is empty"),
        ({"member_starts": [0, 1]}, "the ranges of members are out of range"),
        ({"member_starts": [0]}, "the ranges of members are out of range"),
        ({"splits": []}, "the tables of nodes differ in length"),
        ({"leaf_weights": [1.0]}, "the tables of leaves differ in length"),
    ],
)
def test_a_forest_that_points_nowhere_is_refused(changes, message):
    with pytest.raises(PlanError, match=message):
        prepare(
            "tree_ensemble",
            [np.ones((3, 2), np.float32), *tables(stump(**changes))],
            [((3, 1), "float32")],
            [1],
            constant=CONSTANT,
        )


def test_a_ring_of_trees_is_refused():
    forest = stump(
        features=[0, 0, 1], splits=[0, 0, 0], modes=[0, 0, 0], trues=[1, 2, 0], falses=[0, 1, 1], true_leafs=[0, 0, 0],
        false_leafs=[1, 1, 1], missing=[0, 0, 0], member_starts=[0, 0, 0, 0],
    )  # fmt: skip
    with pytest.raises(PlanError, match="a way through a tree never ends"):
        prepare(
            "tree_ensemble",
            [np.ones((3, 2), np.float32), *tables(forest)],
            [((3, 1), "float32")],
            [1],
            constant=CONSTANT,
        )


def test_tables_have_to_be_constants():
    with pytest.raises(PlanError, match="table 'in1' is not a constant"):
        prepare("tree_ensemble", [np.ones((3, 2), np.float32), *tables(stump())], [((3, 1), "float32")], [1])
