"""Calibrations: the smallest tolerance, what it lets through, and the record of it."""

from __future__ import annotations

import importlib.util
import json
import shutil
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import numpy_helper
from onnx_examples import linear

from aivm import kernel as kernels
from aivm import records, unixfs
from aivm.arithmetic.choice import EngineNameError
from aivm.determinism.calibration import CalibrationError, Samples, Targets, calibrate, half_precision, sample
from aivm.determinism.calibration.resampling import unseen
from aivm.fingerprint import Layout, sketches
from aivm.fingerprint.evidence import Calibration, CalibrationRecordError
from aivm.kernel import KernelError
from aivm.kernel.aggregating import Reading
from aivm.seeds import random_input
from registry.cli import main

ROOT = Path(__file__).parents[2]
SCRIBBLE = ROOT / "kernels" / "scribble"
IMAGE = Reading(sketch=sketches.named("phash-64/1"), output="image", layout=Layout.CHW)
CID = str(unixfs.import_bytes(b"model").cid)


def targets(**changes):
    wanted = {
        "vote_false_rejection_ppm": 20_000,
        "committee_false_rejection_ppm": 20_000,
        "committee_false_acceptance_ppm": 20_000,
        "colluding_ppm": 0,
        "confidence_ppm": 950_000,
    }
    return Targets(**wanted | changes)


def flips(name, images, share):
    """Sketches of 64 bits, each set with a chance."""
    bits = random_input(name, [images, 64], "uniform", bytes(32)) < share
    return [int("".join("01"[int(bit)] for bit in row), 2) for row in bits]


def xor(a, b):
    return [x ^ y for x, y in zip(a, b, strict=True)]


def measured(samples, wanted=None):
    names = dict.fromkeys(samples.substitutes, CID)
    return calibrate(
        samples,
        wanted or targets(),
        model=CID,
        sketch="phash-64/1",
        output="image",
        layout=Layout.CHW,
        substitutes=names,
        replicates=400,
    )


def synthetic(noise=0.01, images=400, environments=4, groups=2):
    """Environments whose bits flip independently, another model that shares three quarters of the bits, and a copy."""
    truth = flips("truth", images, 0.5)
    honest = {f"machine {e}": xor(truth, flips(f"noise {e}", images, noise)) for e in range(environments)}
    others = {"near": xor(truth, flips("near", images, 0.03)), "far": xor(truth, flips("far", images, 0.4))}
    return Samples(bits=64, groups=[i % groups for i in range(images)], honest=honest, substitutes=others)


def test_the_tolerance_is_the_smallest_that_meets_the_target():
    samples = synthetic()
    found = measured(samples)
    runs = list(samples.honest.values())
    apart = [
        [(x ^ y).bit_count() for a in range(4) for b in range(a) for x, y in [(runs[a][i], runs[b][i])]]
        for i in range(samples.images)
    ]
    beyond = [sum(d > tolerance for row in apart for d in row) / (6 * 400) for tolerance in range(65)]
    # The bound is above what was seen, so the tolerance is at least the least that meets the target in the sample.
    least = next(tolerance for tolerance, share in enumerate(beyond) if share <= 0.02)
    assert least <= found.tolerance <= least + 1
    assert found.honest.rejection_ppm <= 20_000
    assert found.honest.rejected == sum(d > found.tolerance for row in apart for d in row)


def test_a_wider_target_never_asks_for_a_wider_tolerance():
    found = [
        measured(synthetic(), targets(vote_false_rejection_ppm=ppm)).tolerance for ppm in (10_000, 50_000, 300_000)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2]


def test_what_is_near_cannot_be_told_apart_and_what_is_far_can():
    near, far = (
        next(each for each in measured(synthetic()).impostors if each.name == name) for name in ("near", "far")
    )
    assert near.committee is None
    assert near.acceptance_ppm > 500_000
    assert far.committee is not None
    assert far.acceptance_ppm >= 1_000_000 * far.accepted / far.pairs


def test_other_seeds_are_compared_within_what_was_asked_for():
    impostor = measured(synthetic(groups=8)).impostors[0]
    assert impostor.name == "other seed"
    assert impostor.pairs == 8 * 50 * 49 // 2
    # Pairs share images: of 400 images no more than 200 pairs are independent.
    assert impostor.acceptance_ppm >= 1_000_000 * unseen(200, Fraction(95, 100))


def test_images_of_one_each_have_no_other_seed_to_compare_with():
    assert [each.name for each in measured(synthetic(groups=400)).impostors] == ["near", "far"]


def test_machines_that_agree_on_everything_say_nothing_about_correlation_and_get_the_worst():
    truth = flips("truth", 400, 0.5)
    samples = Samples(bits=64, groups=[0] * 400, honest={"a": truth, "b": truth, "c": truth}, substitutes={})
    honest = measured(samples).honest
    assert (honest.rejected, honest.correlation_ppm, honest.correlation_upper_ppm) == (0, None, 1_000_000)


def test_votes_that_fail_together_are_found_to_be_correlated():
    """One machine is far off on every twentieth image: whoever judges that output rejects it."""
    truth = flips("truth", 400, 0.5)
    odd = [x ^ (0 if index % 20 else 2**20 - 1) for index, x in enumerate(truth)]
    samples = Samples(
        bits=64, groups=[0] * 400, honest={"a": truth, "b": truth, "c": truth, "odd": odd}, substitutes={}
    )
    honest = measured(samples, targets(vote_false_rejection_ppm=100_000)).honest
    assert honest.rejected == 3 * 20
    assert 200_000 < honest.correlation_ppm < honest.correlation_upper_ppm < 1_000_000


def test_too_few_images_are_refused_before_anything_is_claimed():
    with pytest.raises(CalibrationError, match=r"100 images cannot show that at most 2 %.*the bound is 2.95 %"):
        measured(synthetic(images=100))


def test_one_environment_has_nothing_to_agree_with():
    with pytest.raises(CalibrationError, match="one environment"):
        measured(synthetic(environments=1))


# ---- the record


def test_the_evidence_is_a_record_and_comes_back_as_it_was():
    found = measured(synthetic())
    assert records.decode(records.encode(found), Calibration) == found


def changed(**changes):
    value = msgspec.to_builtins(measured(synthetic()))
    for path, new in changes.items():
        *parents, last = path.split(".")
        place = value
        for step in parents:
            place = place[int(step)] if isinstance(place, list | tuple) else place[step]
        place[last] = new
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tolerance": 0}, "honest: the counts are not those of the histogram"),
        ({"honest.rejected": 0}, "honest: the counts"),
        ({"impostors.1.accepted": 1}, r"impostors\[1\]: the counts"),
        ({"impostors.0.histogram": [1]}, r"impostors\[0\].histogram"),
        ({"sketch": "phash-64/9"}, "sketch: there is no sketch"),
        ({"model": "b" + "a" * 58}, "model"),
        ({"tolerance": 300}, "tolerance"),
        ({"honest.rejection_ppm": 1_000_001}, "honest.rejection_ppm"),
        ({"honest.rejection_ppm": 0}, r"honest.rejection_ppm: 0 is a bound below what was seen"),
        ({"impostors.1.acceptance_ppm": 1}, r"impostors\[1\].acceptance_ppm: 1 is a bound below"),
        ({"impostors.1.committee": {"size": 3, "false_rejection_ppb": 0, "false_acceptance_ppb": 0}}, "follows from"),
        ({"impostors.2.committee": None}, r"impostors\[2\].committee: is not what follows"),
        ({"layout": "flat"}, "layout: phash-64/1 does not read flat"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(CalibrationRecordError, match=message):
        records.decode(changed(**changes), Calibration)


# ---- a kernel


@pytest.fixture(scope="module")
def scribble():
    return kernels.load(SCRIBBLE)


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("make_scribble", ROOT / "scripts" / "make_scribble.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_kernel_in_the_repository_is_what_its_script_writes(script):
    for name, data in script.files().items():
        assert (SCRIBBLE / name).read_bytes() == data, name


def test_cheaper_models_pass_more_often_the_less_they_save(scribble, script):
    """The reason for calibrating at all: on the same noise, half of the steps look the same in half of all images."""
    others = {"float16 weights": half_precision(scribble.model), **script.substitutes()}
    engines = ["reproducible", "reproducible:isa=portable", "onnxruntime", "onnxruntime:level=none"]
    samples = sample(
        scribble,
        reading=IMAGE,
        engines=engines,
        substitutes=others,
        images=200,
    )
    assert samples.honest["reproducible"] == samples.honest["reproducible:isa=portable"]
    found = measured(samples)
    assert found.tolerance <= 2
    assert [each.name for each in found.impostors] == ["other seed", *others]
    share = {each.name: each.accepted / each.pairs for each in found.impostors}
    assert share["float16 weights"] > 0.95
    assert share["17-steps"] > share["9-steps"] > 0.3 > share["4-steps"] > share["other-data"]
    assert share["other-data"] < 0.02
    assert share["other seed"] < 0.02


def test_the_evidence_in_the_repository_belongs_to_its_kernel(scribble):
    assert records.digest(scribble.calibration).hex() == scribble.manifest.calibration
    assert scribble.calibration.model == scribble.manifest.model.cid
    again = sample(
        scribble,
        reading=IMAGE,
        engines=["reproducible"],
        substitutes={"float16 weights": half_precision(scribble.model)},
        images=scribble.calibration.images,
    )
    # The engine gives the same bits everywhere, so this part of the evidence can be had again anywhere.
    found = calibrate_seeds(again)
    kept = scribble.calibration.impostors
    assert found == kept[0].histogram
    apart = [(x ^ y).bit_count() for x, y in zip(*again.substitutes.values(), *again.honest.values(), strict=True)]
    assert [len(scribble.calibration.environments) * apart.count(d) for d in range(65)] == list(kept[1].histogram)


def calibrate_seeds(samples):
    (run,) = samples.honest.values()
    counts = [0] * 65
    for i, x in enumerate(run):
        for j in range(i):
            if samples.groups[i] == samples.groups[j]:
                counts[(x ^ run[j]).bit_count()] += 1
    return tuple(counts)


def test_half_precision_rounds_weights_and_nothing_else():
    model = linear(features=5, classes=3)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.float32([1 / 3, 0, 1]), "b"))
    half = onnx.load_model_from_string(half_precision(model.SerializeToString()))
    assert numpy_helper.to_array(half.graph.initializer[1]).tolist() == [0.333251953125, 0, 1]
    assert half.graph.initializer[0].data_type == onnx.TensorProto.FLOAT
    assert half.graph.node == model.graph.node


@pytest.mark.parametrize(
    ("weights", "message"), [(np.float32([1e6]), "'w' does not fit"), (np.int64([1]), "no float32")]
)
def test_a_model_without_a_half_precision_is_refused(weights, message):
    model = linear()
    del model.graph.initializer[:]
    model.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    with pytest.raises(CalibrationError, match=message):
        half_precision(model.SerializeToString())


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"engines": ["reproducible", "reproducible"]}, CalibrationError, "named twice"),
        ({"engines": ["abacus"]}, EngineNameError, "no engine 'abacus'"),
    ],
)
def test_what_cannot_be_measured_is_refused(scribble, changes, error, message):
    wanted = {"engines": ["reproducible"], "substitutes": {}, "images": 2} | changes
    with pytest.raises(error, match=message):
        sample(scribble, reading=IMAGE, **wanted)


def test_a_kernel_without_seeds_has_no_images():
    with pytest.raises(CalibrationError, match="takes no seed"):
        sample(
            kernels.load(ROOT / "kernels" / "digits"),
            reading=Reading(sketch=sketches.named("simhash-256/1"), output="logits", layout=Layout.FLAT),
            engines=["reproducible"],
            substitutes={},
            images=2,
        )


# ---- the command, and the manifest that links what it writes


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SCRIBBLE, tmp_path / "scribble")
    return tmp_path / "scribble"


def run(*arguments):
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


def test_the_command_writes_evidence_that_packing_links(folder, script, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(script.build(steps=4))
    done = run(
        folder, "--images", 160, "--vote-false-rejection", "2%", "--engine", "reproducible", "--engine",
        "reproducible:isa=portable", "--substitute", f"4 steps={other}",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "tolerance    0 of 64 bits" in done.output
    assert "4 steps" in done.output
    with pytest.raises(KernelError, match="not the calibration that the manifest says"):
        kernels.load(folder)
    packed = kernels.pack(folder)
    assert packed == kernels.load(folder)
    assert packed.manifest.calibration == records.digest(packed.calibration).hex()
    assert packed.calibration.images == 160
    stored = dict(kernels.blocks(packed))
    assert records.encode(packed.calibration) in stored.values()
    fetched = kernels.from_blocks(packed.manifest.digest(), stored.__getitem__)
    assert fetched == packed


def test_the_command_prints_the_record_as_json(folder):
    done = run(folder, "--images", 300, "--engine", "reproducible", "--engine", "reproducible:threads=2", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == json.loads((folder / "calibration.json").read_bytes())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--substitute", "file.onnx"], "want NAME=FILE"),
        (["--substitute", "x=missing.onnx"], "cannot be read"),
        (["--confidence", "lots"], "is no share"),
        (["--confidence", "101%"], "not between 0 and 1"),
        (["--confidence", "nan"], "not between 0 and 1"),
        (["--sketch", "md5"], "no sketch 'md5'"),
        (["--images", "50"], "take more images"),
    ],
)
def test_wrong_usage_is_explained(folder, arguments, message):
    done = run(folder, *arguments)
    assert done.exit_code != 0
    assert message in done.output


def test_a_calibration_of_another_model_is_not_packed(folder, script):
    (folder / "model.onnx").write_bytes(script.build(steps=4))
    with pytest.raises(KernelError, match=r"calibration\.json is about"):
        kernels.pack(folder)


def test_a_kernel_whose_calibration_is_gone_does_not_load(folder):
    (folder / "calibration.json").unlink()
    with pytest.raises(KernelError, match="calibration"):
        kernels.load(folder)
