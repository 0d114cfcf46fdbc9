"""The engine against a second implementation of docs/arithmetic.md: every bit of every output."""

from __future__ import annotations

import os
import zlib

import golden
import numpy as np
import pytest
import reference
import standard
from cases import CASES, Random

from aivm.arithmetic.errors import UnsupportedOperatorError
from aivm.arithmetic.lower import registry
from aivm.arithmetic.session import open_session

#: `make prove` runs all that there is; otherwise a part that takes seconds.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "prove"
STANDARD = standard.kept()["passing"]
SLOW = {"test_lppool_3d_default", "test_maxpool_3d_default", "test_averagepool_3d_default"}
COUNT = 40 if THOROUGH else 3


def bits(item):
    """What is compared."""
    if isinstance(item, list):
        return [bits(part) for part in item]
    return None if item is None else (item.dtype.name, item.shape, np.ascontiguousarray(item).tobytes())


def agree(model, feeds):
    """Runs a model on both, whose outputs have the same bits."""
    found, expected = open_session(model, threads=1).run(feeds), reference.run(model, feeds)
    assert found.keys() == expected.keys()
    for name, array in found.items():
        assert bits(array) == bits(expected[name]), name


@pytest.mark.parametrize("name", STANDARD if THOROUGH else [name for name in STANDARD[::7] if name not in SLOW])
def test_a_case_of_the_standard_has_the_bits_of_the_document(name):
    case = standard.cases()[name]
    model = standard.modern(case.model)
    names = [value.name for value in model.graph.input]
    for inputs, _ in case.data_sets:
        agree(model, {item: standard.array_of(value) for item, value in zip(names, inputs, strict=False)})


@pytest.mark.parametrize("operator", sorted(CASES))
def test_random_cases_of_an_operator_have_the_bits_of_the_document(operator):
    agreed = 0
    for number in range(COUNT):
        case = CASES[operator](Random([zlib.crc32(operator.encode()), 3, number]))
        try:
            agree(case.model, case.feeds)
        except UnsupportedOperatorError:
            continue
        agreed += 1
    assert agreed, "every case was refused"


def test_golden_vectors_are_those_of_the_document():
    outcome = golden.check(golden.read(), reference.run)
    assert outcome.cases
    assert outcome.mismatches == []


def test_every_operator_has_random_cases():
    names = {name.rpartition("::")[2] for name in CASES}
    assert {name for _, name in registry.table()} <= names
