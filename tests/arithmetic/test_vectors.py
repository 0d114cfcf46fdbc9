"""The golden vectors: every operator, its awkward numbers, and the same digests on every instruction set."""

from __future__ import annotations

import collections
import functools
import hashlib
import json
import struct
import subprocess
import sys

import golden
import make_vectors
import numpy as np
import onnx
import operators
import pytest

from aivm.arithmetic import _core
from aivm.arithmetic.session import open_session

#: Numbers, and operators of one and of several operands that have to meet all of them.
ONES = ("NaN", "infinity", "subnormal", "negative zero")

ALONE = (
    "Softmax",
    "ReduceSum",
    "ReduceMax",
    "Clip",
    "Relu",
    "Sqrt",
    "Exp",
    "Log",
    "Tanh",
    "Erf",
    "Sigmoid",
    "AveragePool",
    "MaxPool",
    "Cast",
    "TopK",
    "CumSum",
)
TOGETHER = (
    "Add",
    "Sub",
    "Mul",
    "Div",
    "MatMul",
    "Gemm",
    "Conv",
    "ConvTranspose",
    "Max",
    "Pow",
    "LayerNormalization",
    "Resize",
    "QuantizeLinear",
    "Less",
    "LSTM",
)


@functools.cache
def vectors():
    return tuple(golden.read())


def title(name):
    return name.rpartition("/")[0]


def test_every_supported_operator_has_vectors():
    there = collections.Counter(title(vector.name) for vector in vectors())
    supported = [
        f"{domain}.{name}" if domain else name
        for (domain, name), schema in operators._newest().items()
        if operators._how(domain, name, schema) is not None
    ]
    assert len(supported) > 170
    assert [name for name in supported if there[name] < 2] == []


def test_the_vectors_of_an_operator_are_about_that_operator():
    for vector in vectors():
        used = {f"{node.domain}.{node.op_type}".lstrip(".") for node in vector.model.graph.node}
        assert title(vector.name) in used or vector.name.startswith("network."), vector.name


def test_every_primitive_is_used():
    used = set()

    def run_plan(stage, memory, threads):
        used.update(step.op for step in stage.program.steps)
        return stage.program.run(stage.plan, memory, threads)

    for vector in vectors():
        open_session(vector.model, threads=1).run(vector.feeds, run_plan=run_plan)
    assert used == set(_core.primitives()) - {"chain"}  # which the optimiser makes of others


def test_operators_on_floats_meet_infinities_nans_subnormals_and_negative_zeros():
    met = collections.defaultdict(set)
    for vector in vectors():
        arrays = [*vector.feeds.values(), *map(onnx.numpy_helper.to_array, vector.model.graph.initializer)]
        for array in arrays:
            met[title(vector.name)] |= set(make_vectors.contents(np.asarray(array)))
    computing = {*ALONE, *TOGETHER}
    assert {name: set(ONES) - met[name] for name in computing if set(ONES) - met[name]} == {}
    assert sum(set(ONES) <= found for found in met.values()) > 100


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("threads", [1, 2])
def test_every_instruction_set_gives_the_vectors_outputs(isa, threads):
    outcome = golden.check(vectors(), lambda model, feeds: open_session(model, threads=threads, isa=isa).run(feeds))
    assert outcome.cases == len(vectors())
    assert outcome.mismatches == []


def test_plans_of_a_step_for_each_primitive_give_the_vectors_outputs():
    def run(model, feeds):
        session = open_session(model, threads=1)
        return dict(zip(session.outputs, session.plain.run(dict(feeds)), strict=True))

    assert golden.check(vectors(), run).mismatches == []


def test_one_other_bit_of_an_output_is_a_mismatch():
    vector = next(vector for vector in vectors() if title(vector.name) == "MatMul")

    def run(model, feeds):
        outputs = open_session(model, threads=1).run(feeds)
        outputs["y0"].view(np.uint32).reshape(-1)[-1] ^= 1
        return outputs

    (mismatch,) = golden.check([vector], run).mismatches
    assert mismatch["case"] == vector.name
    assert mismatch["actual"]["sha256"] != mismatch["expected"]["sha256"]


def test_the_sign_of_a_zero_counts_and_the_payload_of_a_nan_does_not():
    quiet, other = np.array([0x7FC00000, 0xFFC12345], np.uint32).view(np.float32)
    assert golden.describe("y", np.array([quiet])) == golden.describe("y", np.array([other]))
    assert golden.describe("y", np.float32([0.0])) != golden.describe("y", np.float32([-0.0]))


def test_another_implementation_can_be_run_against_them(tmp_path):
    """ONNX Runtime is none of this arithmetic: it agrees on moving elements alone."""
    (tmp_path / "other.py").write_text(
        "import onnxruntime\n"
        "def run(model, feeds):\n"
        "    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])\n"
        "    names = [output.name for output in session.get_outputs()]\n"
        "    return dict(zip(names, session.run(names, dict(feeds))))\n"
    )

    def check(only):
        script = golden.FOLDER.parents[3] / "scripts" / "arithmetic" / "check_golden.py"
        code = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = sys.argv[1:]; "
        code += "runpy.run_path(sys.argv[0], run_name='__main__')"
        given = [script, "--implementation", "other:run", "--only", only]
        return subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, check=False)

    assert check("Transpose/").returncode == 0
    different = check("LSTM/")
    assert different.returncode == 1
    assert '"case": "LSTM/' in different.stdout


def test_a_reader_needs_json_and_sha256_alone():
    """As the README has it, on an operator whose output is its input."""
    cases = json.loads((golden.FOLDER / "movement.json").read_text())["cases"]
    stored = (golden.FOLDER / "movement.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", stored[:8])
    header, data = json.loads(stored[8 : 8 + length]), stored[8 + length :]
    checked = 0
    for case in cases:
        if title(case["name"]) == "Identity" and case["outputs"][0]["dtype"].startswith(("int", "uint", "bool")):
            begin, end = header[f"{case['name']}/x0"]["data_offsets"]
            assert hashlib.sha256(data[begin:end]).hexdigest() == case["outputs"][0]["sha256"]
            checked += 1
    assert checked > 3


def test_the_vectors_stay_small():
    assert sum(path.stat().st_size for path in golden.FOLDER.iterdir()) < 5 << 20
