"""The suite finds what depends on the machine, and nothing where nothing does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from subjects import DIGITS, ON_ORT, SMALL, program

from aivm.determinism import Journal, Wishes, find, named, plan, run
from aivm.determinism.journal import JournalError
from aivm.determinism.place import Place
from aivm.determinism.plan import Planned
from aivm.determinism.running import StoppedError, run_environment
from aivm.determinism.setting import REFERENCE, Launcher, Setting
from aivm.digests import Digest
from aivm.manifest import DeterminismClass


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


def tried(subject, journal, tmp_path, *axes):
    return run(subject, plan(subject, Wishes(cache=tmp_path), named(axes)), journal, jobs=2)


def by_name(matrix):
    return {each.name: each for each in matrix.environments}


def test_the_digits_kernel_is_bitwise_here_and_conforms(journal, tmp_path):
    matrix = tried(DIGITS, journal, tmp_path, "restart", "isa", "threads", "batch", "alignment", "fill", "flush")
    assert [each.error for each in matrix.environments if each.error] == []
    assert matrix.determinism_class() is DeterminismClass.BITWISE
    assert matrix.conforms()
    assert all(len(matrix.digests(case)) == 1 for case in matrix.cases)
    assert len({each.digest for each in matrix.environments}) == len(matrix.environments) > 9
    found = by_name(matrix)
    assert found["isa=portable"].environment.engine.implementation.instruction_set == "portable"
    assert found["flush=on"].environment.floating_point.flush_to_zero
    # Another process of the same environment is the same environment, and another place.
    assert found["restart=2"].environment == matrix.reference.environment
    assert found["restart=2"].digest != matrix.reference.digest


@pytest.mark.parametrize(
    ("name", "axis"),
    [("first_of_a_set", "hashing"), ("unwritten", "fill"), ("clock", "restart"), ("zone", "timezone")],
)
def test_what_depends_on_one_circumstance_differs_on_its_axis(name, axis, journal, tmp_path):
    matrix = tried(program(name), journal, tmp_path, axis)
    assert matrix.determinism_class() is DeterminismClass.NONE
    assert any(matrix.differing(each) for each in matrix.environments[1:])
    assert matrix.differing(matrix.reference) == ()


def test_blas_kernels_differ_in_class_and_in_bits(journal, tmp_path):
    x = np.random.default_rng(5).standard_normal((40, 700)).astype(np.float32)
    matrix = tried(program("matmul", {"one": {"x": x}}), journal, tmp_path, "coretype", "restart")
    assert matrix.determinism_class() is DeterminismClass.PINNED
    assert len(matrix.digests("one")) > 1
    uses = {
        library.uses for each in matrix.environments for library in each.environment.libraries if "blas" in library.name
    }
    assert len(uses) > 1
    apart = find(program("matmul", {"one": {"x": x}}), matrix, journal)
    assert all(0 < item.distance.differing <= item.distance.elements == 1600 for item in apart)
    assert all(item.note == "a program has no operators" for item in apart)


def test_a_program_without_fault_is_bitwise(journal, tmp_path):
    matrix = tried(program("doubled"), journal, tmp_path, "restart", "hashing", "batch", "alignment")
    assert matrix.determinism_class() is DeterminismClass.BITWISE


@pytest.mark.parametrize(("name", "error"), [("broken", "ModelFailedError"), ("dies", "WorkerCrashedError")])
def test_a_case_that_fails_leaves_the_others(name, error, journal, tmp_path):
    matrix = tried(program(name), journal, tmp_path)
    cells = matrix.reference.cells
    assert cells["small"].digest is not None
    assert cells["large"].digest is None
    assert cells["large"].error.startswith(error)
    assert matrix.determinism_class() is DeterminismClass.NONE


def test_an_output_without_an_answer_fails_its_case_and_not_its_worker(journal):
    images = {name: inputs["image"] for name, inputs in DIGITS.cases.items()}
    both = np.concatenate([images["eight"], images["five"]])
    subject = dataclasses.replace(
        DIGITS, cases={"two": {"image": both}, "one": {"image": images["five"]}}, expected={}, digest=Digest(bytes(32))
    )
    outcome = run_environment(subject, Planned(name="reference", values={}, setting=REFERENCE), journal, {})
    assert outcome.cells["two"].error.startswith("ModelFailedError: AnswerError: output 'logits'")
    assert outcome.cells["one"].digest == DIGITS.expected["five"]


def test_an_environment_that_does_not_start_is_told(journal):
    lost = Planned(name="lost", values={"x": "y"}, setting=Setting(launcher=Launcher(program=("/nonexistent",))))
    outcome = run_environment(program("doubled"), lost, journal, {})
    assert outcome.environment is None
    assert outcome.error
    assert not outcome.complies


def test_onnx_runtime_breaks_at_a_named_operator(journal, tmp_path):
    matrix = tried(ON_ORT, journal, tmp_path, "optimisation", "threads")
    found = by_name(matrix)
    assert matrix.differing(found["optimisation=none"]) == matrix.cases
    assert not found["optimisation=none"].complies
    assert matrix.differing(found["threads=2"]) == ()
    assert found["threads=2"].complies
    first = find(ON_ORT, matrix, journal)[0]
    assert (first.environment, first.operator_type, first.case) == ("optimisation=none", "Conv", matrix.cases[0])
    assert first.distance.largest > 0
    assert first.distance.elements == 10


# ---- going on where it was stopped


def test_what_is_in_the_journal_is_not_run_again(journal, tmp_path, monkeypatch):
    before = tried(DIGITS, journal, tmp_path, "threads")

    def fail(*_):
        raise AssertionError("it was run again")

    monkeypatch.setattr(Place, "run", fail)
    after = tried(DIGITS, journal, tmp_path, "threads")
    assert after == before


def test_a_stopped_environment_goes_on_at_the_next_case(journal, monkeypatch):
    planned = Planned(name="reference", values={}, setting=REFERENCE)
    ran = []
    original = Place.run
    monkeypatch.setattr(Place, "run", lambda place, case, known: (ran.append(case), original(place, case, known))[1])
    with pytest.raises(StoppedError):
        run_environment(DIGITS, planned, journal, {}, stopped=lambda: len(ran) == 3)
    outcome = run_environment(DIGITS, planned, journal, {})
    assert ran == list(DIGITS.cases)
    assert list(outcome.cells) == list(DIGITS.cases)


def test_another_environment_does_not_take_the_first_ones_cells(journal, monkeypatch):
    run_environment(program("doubled"), Planned(name="a", values={}, setting=REFERENCE), journal, {})
    seen = []
    original = Place.run
    monkeypatch.setattr(Place, "run", lambda place, case, known: (seen.append(case), original(place, case, known))[1])
    other = Setting(variables={"OPENBLAS_CORETYPE": "Prescott"})
    run_environment(program("doubled"), Planned(name="b", values={}, setting=other), journal, {})
    assert seen == list(SMALL)


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look at: " * 100)
    with pytest.raises(JournalError):
        Journal(path)
    assert path.read_text().startswith("not a database")
