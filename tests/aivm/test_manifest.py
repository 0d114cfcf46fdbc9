"""Manifests: every rule of docs/protocol.md §3, and the exported schema."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_examples import REPRODUCIBLE, example_manifest, manifest_value, unchecked_manifest

from aivm import canonical
from aivm.digests import Digest
from aivm.manifest import DeterminismClass, Dtype, Manifest, ManifestError, json_schema
from aivm.manifest.spdx import is_expression

SCHEMA = Path(__file__).parents[2] / "docs" / "manifest.schema.json"
HEX = Digest.of(b"seed").hex()
NOISE = {"name": "noise", "distribution": "normal"}


def spec(**changes):
    return {"name": "x", "dtype": "F32", "shape": [1], "minimum": None, "maximum": None, "description": ""} | changes


# What types alone can refuse; the schema has to refuse it too.
BROKEN_TYPES = [
    ({"name": "Digits"}, "name"),
    ({"name": "-digits"}, "name"),
    ({"name": ""}, "name"),
    ({"name": "digits\n"}, "name"),
    ({"name": "d" * 65}, "name"),
    ({"kernel_version": "1.0"}, "kernel_version"),
    ({"kernel_version": "01.0.0"}, "kernel_version"),
    ({"kernel_version": "1.0.0-rc1"}, "kernel_version"),
    ({"kernel_version": "v1.0.0"}, "kernel_version"),
    ({"model.cid": "bafy"}, "model.cid"),
    ({"model.size": 0}, "model.size"),
    ({"model.profile": "unixfs-v0-2015"}, "model.profile"),
    ({"model.opsets": {"ai.onnx": 0}}, "model.opsets"),
    ({"model.opsets": {"": 21}}, "model.opsets"),
    ({"model.operators.0": "Gemm"}, "model.operators[0]"),
    ({"build.compiler": ""}, "build.compiler"),
    ({"build.compiler": "gcc\n"}, "build.compiler"),
    ({"runtime.name": "tensorflow"}, "runtime.name"),
    ({"runtime.options.provider": "tpu"}, "runtime.options.provider"),
    ({"runtime.options.intra_op_threads": -1}, "runtime.options.intra_op_threads"),
    ({"runtime.options.deterministic": 1}, "runtime.options.deterministic"),
    ({"runtime.options.extra": 1}, "runtime.options"),
    ({"runtime.name": "reproducible"}, "runtime.options"),
    ({"runtime": {"version": "1.31.1", "options": {}}}, "runtime"),
    ({**REPRODUCIBLE, "runtime.version": "aivm-arithmetic-0"}, "runtime.version"),
    ({**REPRODUCIBLE, "runtime.options": {"provider": "cpu"}}, "runtime.options"),
    ({**REPRODUCIBLE, "runtime.options": None}, "runtime.options"),
    ({"hardware.features.0": "avx2,fma"}, "hardware.features[0]"),
    ({"hardware.memory_bytes": "1"}, "hardware.memory_bytes"),
    ({"numerics.tf32": None}, "numerics.tf32"),
    ({"seeds.policy": "random"}, "seeds.policy"),
    ({"seeds.generator": "philox4x32-7/1"}, "seeds.generator"),
    ({"seeds.random_inputs.0.distribution": "cauchy"}, "seeds.random_inputs[0].distribution"),
    ({"inputs.0.dtype": "BF16"}, "inputs[0].dtype"),
    ({"inputs.0.shape.1": 0}, "inputs[0].shape[1]"),
    ({"inputs.0.shape.1": -1}, "inputs[0].shape[1]"),
    ({"inputs.0.shape.1": "a b"}, "inputs[0].shape[1]"),
    ({"inputs.0.shape.1": True}, "inputs[0].shape[1]"),
    ({"inputs.0.minimum": 0}, "inputs[0].minimum"),
    ({"inputs.0.minimum": "0.5"}, "inputs[0].minimum"),
    ({"inputs.0.minimum": "-0"}, "inputs[0].minimum"),
    ({"inputs.0.minimum": "007"}, "inputs[0].minimum"),
    ({"inputs.0.name": "a\nb"}, "inputs[0].name"),
    ({"aggregation.rule": "median"}, "aggregation.rule"),
    ({"aggregation.rule": "hamming"}, "aggregation.sketch"),
    ({"aggregation.sketch": "phash-64/1"}, "aggregation.sketch"),
    ({"aggregation.tolerance": 1}, "aggregation.tolerance"),
    ({"limits.time_ms": 0}, "limits.time_ms"),
    ({"limits.time_ms": 24 * 3600 * 1000 + 1}, "limits.time_ms"),
    ({"limits.memory_bytes": 2**42 + 1}, "limits.memory_bytes"),
    ({"limits.output_bytes": 2**36 + 1}, "limits.output_bytes"),
    ({"build.compiler": "x" * 257}, "build.compiler"),
    ({"build.compiler_flags": "x" * 2049}, "build.compiler_flags"),
    ({"determinism": "perfect"}, "determinism"),
    ({"author_fee": 7}, "author_fee"),
    ({"author_fee": "-1"}, "author_fee"),
    ({"author_fee": "1e18"}, "author_fee"),
    ({"cases.0.name": "Seven"}, "cases[0].name"),
    ({"cases.0.name": "../seven"}, "cases[0].name"),
    ({"cases.0.input": "0x"}, "cases[0].input"),
    ({"model_card": "README.md"}, "model_card"),
    ({"version": 2}, "version"),
    ({"type": "aivm/input"}, "type"),
]

# What follows only from several members together.
BROKEN_RULES = [
    ({"model.opsets": {}}, "model.opsets"),
    ({"model.opsets": {"ai.onnx.ml": 3}}, "model.operators[0]"),
    ({"model.operators": ["ai.onnx::Relu", "ai.onnx::Gemm"]}, "model.operators[1]"),
    ({"model.operators": ["ai.onnx::Relu", "ai.onnx::Relu"]}, "model.operators[1]"),
    ({"model.cid": "b" + "a" * 58}, "model.cid"),
    ({"model_card": "b" + "7" * 58}, "model_card"),
    ({"hardware.features": ["fma", "avx2"]}, "hardware.features[1]"),
    ({"hardware.features_off": ["avx512f", "avx2"]}, "hardware.features_off[1]"),
    ({"hardware.features_off": ["fma"]}, "hardware.features_off[0]"),
    ({"hardware.features": [f"f{index:062}" for index in range(40)]}, "hardware.features"),
    ({"runtime.options.provider": "cuda"}, "hardware.kind"),
    ({**REPRODUCIBLE, "hardware.kind": "cuda"}, "hardware.kind"),
    ({**REPRODUCIBLE, "numerics.fma_contraction": True}, "numerics.fma_contraction"),
    ({**REPRODUCIBLE, "numerics.flush_to_zero": True}, "numerics.flush_to_zero"),
    ({**REPRODUCIBLE, "numerics.tf32": True}, "numerics.tf32"),
    ({"inputs.1.name": "image"}, "inputs[1].name"),
    ({"inputs.0.name": "__metadata__"}, "inputs[0].name"),
    ({"outputs.0.name": "__metadata__"}, "outputs[0].name"),
    ({"outputs": []}, "outputs"),
    ({"inputs.0.minimum": "17"}, "inputs[0].minimum"),
    ({"inputs.0.dtype": "U8", "inputs.0.minimum": "-1"}, "inputs[0].minimum"),
    ({"inputs.0.dtype": "I8", "inputs.0.maximum": "128"}, "inputs[0].maximum"),
    ({"inputs.0.dtype": "BOOL", "inputs.0.maximum": "2"}, "inputs[0].maximum"),
    ({"seeds.random_inputs.0.name": "nose"}, "seeds.random_inputs[0].name"),
    ({"seeds.random_inputs": [NOISE, NOISE]}, "seeds.random_inputs[1].name"),
    ({"inputs.1.dtype": "F16"}, "inputs[1].dtype"),
    ({"inputs.1.minimum": "0"}, "inputs[1].minimum"),
    ({"inputs.1.shape": ["other", 64]}, "inputs[1].shape[0]"),
    ({"seeds.policy": "fixed"}, "seeds.fixed_seed"),
    ({"seeds.fixed_seed": HEX}, "seeds.fixed_seed"),
    ({"seeds.policy": "none"}, "seeds.random_inputs"),
    ({"seeds.random_inputs": []}, "seeds.random_inputs"),
    ({"answer.output": None}, "answer.output"),
    ({"answer.output": "image"}, "answer.output"),
    ({"answer.convention": "none"}, "answer.output"),
    ({"answer.convention": "first"}, "answer.output"),
    ({"outputs.0.dtype": "BOOL"}, "answer.output"),
    ({"outputs.0.shape": [2, 10]}, "answer.output"),
    ({"author_fee": str(2**96)}, "author_fee"),
    ({"licence": "do what you like"}, "licence"),
    ({"cases": []}, "cases"),
    ({"cases": [{"name": "a", "input": HEX, "output": HEX}] * 2}, "cases[1].name"),
]


@pytest.mark.parametrize(("changes", "path"), BROKEN_TYPES + BROKEN_RULES, ids=str)
def test_a_broken_manifest_is_refused_with_the_path_of_the_member(changes, path):
    with pytest.raises(ManifestError) as caught:
        Manifest.from_record(canonical.encode(manifest_value(**changes)))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(("changes", "path"), BROKEN_RULES, ids=str)
def test_a_broken_manifest_is_not_written_either(changes, path):
    with pytest.raises(ManifestError) as caught:
        unchecked_manifest(**changes).record()
    assert caught.value.path == path


@pytest.mark.parametrize("member", sorted(manifest_value()))
def test_every_member_must_be_there(member):
    value = manifest_value()
    del value[member]
    with pytest.raises(ManifestError, match=member):
        Manifest.from_record(canonical.encode(value))
    assert not valid(value)


def test_an_unknown_member_is_refused():
    with pytest.raises(ManifestError, match="publisher"):
        example_manifest(publisher="me")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a"},
        {"name": "0"},
        {"name": "d" * 64},
        {"kernel_version": "0.0.0"},
        {"kernel_version": "10.20.30"},
        {"author_fee": str(2**96 - 1)},
        {"seeds.policy": "fixed", "seeds.fixed_seed": "0x" + "00" * 32},
        {"seeds.policy": "none", "seeds.random_inputs": []},
        {"answer.convention": "none", "answer.output": None},
        {"outputs.0.dtype": "I64", "answer.convention": "first", "outputs.0.shape": [2, 10]},
        {"outputs.0.shape": ["n", 10]},
        {"outputs.0.shape": []},
        {"hardware.kind": "cuda", "runtime.options.provider": "cuda", "numerics.tf32": True},
        {"hardware.kind": "cuda"},
        REPRODUCIBLE,
        {"inputs": [spec(name="noise")]},
        {"inputs": [spec(name="noise"), spec(name="a/b.1:0", shape=[])]},
        {"inputs.0.minimum": None, "inputs.0.maximum": "-1"},
        {"model.opsets": {"ai.onnx": 21, "ai.onnx.ml": 5}},
        {"model_card": manifest_value()["model"]["cid"]},
        {"build": dict.fromkeys(("operating_system", "compiler", "compiler_version", "compiler_flags"))},
        {"build.compiler_flags": "-O2 -mno-fma"},
        {"licence": "(MIT OR Apache-2.0 WITH LLVM-exception) AND LicenseRef-mine"},
    ],
    ids=str,
)
def test_a_manifest_at_the_edge_of_the_rules_is_accepted(changes):
    manifest = example_manifest(**changes)
    assert Manifest.from_record(manifest.record()) == manifest
    assert valid(manifest_value(**changes))


@given(st.permutations(sorted(manifest_value())))
def test_equal_manifests_have_equal_bytes_whatever_the_order_of_members(order):
    value = manifest_value()
    shuffled = msgspec.convert({name: value[name] for name in order}, Manifest)
    assert shuffled.record() == canonical.encode(value)
    assert shuffled.digest() == Digest.of(canonical.encode(value))


@given(st.integers(min_value=0, max_value=len(canonical.encode(manifest_value())) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_gives_another_manifest(at, byte):
    data = bytearray(example_manifest().record())
    if data[at] == byte:
        return
    data[at] = byte
    try:
        changed = Manifest.from_record(bytes(data))
    except ManifestError:
        return
    assert changed != example_manifest()
    assert changed.record() == data


def test_a_manifest_cannot_be_changed():
    with pytest.raises(AttributeError):
        example_manifest().name = "other"


def test_words_are_in_the_order_of_the_chain():
    assert list(DeterminismClass) == ["none", "tolerant", "pinned", "bitwise"]


def test_dtypes_know_their_width():
    assert {dtype: dtype.bits for dtype in (Dtype.BOOL, Dtype.U8, Dtype.F16, Dtype.I32, Dtype.F64)} == {
        "BOOL": 8,
        "U8": 8,
        "F16": 16,
        "I32": 32,
        "F64": 64,
    }


# ---- the schema


def valid(value) -> bool:
    return jsonschema.Draft202012Validator(json_schema()).is_valid(value)


def test_the_schema_in_the_documentation_is_current():
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA.read_text("utf-8") == text, "run scripts/export_schema.py"


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_schema_accepts_what_a_manifest_writes():
    jsonschema.validate(json.loads(example_manifest().record()), json_schema())


@pytest.mark.parametrize(("changes", "path"), BROKEN_TYPES, ids=str)
def test_the_schema_refuses_what_types_refuse(changes, path):
    assert not valid(manifest_value(**changes)), path


def test_the_schema_refuses_an_unknown_member_at_every_level():
    for place in ("", "model", "runtime", "runtime.options", "inputs.0", "cases.0", "seeds.random_inputs.0"):
        value = copy.deepcopy(manifest_value())
        at = value
        for step in filter(None, place.split(".")):
            at = at[int(step)] if isinstance(at, list) else at[step]
        at["extra"] = 1
        assert not valid(value), place


# ---- licence expressions


@pytest.mark.parametrize(
    "text",
    [
        "MIT",
        "GPL-2.0+",
        "GPL-2.0-or-later WITH Classpath-exception-2.0",
        "MIT AND (BSD-3-Clause OR Apache-2.0)",
        "((MIT))",
        "LicenseRef-a",
        "DocumentRef-spdx:LicenseRef-a OR MIT",
        "ANDROID",
    ],
)
def test_a_licence_expression_is_recognised(text):
    assert is_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " MIT",
        "MIT ",
        "MIT BSD",
        "AND",
        "MIT AND",
        "OR MIT",
        "(MIT",
        "MIT)",
        "()",
        "MIT OR (AND)",
        "MIT WITH",
        "(MIT) WITH x",
        "MIT with x y",
        "MIT,BSD",
        "#",
        "MIT OR #",
        "x" * 300,
    ],
)
def test_what_is_no_licence_expression_is_not(text):
    assert not is_expression(text)
