"""Every must-fail fixture is refused, with the right axis and operator named; good kernels are approved."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from must_fail_catalogue import CATALOGUE, HERE, ROOT, careful_with_its_cases, program

from aivm import kernel, records
from aivm.determinism import Certificate, Journal, Wishes, find, named, of_kernel, plan, run
from aivm.determinism.subject import SubjectError
from aivm.determinism.surprise import with_surprises
from aivm.manifest import DeterminismClass
from registry.cli import main

SEED = bytes(range(32))


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("masks")


@pytest.fixture
def suite(tmp_path, cache):
    """Runs a subject along some axes, and looks where it parts."""

    def go(subject, axes):
        with Journal(tmp_path / "journal.sqlite") as journal:
            matrix = run(subject, plan(subject, Wishes(cache=cache), axes), journal, jobs=2)
            return matrix, find(subject, matrix, journal)

    return go


@pytest.mark.parametrize("fixture", CATALOGUE, ids=lambda fixture: fixture.name)
def test_a_must_fail_fixture_is_refused_with_the_right_axis_and_operator(fixture, suite):
    matrix, found = suite(fixture.subject(), [fixture.axis, *named(fixture.controls)])
    assert [each.error for each in matrix.environments if each.error] == []
    assert matrix.determinism_class() is not DeterminismClass.BITWISE
    assert {item.axis.partition("=")[0] for item in found} == {fixture.axis.name}
    assert {item.operator_type for item in found} == {fixture.operator}


@pytest.mark.parametrize("name", ["digits", "scribble"])
def test_the_repository_s_kernels_are_approved_as_bitwise(name, suite):
    subject = of_kernel(kernel.load(ROOT / "kernels" / name))
    matrix, found = suite(subject, named(["restart", "isa", "threads", "fill", "flush", "hashing"]))
    assert matrix.determinism_class() is DeterminismClass.BITWISE
    assert matrix.conforms()
    assert found == ()


# ---- behaving well only when tested


def test_a_program_that_looks_for_its_tester_passes_the_suite_and_no_suite_can_help_it(suite):
    """What cannot be caught: code that can look around knows where it runs. A kernel is a graph, and cannot look."""
    subject = program("careful_when_tested", {"x": np.int64([1])})
    matrix, _ = suite(subject, named(["restart", "hashing"]))
    assert matrix.determinism_class() is DeterminismClass.BITWISE
    code = (
        f"import sys; sys.path.insert(0, {HERE!r}); import numpy as np; import must_fail_programs as p; "
        "print(p.careful_when_tested({'x': np.int64([1])})['y'][0])"
    )
    outside = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in "ab"]
    assert outside[0].stdout != outside[1].stdout


def test_a_kernel_that_is_careful_with_its_cases_alone_is_caught_by_cases_that_it_could_not_know(suite):
    subject = careful_with_its_cases()
    matrix, _ = suite(subject, named(["restart", "batch"]))
    assert matrix.determinism_class() is DeterminismClass.BITWISE
    surprised = with_surprises(subject, SEED, 2)
    matrix, found = suite(surprised, named(["restart", "batch"]))
    assert matrix.determinism_class() is DeterminismClass.NONE
    assert {item.axis.partition("=")[0] for item in found} == {"batch"}
    assert {item.operator_type for item in found} == {"MatMul"}
    assert all(item.case.startswith("surprise-") for item in found)


def test_surprises_keep_the_conventions_and_follow_from_the_seed():
    subject = of_kernel(kernel.load(ROOT / "kernels" / "scribble"))
    first, again, other = (with_surprises(subject, seed, 12) for seed in (SEED, SEED, bytes(32)))
    new = [name for name in first.cases if name not in subject.cases]
    assert new == [f"surprise-{index}-{SEED.hex()}" for index in range(12)]
    for name in new:
        digit, noise = first.cases[name]["digit"], first.cases[name]["noise"]
        assert digit.dtype == np.int64
        assert digit.shape == (1,)
        assert 0 <= digit[0] <= 9
        assert np.array_equal(noise, again.cases[name]["noise"])
        assert not np.array_equal(noise, other.cases[name.replace(SEED.hex(), bytes(32).hex())]["noise"])
    assert len({int(first.cases[name]["digit"][0]) for name in new}) > 2
    assert len({first.cases[name]["noise"].tobytes() for name in new}) == 12


def test_surprises_for_the_digits_are_pixels():
    subject = of_kernel(kernel.load(ROOT / "kernels" / "digits"))
    drawn = with_surprises(subject, SEED, 5).cases[f"surprise-4-{SEED.hex()}"]["image"]
    assert drawn.dtype == np.uint8
    assert drawn.min() == 0
    assert drawn.max() == 16


def test_a_program_has_no_conventions_to_draw_from():
    with pytest.raises(SubjectError, match="says nothing about its inputs"):
        with_surprises(program("clock", {"x": np.int64([0])}), SEED, 1)


def test_the_command_adds_surprises_and_certifies_them(cache, tmp_path):
    surprises = ["--surprises", "2", "--surprise-seed", SEED.hex(), "--out", str(tmp_path)]
    digits = [str(ROOT / "kernels" / "digits"), "--axis", "restart", "--cache", str(cache), "--json"]
    done = CliRunner().invoke(main, ["suite", "run", *digits, *surprises])
    assert done.exit_code == 0, done.output
    certificate = records.decode((tmp_path / "certificate.json").read_bytes(), Certificate)
    names = [case.name for case in certificate.cases]
    assert names[-2:] == [f"surprise-{index}-{SEED.hex()}" for index in range(2)]
    assert certificate.determinism is DeterminismClass.BITWISE
    assert "surprise-1" in (tmp_path / "matrix.html").read_text()
