"""The standard's own tests of its operators: those that pass keep passing, and the others are refused by name."""

from __future__ import annotations

import numpy_primitives
import onnx
import pytest
import standard

from aivm.arithmetic.errors import UnsupportedOperatorError
from aivm.arithmetic.session import open_session

KEPT = standard.kept()


@pytest.mark.parametrize("name", KEPT["passing"])
def test_a_case_of_the_standard_passes(name):
    standard.run(standard.cases()[name])


@pytest.mark.parametrize("name", KEPT["refused"])
def test_a_case_that_is_not_supported_is_refused_by_name(name):
    with pytest.raises(UnsupportedOperatorError) as refusal:
        standard.run(standard.cases()[name])
    assert refusal.value.message


def test_every_case_of_the_standard_is_listed():
    assert onnx.__version__ == KEPT["onnx"], (
        "run tests/arithmetic/standard.py with the new version and look at the difference"
    )
    assert sorted(KEPT["passing"] + KEPT["refused"]) == sorted(standard.cases())
    assert KEPT["counts"] == {"passing": len(KEPT["passing"]), "refused": len(KEPT["refused"]), "failing": 0}


@pytest.mark.parametrize("name", KEPT["passing"][::9])
def test_numpy_reads_the_table_of_primitives_as_the_core_does(name):
    case = standard.cases()[name]
    session = open_session(standard.modern(case.model))
    names = [value.name for value in case.model.graph.input]
    for inputs, outputs in case.data_sets:
        fed = {item: standard.array_of(value) for item, value in zip(names, inputs, strict=False)}
        results = session.run(fed, run_plan=_numpy_plan)
        for result, expected in zip(results.values(), outputs, strict=True):
            standard.compare(result, standard.array_of(expected), case.rtol, case.atol)


def _numpy_plan(stage, memory, _threads):
    return numpy_primitives.run(stage.program, memory)
