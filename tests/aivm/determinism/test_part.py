"""A validator's part of the matrix: drawn by the job's seed, and what it says of a kernel."""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec
import pytest
from subjects import DIGITS, ON_ORT

from aivm.determinism import Cell, Matrix, Part, Tried, draw, run_part
from aivm.determinism.axes import computing
from aivm.determinism.running import StoppedError
from aivm.determinism.setting import Setting
from aivm.digests import Digest
from aivm.environment import Environment
from aivm.manifest import DeterminismClass

SEEDS = [bytes([number]) * 32 for number in range(24)]
HERE = Environment.capture()
ELSEWHERE = msgspec.structs.replace(HERE, processor=msgspec.structs.replace(HERE.processor, architecture="aarch64"))
ONE, OTHER = Digest.of(b"one"), Digest.of(b"other")


def part(*rows, claim="bitwise", differences=()):
    """A part of one case: in each environment, the machine's own first, where it ran and what came."""
    manifest = msgspec.structs.replace(DIGITS.manifest, determinism=DeterminismClass(claim))
    planned = draw(DIGITS, SEEDS[0], len(rows) - 1).environments
    tried = [
        Tried(planned=each, environment=environment, differences=differences, cells={"a": Cell(case="a", digest=came)})
        for each, (environment, came) in zip(planned, rows, strict=True)
    ]
    tried[0] = replace(tried[0], differences=())
    matrix = Matrix(cases=("a",), environments=tuple(tried))
    return Part(subject=replace(DIGITS, manifest=manifest), matrix=matrix, absences=(), outputs={})


def test_a_part_is_drawn_by_the_jobs_seed_and_nobody_can_know_it_before():
    assert [draw(DIGITS, seed, 2) for seed in SEEDS] == [draw(DIGITS, seed, 2) for seed in SEEDS]
    assert len({each.name for seed in SEEDS for each in draw(DIGITS, seed, 1).environments[1:]}) > 8


def test_each_environment_changes_everything_that_a_manifest_leaves_to_the_machine():
    own, *others = draw(DIGITS, SEEDS[0], 2).environments
    assert (own.name, own.values) == ("reference", {})
    assert all({"isa", "threads", "alignment", "fill", "hashing", "timezone"} <= set(each.values) for each in others)
    both = zip(*(each.values.items() for each in others), strict=True)
    assert {one[0] for one, other in both if one != other} >= {"alignment", "fill", "hashing", "timezone"}


def test_nothing_is_changed_that_the_manifest_pins_or_that_makes_another_computation():
    for seed in SEEDS:
        for each in draw(ON_ORT, seed, 2).environments[1:]:
            assert not each.setting.runtime
            assert not set(each.values) & {"optimisation", "batch", "flush", "engine", "cpu"}


def test_machines_take_the_same_whatever_their_own_number_of_processors(monkeypatch):
    here = [draw(DIGITS, seed, 2).environments for seed in SEEDS]
    monkeypatch.setattr(computing.os, "cpu_count", lambda: 64)
    assert [draw(DIGITS, seed, 2).environments for seed in SEEDS] == here
    assert {each.values["threads"] for plan in here for each in plan[1:]} == {"2", "4"}


def test_machines_take_the_same_of_the_values_that_both_have(monkeypatch):
    here = [draw(DIGITS, seed, 1).environments[1].values for seed in SEEDS]
    few = computing._core.isas()[-1:]
    monkeypatch.setattr(computing._core, "isas", lambda: [computing._core.isa(), *few])
    there = [draw(DIGITS, seed, 1).environments[1].values for seed in SEEDS]
    assert {values["isa"] for values in there} == set(few)
    assert [{**values, "isa": ""} for values in there] == [{**values, "isa": ""} for values in here]


def test_what_a_machine_does_its_own_way_it_goes_on_doing_but_for_what_is_drawn():
    base = Setting(variables={"AIVM_ISA": "portable", "TZ": "UTC", "OWN": "1"}, threads=3)
    own, other = draw(DIGITS, SEEDS[0], 1, base=base).environments
    assert own.setting == base
    assert other.setting.variables["OWN"] == "1"
    assert other.setting.variables["AIVM_ISA"] == other.values["isa"]
    assert other.setting.variables["TZ"] != "UTC"
    assert str(other.setting.threads) == other.values["threads"]


def test_a_good_kernel_keeps_its_promise_in_every_part_and_the_certificate_says_so():
    found = run_part(DIGITS, draw(DIGITS, SEEDS[3], 2))
    certificate = found.certificate()
    certificate.check()
    assert found.varying() == []
    assert certificate.determinism is DeterminismClass.BITWISE
    assert [each.name for each in certificate.environments] == [each.name for each in found.matrix.environments]
    assert len(certificate.environments) == 3
    assert all(each.complies for each in certificate.environments)
    assert [each.digest().hex() for each in found.environments] == [e.environment for e in certificate.environments]


def test_outputs_that_only_digests_speak_for_are_let_go():
    found = run_part(DIGITS, draw(DIGITS, SEEDS[3], 1))
    assert all(cell.digest is not None for tried in found.matrix.environments for cell in tried.cells.values())
    assert found.outputs == {}


def test_a_tolerant_kernel_breaks_its_promise_by_an_output_that_its_manifest_does_not_allow():
    found = replace(part((HERE, ONE), (HERE, OTHER), claim="tolerant"), outputs={OTHER: b"no tensor file"})
    assert found.varying() == [f"a in {found.matrix.environments[1].name}"]


def test_what_there_is_no_time_for_is_said_and_shows_nothing():
    plan = draw(DIGITS, SEEDS[3], 2)
    with pytest.raises(StoppedError):
        run_part(DIGITS, plan, until=time.monotonic())
    once = run_part(DIGITS, replace(plan, environments=plan.environments[:1]))
    assert once.certificate().environment_classes == 1


@pytest.mark.parametrize(
    ("claim", "rows", "breaks"),
    [
        ("bitwise", [(HERE, ONE), (HERE, ONE)], False),
        ("bitwise", [(HERE, ONE), (HERE, OTHER)], True),
        ("bitwise", [(HERE, ONE), (ELSEWHERE, OTHER)], True),
        ("bitwise", [(HERE, ONE), (HERE, None)], False),
        ("bitwise", [(HERE, ONE), (None, None)], False),
        ("pinned", [(HERE, ONE), (HERE, OTHER)], True),
        ("pinned", [(HERE, ONE), (ELSEWHERE, OTHER)], False),
        ("none", [(HERE, ONE), (HERE, OTHER)], False),
    ],
)
def test_a_kernel_breaks_what_it_claims_by_another_output_and_not_by_none(claim, rows, breaks):
    found = part(*rows, claim=claim)
    assert bool(found.varying()) is breaks
    if breaks:
        assert found.varying() == [f"a in {found.matrix.environments[1].name}"]


def test_what_the_manifest_rules_out_breaks_nothing():
    assert part((HERE, ONE), (HERE, OTHER), differences=("threads: 1 is asked for",)).varying() == []


def test_a_certificate_of_a_part_names_what_parted_and_how_to_find_the_operator():
    certificate = part((HERE, ONE), (HERE, OTHER)).certificate()
    (parted,) = certificate.divergences
    assert certificate.determinism is DeterminismClass.NONE
    assert (parted.case, parted.operator) == ("a", None)
    assert "aivm suite run" in parted.note
