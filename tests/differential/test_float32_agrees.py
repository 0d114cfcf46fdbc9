"""binary32 in Solidity, in the C library and in the engine: the same bits, case by case, with and without CLZ."""

from __future__ import annotations

import os

import numpy as np
import pytest
from oracle import fma
from plans import one_step
from support import float32_cases as cases
from support.float32_reference import OF_INTEGERS, by_c_library, by_engine, canonical, values
from support.harness import deployed

#: `make prove` runs ten million cases of fma, and a million of everything else; `make test` those of a second or so.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "prove"
FUSED, OTHERS, CHAINS = (10_000_000, 1_000_000, 30_000) if THOROUGH else (66_000, 15_000, 400)
#: Cases of one call: what fits into 60,000,000 gas, a block.
BATCH = 12_000
#: Cases drawn and compared together.
CHUNK = 240_000

BINARY = ("add", "sub", "mul", "div", "compare")
UNARY = ("sqrt", "truncate", "floor", "ceil", "round", *(f"to{kind}" for kind in OF_INTEGERS))


@pytest.fixture(scope="module", params=["default", "osaka"])
def solidity(shared_chain, account, request):
    """The harness, compiled for every EVM or for those with CLZ."""
    return deployed("Float32Harness", shared_chain, account("harness"), request.param)


def run(solidity, name, operands, dtype):
    """What Solidity makes of `[n]` or `[n, k]` operands."""
    parts = []
    for start in range(0, len(operands), BATCH):
        part = np.ascontiguousarray(operands[start : start + BATCH])
        answer = solidity.read(name, part.astype(part.dtype.newbyteorder(">")).tobytes())
        parts.append(np.frombuffer(answer, np.dtype(dtype).newbyteorder(">")).astype(dtype))
    return np.concatenate(parts)


def assert_same(name, operands, got, expected, whose):
    """Names the operands, what Solidity made of them and what was expected, for the first few that differ."""
    assert got.shape == expected.shape
    wrong = np.flatnonzero(got != expected)
    shown = [
        f"{name}({', '.join(f'{int(word):#010x}' for word in np.atleast_1d(operands[i]))}) "
        f"= {int(got[i]):#010x}, by {whose} {int(expected[i]):#010x}"
        for i in wrong[:5]
    ]
    assert not shown, f"{len(wrong)} of {len(got)} differ: " + "; ".join(shown)


def chunks(total):
    """Seeds and sizes that make up a number of cases."""
    return [(start, min(CHUNK, total - start)) for start in range(0, total, CHUNK)]


def test_fma_agrees(solidity):
    for seed, count in chunks(FUSED):
        operands = cases.triples(np.random.default_rng([1, seed]), count)
        got = run(solidity, "fma", operands, np.uint32)
        assert_same("fma", operands, got, by_c_library("fma", operands), "the C library")
        some = operands[:, 2] != cases.SIGN
        assert_same("fma", operands[some], got[some], by_engine("fma", operands[some]), "the engine")


@pytest.mark.parametrize("name", BINARY)
def test_operations_on_two_numbers_agree(solidity, name):
    for seed, count in chunks(OTHERS):
        operands = cases.pairs(np.random.default_rng([2, seed]), count)
        check(solidity, name, operands, np.uint32)


@pytest.mark.parametrize("name", UNARY)
def test_operations_on_one_number_agree(solidity, name):
    for seed, count in chunks(OTHERS):
        operands = cases.singles(np.random.default_rng([3, seed]), count)[:, None]
        check(solidity, name, operands, OF_INTEGERS.get(name.removeprefix("to"), np.uint32))


@pytest.mark.parametrize("kind", OF_INTEGERS)
def test_integers_become_the_same_numbers(solidity, kind):
    for seed, count in chunks(OTHERS):
        operands = cases.integers(np.random.default_rng([4, seed]), count, OF_INTEGERS[kind])
        check(solidity, f"from{kind}", operands, np.uint32)


def check(solidity, name, operands, dtype):
    got = run(solidity, name, operands, dtype)
    assert_same(name, operands, got, by_c_library(name, operands), "the C library")
    assert_same(name, operands, got, by_engine(name, operands), "the engine")


@pytest.mark.parametrize("kind", cases.CHAINS)
@pytest.mark.parametrize("length", [1, 8, 33])
def test_sums_of_products_agree(solidity, kind, length):
    count = CHAINS // length + 1
    initial, a, b = cases.chains(np.random.default_rng([5, length]), kind, count, length)
    expected = initial
    for k in range(length):
        expected = canonical(fma(values(a[:, k]), values(b[:, k]), values(expected)))
    results, _ = run_chains(solidity, initial, a, b)
    assert_same("dot", np.column_stack([initial, a, b]), results, expected, "repeated fma")
    from_zero = (initial == 0) & (length > 0)
    engine = one_step(
        "matmul",
        [values(a[from_zero])[:, None, :], values(b[from_zero])[:, :, None]],
        [int(from_zero.sum()), 1, 1],
        [0, 0],
    )
    operands = np.column_stack([a, b])[from_zero]
    assert_same("dot", operands, results[from_zero], canonical(engine()).ravel(), "the engine")


def run_chains(solidity, initial, a, b):
    """Solidity's sums of products, and the gas of each."""
    batch = max(BATCH // 2 // a.shape[1], 1)
    results, gas = [], []
    for start in range(0, len(initial), batch):
        share = slice(start, start + batch)
        answer, spent = solidity.read("dot", *(part[share].astype(">u4").tobytes() for part in (initial, a, b)))
        results.append(np.frombuffer(answer, ">u4").astype(np.uint32))
        gas += spent
    return np.concatenate(results), np.array(gas)
