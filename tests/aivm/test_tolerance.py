"""Manifests under the rule `hamming`: what they need, and every way to get it wrong, named."""

from __future__ import annotations

import numpy as np
import pytest
from manifest_examples import example_manifest, manifest_value

from aivm import canonical
from aivm.digests import Digest
from aivm.execution.sketching import NO_SKETCH, sketch_of
from aivm.execution.verdicts import NO_OUTPUT, Finding, judge
from aivm.fingerprint import SketchError, sketches
from aivm.manifest import Hamming, Manifest, ManifestError

EVIDENCE, HEX = Digest.of(b"evidence").hex(), Digest.of(b"other").hex()
SKETCH, ANSWER = f"0x{0b1111:064x}", Digest((7).to_bytes(32)).hex()
HAMMING = {
    "aggregation": {
        "rule": "hamming",
        "sketch": "phash-64/1",
        "tolerance": 4,
        "output": "logits",
        "layout": "hw",
        "promises": [{"sketch": SKETCH, "answer": ANSWER}],
    },
    "determinism": "tolerant",
    "calibration": EVIDENCE,
    "outputs.0.shape": ["height", 10],
    "answer": {"convention": "none", "output": None},
}
FLAT = {"aggregation.sketch": "simhash-256/1", "aggregation.layout": "flat"}


def manifest(**changes):
    return example_manifest(**HAMMING | changes)


def test_a_tolerant_manifest_reads_back_as_it_was_written():
    made = manifest()
    assert isinstance(made.aggregation, Hamming)
    assert Manifest.from_record(made.record()) == made
    assert manifest(**FLAT).aggregation.layout == "flat"


def test_an_exact_manifest_has_the_bytes_that_it_always_had():
    value = manifest_value()
    assert value["aggregation"] == {"rule": "exact", "sketch": None, "tolerance": 0}
    assert Manifest.from_record(canonical.encode(value)).record() == canonical.encode(value)


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"aggregation.sketch": "phash-64/2"}, "aggregation.sketch", "want one of phash-64/1"),
        ({"aggregation.tolerance": 64}, "aggregation.tolerance", "accepts everything"),
        ({"aggregation.tolerance": 257}, "aggregation.tolerance", "257"),
        ({"aggregation.tolerance": -1}, "aggregation.tolerance", "-1"),
        ({"aggregation.layout": "flat"}, "aggregation.layout", "phash-64/1 reads hw or chw or hwc"),
        ({"aggregation.layout": "nchw"}, "aggregation.layout", "nchw"),
        ({**FLAT, "aggregation.layout": "hw"}, "aggregation.layout", "reads flat"),
        ({"aggregation.output": "image"}, "aggregation.output", "have 'image'"),
        ({"outputs.0.dtype": "BOOL"}, "outputs[0].dtype", "is BOOL"),
        ({"outputs.0.shape": [64]}, "outputs[0].shape", "hw has 2 axes"),
        ({"outputs.0.shape": [2, 8, 8]}, "outputs[0].shape", "holds several"),
        ({"aggregation.layout": "chw", "outputs.0.shape": [5, 8, 8]}, "outputs[0].shape", "channels"),
        ({"aggregation.promises": []}, "aggregation.promises", "each of the 1 cases"),
        ({"aggregation.promises.0.sketch": HEX}, "aggregation.promises[0].sketch", "has 64 bits"),
        ({"aggregation.promises.0.answer": "7"}, "aggregation.promises[0].answer", "7"),
        ({"determinism": "bitwise"}, "determinism", "want tolerant"),
        ({"determinism": "pinned"}, "determinism", "want tolerant"),
        ({"determinism": "none"}, "determinism", "want tolerant"),
        ({"calibration": None}, "calibration", "aivm calibrate"),
        (
            {"limits.output_bytes": 2**26 + 1},
            "limits.output_bytes",
            "phash-64/1 of F32 takes outputs of at most 67108864",
        ),
        ({**FLAT, "limits.output_bytes": 2**22 + 1}, "limits.output_bytes", "at most 4194304"),
    ],
    ids=str,
)
def test_what_a_sketch_cannot_be_made_of_is_refused_by_the_member(changes, path, message):
    with pytest.raises(ManifestError, match=message) as caught:
        manifest(**changes)
    assert caught.value.path == path


@pytest.mark.parametrize("member", ["sketch", "tolerance", "output", "layout", "promises"])
def test_every_member_of_the_rule_is_needed(member):
    value = manifest_value(**HAMMING)
    del value["aggregation"][member]
    with pytest.raises(ManifestError, match=member):
        Manifest.from_record(canonical.encode(value))


def test_the_exact_rule_has_no_use_for_the_tolerant_members():
    with pytest.raises(ManifestError, match="aggregation"):
        example_manifest(aggregation={"rule": "exact", "sketch": None, "tolerance": 0, "output": "logits"})


def test_only_a_tolerant_kernel_may_leave_the_level_of_optimisation_to_the_machine():
    free = {"runtime.options.graph_optimization": "any"}
    assert manifest(**free).runtime.options.graph_optimization == "any"
    with pytest.raises(ManifestError, match="does not forgive") as caught:
        example_manifest(**free)
    assert caught.value.path == "runtime.options.graph_optimization"


# ---- the sketch of an output


def test_the_sketch_is_of_the_output_that_the_manifest_names():
    image = np.arange(80, dtype=np.float32).reshape(8, 10)
    expected = sketches.named("phash-64/1").of(image)
    assert sketch_of(manifest(), {"logits": image}) == expected.to_bytes(32)
    flat = sketches.named("simhash-256/1").of(image.reshape(-1))
    assert sketch_of(manifest(**FLAT), {"logits": image}) == flat.to_bytes(32)


def test_the_exact_rule_asks_for_no_sketch():
    assert sketch_of(example_manifest(), {"logits": np.full((1, 10), np.nan, np.float32)}) == NO_SKETCH == bytes(32)


def test_an_output_that_is_not_finite_has_no_sketch():
    with pytest.raises(SketchError, match="NaN"):
        sketch_of(manifest(), {"logits": np.full((8, 10), np.nan, np.float32)})


# ---- what a case shows


def verdict(*, flipped=0, answer=7, digest=HEX):
    made = manifest()
    sketch = (0b1111 ^ (2**flipped - 1)).to_bytes(32)
    return judge(made, 0, digest=digest, answer=answer.to_bytes(32), sketch=sketch)


@pytest.mark.parametrize(
    ("flipped", "finding"),
    [(0, "CONFORMS"), (4, "CONFORMS"), (5, "UNDECIDED"), (8, "UNDECIDED"), (9, "FAILS"), (64, "FAILS")],
)
def test_a_case_conforms_within_the_tolerance_and_fails_beyond_twice_that(flipped, finding):
    found = verdict(flipped=flipped)
    assert (found.finding, found.distance) == (Finding[finding], flipped)


def test_a_case_with_another_answer_does_not_conform_however_near_it_is():
    assert verdict(answer=8).finding is Finding.UNDECIDED


def test_the_record_of_a_verdict_holds_nothing_that_honest_machines_differ_in():
    promised = manifest().cases[0].output
    assert verdict(flipped=1, digest=HEX).actual == verdict(flipped=4, digest=EVIDENCE).actual == promised
    assert verdict(flipped=9, digest=HEX).actual == verdict(flipped=64, digest=EVIDENCE).actual == NO_OUTPUT


def test_the_exact_rule_compares_digests_and_nothing_else():
    made = example_manifest()
    near = judge(made, 0, digest=HEX, answer=bytes(32), sketch=bytes(32))
    assert (near.finding, near.actual, near.distance) == (Finding.FAILS, HEX, None)
    same = judge(made, 0, digest=made.cases[0].output, answer=bytes(32), sketch=b"\xff" * 32)
    assert same.finding is Finding.CONFORMS
