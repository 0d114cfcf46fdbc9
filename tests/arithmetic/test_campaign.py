"""Random cases of every operator give the same bits however they are run; `make prove` runs ten thousand of them."""

from __future__ import annotations

import campaign
import numpy as np
import pytest
from cases import CASES, Case, Random
from onnx import TensorProto, helper

from aivm.arithmetic import _core


def test_random_cases_of_every_operator_give_the_same_bits_however_they_are_run():
    results = [campaign.run_numbers(operator, range(1)) for operator in sorted(CASES)]
    assert [item for result in results for item in result["mismatches"]] == []
    assert [item for result in results for item in result["refused"]] == []
    assert sum(result["cases"] for result in results) == len(CASES)
    # Four ways for each instruction set and number of threads, and the first one.
    assert sum(result["runs"] for result in results) > len(CASES) * len(_core.isas()) * len(campaign.THREADS) * 4
    assert sum(result["batches"] for result in results) > len(CASES) // 2


def test_a_result_that_its_batch_decides_is_found():
    """Each row less the mean of all: of a batch that is none, the campaign has to say that it is none."""
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=1, axes=[0]),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xy"]
    graph = helper.make_graph(nodes, "centred", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    _, wrong = campaign.run_case(Case(operator="centred", model=model, feeds={"x": x}, batch=("x",)), Random(0))
    assert wrong
    assert all(item.endswith("of 4 alone") for item in wrong)


@pytest.mark.parametrize("operator", ["MatMul", "Conv", "ReduceSum"])
def test_the_same_seed_makes_the_same_case(operator):
    first, second = (CASES[operator](Random([7, 1, 3])) for _ in range(2))
    assert first.model.SerializeToString(deterministic=True) == second.model.SerializeToString(deterministic=True)
    assert campaign.bits(first.feeds) == campaign.bits(second.feeds)
