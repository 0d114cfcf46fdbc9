"""Where two computations part: the operator, the element, the distance, and what the operator read."""

from __future__ import annotations

import json
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from onnx import parser

from aivm.arithmetic import tracefile
from aivm.arithmetic.choice import EngineNameError
from aivm.arithmetic.diverge import IncomparableError, diverge, open_recording, ulps_between
from aivm.arithmetic.observed import ObservedRunError, OrtOptions, record
from aivm.arithmetic.trace import Operation, Recording, root


def network(last="Softmax<axis = -1>(e)"):
    weights = ", ".join(str(i * 0.25 - 3) for i in range(32))
    return parser.parse_model(
        f"""
        <ir_version: 8, opset_import: ["" : 20]>
        network (float[N,8] x) => (float[N,4] y) <float[8,4] w = {{{weights}}}> {{
            h = MatMul(x, w)
            g = Gelu(h)
            e = Exp(g)
            y = {last}
        }}"""
    )


@pytest.fixture
def feeds():
    return {"x": np.random.default_rng(1).standard_normal((30, 8)).astype(np.float32)}


def altered(recording, output, index, ulps):
    """The recording of a machine that gets one element of one tensor wrong; what follows is left as it was."""
    entries = list(recording.trace.entries)
    position = next(i for i, entry in enumerate(entries) if entry.output == output)
    array = recording.fetch([position])[0].output.copy()
    array.view(np.int32)[index] += ulps
    entries[position] = replaced(entries[position], root=root(array).hex())

    def fetch(positions):
        found = recording.fetch(positions)
        return [
            Operation(inputs=item.inputs, output=array) if i == position else item
            for i, item in zip(positions, found, strict=True)
        ]

    trace = replaced(recording.trace, entries=tuple(entries))
    return Recording(trace=trace, label="a wrong machine", fetch=fetch)


def replaced(struct, **changes):
    return type(struct)(**{name: changes.get(name, getattr(struct, name)) for name in struct.__struct_fields__})


def test_engines_that_agree_have_no_divergence(feeds):
    a = open_recording("reproducible", network(), feeds)
    b = open_recording("reproducible:isa=portable,threads=2", network(), feeds)
    report = diverge(a, b)
    assert report.divergence is None
    assert report.compared == len(a.trace.entries)
    assert report.alone == (0, 0)
    assert report.text().endswith(f"no difference in {report.compared} tensors")


def test_the_first_wrong_element_is_found(feeds):
    honest = open_recording("reproducible", network(), feeds)
    wrong = altered(honest, "e", (7, 2), -3)
    report = diverge(honest, wrong)
    found = report.divergence
    assert found is not None
    assert (found.entries[0].operator, found.entries[0].type) == ("e", "Exp")
    element = found.element
    assert element is not None
    assert (element.index, element.ulps, element.differing, element.largest) == ((7, 2), 3, 1, 3)
    values = [recording.fetch([position_of(honest, "e")])[0].output[7, 2] for recording in (honest, wrong)]
    assert list(element.values) == values
    assert element.bits[0] - element.bits[1] == 3
    (operand,) = found.operands
    assert operand.name == "g"
    assert operand.same is True
    assert np.array_equal(operand.array, honest.fetch([position_of(honest, "e")])[0].inputs[0])
    text = report.text()
    assert "operator 'e' (Exp)" in text
    assert "element [7, 2]: 3 ulp apart" in text
    assert "'g' float32 [30, 4]" in text
    data = json.loads(json.dumps(report.data()))
    assert data["divergence"]["element"]["index"] == [7, 2]
    assert data["divergence"]["element"]["ulps"] == "3"


def position_of(recording, output):
    return next(i for i, entry in enumerate(recording.trace.entries) if entry.output == output)


def test_of_two_wrong_operators_the_first_one_is_named(feeds):
    honest = open_recording("reproducible", network(), feeds)
    wrong = altered(altered(honest, "y", (0, 0), 1), "h", (29, 3), 1)
    found = diverge(honest, wrong).divergence
    assert found is not None
    assert found.entries[0].output == "h"
    assert found.element is not None
    assert found.element.index == (29, 3)
    assert [operand.name for operand in found.operands] == ["x", "w"]


def test_within_a_composite_operator_the_first_of_its_body_is_named(feeds):
    honest = open_recording("reproducible", network(), feeds)
    deep = honest.descend()
    inner = next(entry.output for entry in deep.trace.entries if entry.operator.startswith("g/") and entry.shape)
    deeper = altered(altered(deep, "g", (2, 3), 5), inner, (0, 0), 1)
    wrong = replace(altered(honest, "g", (2, 3), 5), descend=lambda: deeper)
    report = diverge(honest, wrong)
    assert report.divergence is not None
    assert report.divergence.entries[0].output == inner
    outside = diverge(honest, replace(wrong, descend=None)).divergence
    assert outside is not None
    assert outside.entries[0].output == "g"


def test_without_tensors_the_operator_is_named_alone(feeds, tmp_path):
    honest = open_recording("reproducible", network(), feeds)
    wrong = altered(honest, "e", (7, 2), 1)
    tracefile.save(wrong, tmp_path / "theirs.json", contents=False)
    report = diverge(honest, tracefile.load(tmp_path / "theirs.json"))
    assert report.divergence is not None
    assert report.divergence.entries[0].output == "e"
    assert report.divergence.element is None
    assert report.divergence.operands[0].array is not None, "this side can show what the operator read"
    assert "first element is unknown" in report.text()


def test_two_files_with_tensors_are_enough(feeds, tmp_path):
    honest = open_recording("reproducible", network(), feeds)
    for name, recording in (("a", honest), ("b", altered(honest, "g", (3, 1), 40))):
        tracefile.save(recording, tmp_path / f"{name}.json", contents=True)
    found = diverge(tracefile.load(tmp_path / "a.json"), tracefile.load(tmp_path / "b.json")).divergence
    assert found is not None
    assert found.element is not None
    assert (found.element.index, found.element.ulps) == ((3, 1), 40)
    assert found.operands[0].name == "h"
    assert found.operands[0].same is True


def test_onnxruntime_is_compared_tensor_by_tensor(feeds):
    pytest.importorskip("onnxruntime")
    mine = open_recording("reproducible", network(), feeds)
    theirs = open_recording("onnxruntime:level=none,threads=2", network(), feeds)
    assert [entry.output for entry in theirs.trace.entries] == ["h", "g", "e", "y"]
    assert theirs.trace.entries[0].inputs == ("x", "w")
    report = diverge(mine, theirs)
    shared = [
        (a.output, a.root, b.root) for a in mine.trace.entries for b in theirs.trace.entries if a.output == b.output
    ]
    expected = next((name for name, a, b in shared if a != b), None)
    assert (report.divergence.entries[0].output if report.divergence else None) == expected
    if report.divergence is not None:
        assert report.divergence.element is not None
        assert all(operand.array is not None for operand in report.divergence.operands)


def test_onnxruntime_rejecting_a_model_is_an_error_with_its_words(feeds):
    pytest.importorskip("onnxruntime")
    with pytest.raises(ObservedRunError, match="ONNX Runtime cannot run the model"):
        record(network(), {"x": feeds["x"].astype(np.float64)}, OrtOptions())


def test_traces_of_different_things_are_not_compared(feeds):
    a = open_recording("reproducible", network(), feeds)
    with pytest.raises(IncomparableError, match="different inputs: x"):
        diverge(a, open_recording("reproducible", network(), {"x": feeds["x"] + 1}))
    with pytest.raises(IncomparableError, match="two models"):
        diverge(a, open_recording("reproducible", network("Tanh(e)"), feeds))


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("numpy", "no engine 'numpy'"),
        ("reproducible:level=all", "no option 'level'"),
        ("onnxruntime:level=most", "no level 'most'"),
        ("reproducible:threads=0", "threads='0'"),
        ("reproducible:threads=two", "threads='two'"),
    ],
)
def test_an_engine_that_is_not_there_is_named(engine, message, feeds):
    with pytest.raises(EngineNameError, match=message):
        open_recording(engine, network(), feeds)


def test_ulps_are_counted_over_zero_and_up_to_infinity():
    tiny, largest = np.float32(1e-45), np.finfo(np.float32).max
    a = np.array([0.0, -0.0, tiny, largest, 1.0, np.nan, np.nan, -largest], np.float32)
    b = np.array([-0.0, tiny, -tiny, np.inf, np.nextafter(np.float32(1), 2), np.nan, 1.0, largest], np.float32)
    distances, meaningful = ulps_between(a, b)
    assert list(distances[:6]) == [0, 1, 2, 1, 1, 0]
    assert distances[7] == 2 * 0x7F7FFFFF
    assert list(meaningful) == [True] * 6 + [False, True]


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_ulps_of_other_floats(dtype):
    one = np.array([1.0, -2.0, 0.0], dtype)
    unsigned = f"u{one.dtype.itemsize}"
    other = (one.view(unsigned) + np.array([5, 3, 1], unsigned)).view(dtype)
    assert list(ulps_between(one, other)[0]) == [5, 3, 1]


def test_integers_differ_by_what_they_differ_by():
    a, b = np.array([2**63 - 1, 5], np.int64), np.array([-(2**63), 4], np.int64)
    assert list(ulps_between(a, b)[0]) == [2**64 - 1, 1]
    assert list(ulps_between(np.array([True]), np.array([False]))[0]) == [1]
