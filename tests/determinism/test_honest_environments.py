"""Calibrations from the suite's environments, and kernels that stand on them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from support import tolerant

from aivm import kernel as kernels
from aivm import records
from aivm.cid import Cid
from aivm.digests import Digest
from aivm.fingerprint import SketchError
from aivm.kernel import EvidenceError, KernelError
from aivm.manifest import ManifestError
from registry.cli import main

ROOT = Path(__file__).parents[2]


def calibrate(folder, *arguments):
    cache = folder.parent / "cache"
    return CliRunner().invoke(main, ["calibrate", str(folder), "--cache", str(cache), *arguments])


@pytest.fixture(scope="module")
def kernel(tolerant_folder):
    return kernels.load(tolerant_folder)


@pytest.fixture
def folder(tolerant_folder, tmp_path):
    shutil.copytree(tolerant_folder, tmp_path / "kernel")
    return tmp_path / "kernel"


# ---- what is measured


def test_environments_with_the_same_bits_count_once(kernel):
    evidence = kernel.calibration
    assert evidence.environments == ("reference (and 2 with the same bits)", "optimisation=none")
    assert evidence.honest.pairs == evidence.images == 150
    assert 0 < sum(evidence.honest.histogram[1:]) < 75, "other bits, and mostly the same sketch"
    assert evidence.tolerance > 0


def test_the_evidence_names_other_seeds_and_other_models(kernel):
    found = {each.name: each for each in kernel.calibration.impostors}
    assert set(found) == {"other seed", "float16 weights", "other images"}
    assert found["other seed"].model is None
    assert all(each.model != kernel.manifest.model.cid for each in found.values())


def test_a_calibration_that_was_stopped_or_repeated_runs_nothing_again(tolerant_folder, folder, monkeypatch):
    shutil.copytree(tolerant_folder / "cache", folder.parent / "again")
    monkeypatch.setattr("aivm.determinism.place.Place.run", lambda *_: pytest.fail("ran an image again"))
    tolerant.calibrate(folder, "--cache", str(folder.parent / "again"))
    assert (folder / "calibration.json").read_bytes() == (tolerant_folder / "calibration.json").read_bytes()


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "digits"
    shutil.copytree(ROOT / "kernels" / "digits", folder)
    return folder


def test_a_kernel_without_seeds_is_measured_on_inputs_drawn_within_its_bounds(digits):
    wanted = ("--sketch", "simhash-256/1", "--images", "150", "--vote-false-rejection", "2%", "--axis", "restart")
    done = calibrate(digits, *wanted, "--json")
    assert done.exit_code == 0, done.output
    evidence = json.loads(done.stdout)
    assert (evidence["layout"], evidence["tolerance"]) == ("flat", 0)
    assert evidence["environments"] == ["reference", "restart=2"], "where all agree, two stand for all"
    assert [each["name"] for each in evidence["impostors"]] == ["float16 weights"]


def test_what_the_manifest_rules_out_is_no_honest_environment(digits):
    wanted = ("--sketch", "simhash-256/1", "--images", "150", "--vote-false-rejection", "2%", "--axis", "flush")
    done = calibrate(digits, *wanted)
    assert done.exit_code != 0
    assert "allows one environment of those that were tried" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sketch", "simhash-256/1"), "--sketch simhash-256/1: kernel.toml says phash-64/1"),
        (("--layout", "hw"), "--layout hw: kernel.toml says chw"),
        (("--output", "noise"), "--output noise: kernel.toml says image"),
    ],
)
def test_a_calibration_of_something_else_than_the_kernel_votes_on_is_refused(folder, arguments, message):
    done = calibrate(folder, *arguments)
    assert done.exit_code != 0
    assert message in " ".join(done.output.split())


# ---- what stands on it


def test_a_tolerant_kernel_cannot_be_packed_before_it_is_calibrated(folder):
    (folder / "calibration.json").unlink()
    with pytest.raises(ManifestError, match="aivm calibrate") as caught:
        kernels.pack(folder)
    assert caught.value.path == "calibration"


def test_the_tolerance_is_the_calibrated_one(kernel, folder):
    rule = kernel.manifest.aggregation
    assert (rule.tolerance, rule.sketch, rule.layout) == (kernel.calibration.tolerance, "phash-64/1", "chw")
    assert len(rule.promises) == len(kernel.manifest.cases) == 10
    assert kernels.pack(folder).manifest == kernel.manifest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('rule = "hamming"', 'rule = "exact"', "aggregation.sketch: the rule exact has no use for it"),
        ('sketch = "phash-64/1"\n', "", "aggregation.sketch: the rule hamming needs one"),
        ('sketch = "phash-64/1"', 'sketch = "phash-65/1"', "no sketch 'phash-65/1'"),
        ('output = "image"', 'output = "picture"', "no output 'picture'"),
        ('layout = "chw"', 'layout = "hwc"', "channels, and by hwc"),
        ('layout = "chw"', 'layout = "flat"', "reads hw or chw or hwc"),
        ('determinism = "tolerant"', 'determinism = "pinned"', "want tolerant"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_when_it_is_packed(folder, old, new, message):
    toml = folder / "kernel.toml"
    text = toml.read_text()
    assert old in text
    toml.write_text(text.replace(old, new, 1))
    with pytest.raises((KernelError, ManifestError, SketchError), match=message):
        kernels.pack(folder)


def fetched(kernel, **changes):
    """What a validator makes of the kernel with a changed calibration, or with a changed rule."""
    rule = msgspec.structs.replace(kernel.manifest.aggregation, **changes.pop("rule", {}))
    evidence = msgspec.structs.replace(kernel.calibration, **changes)
    linked = records.digest(evidence).hex()
    manifest = msgspec.structs.replace(kernel.manifest, aggregation=rule, calibration=linked)
    made = dataclasses.replace(kernel, manifest=manifest, calibration=evidence)
    return kernels.from_blocks(manifest.digest(), dict(kernels.blocks(made)).__getitem__)


def test_a_validator_fetches_the_evidence_with_the_kernel(kernel):
    assert fetched(kernel).calibration == kernel.calibration


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"model": str(Cid.raw(bytes(Digest.of(b"another"))))}, "model"),
        ({"output": "picture"}, "output"),
        ({"layout": "hw"}, "layout"),
        ({"rule": {"tolerance": 40}}, "tolerance"),
        ({"rule": {"tolerance": 0}}, "tolerance"),
        ({"impostors": ()}, "impostors"),
    ],
    ids=str,
)
def test_evidence_of_something_else_is_refused_by_the_member(kernel, changes, path):
    with pytest.raises(EvidenceError) as caught:
        fetched(kernel, **changes)
    assert caught.value.path == path


@pytest.mark.parametrize("kept", [0, 1])
def test_evidence_needs_other_seeds_and_another_model(kernel, kept):
    with pytest.raises(EvidenceError, match="of other seeds" if kept else "at least one other model"):
        fetched(kernel, impostors=kernel.calibration.impostors[kept : kept + 1])


def test_a_case_that_promises_no_output_is_no_promise(kernel):
    first, *others = kernel.manifest.cases
    silent = (msgspec.structs.replace(first, output=Digest(bytes(32)).hex()), *others)
    manifest = msgspec.structs.replace(kernel.manifest, cases=silent)
    blocks = dict(kernels.blocks(kernel))
    blocks[Cid.raw(bytes(manifest.digest()))] = manifest.record()
    with pytest.raises(KernelError, match="promises no output"):
        kernels.from_blocks(manifest.digest(), blocks.__getitem__)
