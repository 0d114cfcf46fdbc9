"""The elementary functions: correctly rounded, the same on every instruction set.

That all 2^32 inputs are right is shown by prove_functions.py, which takes an hour; here are its hardest cases, the
values at the ends of every domain, and the question whether what was proven is what is there.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import function_sources
import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpfr import NAMES, evaluate, judged
from plans import one_step
from prove_functions import sources

from aivm.arithmetic import _core

VECTORS = Path(__file__).parents[1] / "vectors/arithmetic"
ISAS = _core.isas()
NAN = 0x7FC00000
INFINITY = math.inf
ODD = ["asin", "asinh", "atan", "atanh", "erf", "sin", "sinh", "tan", "tanh"]


def words(array):
    return np.asarray(array, np.float32).view(np.uint32)


def from_words(values):
    return np.array(values, np.uint32).view(np.float32)


def apply(name, x, isa):
    x = np.asarray(x, np.float32)
    return one_step(name, [x], x.shape, isa=isa)()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", NAMES)
def test_the_cases_closest_to_a_rounding_boundary_are_right(name, isa):
    cases = json.loads((VECTORS / f"worst_cases/{name}.json").read_text())["cases"]
    x = from_words([int(case["x"], 16) for case in cases])
    expected = [int(case["y"], 16) for case in cases]
    assert words(apply(name, x, isa)).tolist() == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_worst_cases_are_what_mpfr_says(name):
    cases = json.loads((VECTORS / f"worst_cases/{name}.json").read_text())["cases"]
    for case in cases[:32]:
        rounded, distance = judged(name, float(from_words([int(case["x"], 16)])[0]))
        assert words([rounded])[0] == int(case["y"], 16)
        assert distance == pytest.approx(case["distance"], rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_the_proof_over_all_inputs_was_of_these_sources(name):
    proof = json.loads((VECTORS / "proofs.json").read_text())[name]
    assert proof["sources"] == sources(name, proof), f"{name} changed: run tests/arithmetic/prove_functions.py {name}"
    assert proof["inputs"] == 2**32 == proof["decided_by_bound"] + proof["decided_by_mpfr"]
    assert proof["oracle_error_log2"] < -41
    assert {"avx512", "avx2"} <= set(proof["isas"])
    assert re.fullmatch("[0-9a-f]{64}", proof["results"])


@pytest.fixture
def core(tmp_path, monkeypatch):
    """A copy of the sources, to be changed."""
    shutil.copytree(function_sources.CORE, tmp_path / "core")
    monkeypatch.setattr(function_sources, "CORE", tmp_path / "core")
    return tmp_path / "core"


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("functions/exponential.inl", "// 2^k\n", "// two to the power of k\n\n", []),
        ("functions/coefficients.inl", "sinh_tail[] = {", "sinh_tail[] = {1,", ["cosh", "sinh"]),
        ("functions/sigmoid.inl", "0x1p-11", "0x1p-12", ["sigmoid"]),
        ("functions.inl", "return sqrt(v);", "return v;", ["sqrt"]),
        ("functions.inl", "AIVM_FUNCTION(erf)", "AIVM_FUNCTION_WITH_ORDINARY(erf, is_ordinary_exponent)", ["erf"]),
        ("functions/lanes.inl", "r.v[i] = expression", "r.v[i] = -expression", NAMES),
        ("isa/vector_avx2.inl", "_mm256_fmadd_pd", "_mm256_fmsub_pd", NAMES),
        ("isa/vector_avx2.inl", "_mm256_unpacklo_ps", "_mm256_unpackhi_ps", []),
        ("isa/vector_neon.inl", "vfmaq_f64", "vfmsq_f64", []),
    ],
)
def test_a_proof_is_of_what_decides_a_function_and_of_nothing_else(core, file, old, new, changed):
    isas = ["avx512", "avx2"]
    before = {name: function_sources.digest(name, isas) for name in NAMES}
    text = (core / file).read_text()
    assert old in text
    (core / file).write_text(text.replace(old, new))
    assert [name for name in NAMES if function_sources.digest(name, isas) != before[name]] == changed


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", NAMES)
def test_every_nan_gives_the_one_nan(name, isa):
    nans = from_words([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FD55555] * 7)
    assert set(words(apply(name, nans, isa)).tolist()) == {NAN}


SPECIAL = [
    ("acos", 1.0, 0.0), ("acos", 1.0000001, None), ("acos", -INFINITY, None), ("acosh", 1.0, 0.0),
    ("acosh", 0.99999994, None), ("acosh", -1.0, None), ("acosh", -INFINITY, None), ("acosh", INFINITY, INFINITY),
    ("asin", 1.0000001, None), ("asinh", -INFINITY, -INFINITY), ("atan", INFINITY, math.pi / 2),
    ("atanh", 1.0, INFINITY), ("atanh", -1.0, -INFINITY), ("atanh", 1.0000001, None), ("cos", 0.0, 1.0),
    ("cos", INFINITY, None), ("cosh", -INFINITY, INFINITY), ("cosh", 0.0, 1.0), ("erf", INFINITY, 1.0),
    ("erf", -INFINITY, -1.0), ("exp", -INFINITY, 0.0), ("exp", INFINITY, INFINITY), ("exp", 88.72284, INFINITY),
    ("exp", 88.72283, 3.4027985e38), ("exp", -103.97208, 1e-45), ("exp", -103.97209, 0.0), ("exp", 0.0, 1.0),
    ("exp", -0.0, 1.0), ("log", 0.0, -INFINITY), ("log", -0.0, -INFINITY), ("log", 1.0, 0.0), ("log", -1e-45, None),
    ("log", INFINITY, INFINITY), ("log", -INFINITY, None), ("reciprocal", 0.0, INFINITY),
    ("reciprocal", -0.0, -INFINITY), ("reciprocal", -INFINITY, -0.0), ("sigmoid", 0.0, 0.5),
    ("sigmoid", -INFINITY, 0.0), ("sigmoid", INFINITY, 1.0), ("sin", -INFINITY, None),
    ("sinh", -INFINITY, -INFINITY), ("sqrt", -0.0, -0.0), ("sqrt", -1e-45, None), ("sqrt", INFINITY, INFINITY),
    ("tan", INFINITY, None), ("tanh", -INFINITY, -1.0), ("tanh", INFINITY, 1.0),
    *[(name, zero, zero) for name in ODD for zero in (0.0, -0.0)],
    *[(name, tiny, tiny) for name in ODD if name != "erf" for tiny in (1e-45, -1e-45)],
]  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("name", "x", "y"), SPECIAL)
def test_the_ends_of_the_domains_are_what_the_limits_are(name, x, y, isa):
    expected = NAN if y is None else words([y])[0]
    assert words(apply(name, [x], isa))[0] == expected
    # Among ordinary neighbours, where the loops take another way.
    among = np.full(100, 0.5, np.float32)
    among[37] = x
    assert words(apply(name, among, isa))[37] == expected


@pytest.mark.parametrize("name", NAMES)
def test_instruction_sets_and_places_in_the_array_do_not_matter(name):
    generator = np.random.default_rng(len(name))
    anything = generator.integers(0, 2**32, 20_011, np.uint64).astype(np.uint32).view(np.float32)
    usual = generator.standard_normal(20_011, np.float32) * np.float32(3)
    for x in (anything, usual):
        first = words(apply(name, x, ISAS[0]))
        for isa in ISAS[1:]:
            assert np.array_equal(words(apply(name, x, isa)), first)
        shifted = words(apply(name, x[5:], ISAS[0]))
        assert np.array_equal(shifted, first[5:])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(word=st.integers(0, 2**32 - 1))
def test_any_input_gives_what_mpfr_gives(name, word):
    x = from_words([word])
    if not np.isfinite(x[0]) or x[0] == 0:
        return
    with gmpy2.context(precision=300):
        exact = evaluate(name, gmpy2.mpfr(float(x[0])))
    with gmpy2.ieee(32):
        rounded = float(gmpy2.mpfr(exact))
    expected = NAN if math.isnan(rounded) else words([np.float32(rounded)])[0]
    assert words(apply(name, x, ""))[0] == expected
