"""`aivm trace` and `aivm diverge`: where two machines part, found from their files or on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import parser

from aivm import tensors
from registry.cli.main import main

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).resolve().parents[3]
DIGITS = ROOT / "kernels" / "digits"
TOML = DIGITS / "kernel.toml"


def aivm(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="aivm")
    assert result.exit_code == code, result.output + result.stderr
    return result


@pytest.fixture
def model(tmp_path):
    """A model file and its inputs: the sum of 64 products, which an order that is free changes."""
    weights = ", ".join(str((i * 37 % 101) / 7 - 5) for i in range(256))
    proto = parser.parse_model(
        f"""
        <ir_version: 8, opset_import: ["" : 20]>
        network (float[N,64] x) => (float[N,4] y) <float[64,4] w = {{{weights}}}> {{
            h = MatMul(x, w)
            y = Softmax(h)
        }}"""
    )
    path = tmp_path / "network.onnx"
    onnx.save(proto, path)
    x = np.random.default_rng(3).standard_normal((5, 64)).astype(np.float32)
    (tmp_path / "x.safetensors").write_bytes(tensors.encode({"x": x}))
    return path


def trace(model: Path, name: str, *more: str | Path) -> Path:
    path = model.with_name(f"{name}.json")
    aivm("trace", model, "--input", model.with_name("x.safetensors"), "--output", path, *more)
    return path


def damaged(path: Path, name: str) -> Path:
    """The trace and tensors of a machine that got one bit of one element wrong."""
    value = json.loads(path.read_bytes())
    stored = dict(tensors.decode(path.with_suffix(".safetensors").read_bytes()))
    position = next(i for i, entry in enumerate(value["entries"]) if entry["output"] == "h")
    array = stored[f"{position:08d}"].copy()
    array.view(np.uint32)[2, 1] ^= 1
    stored[f"{position:08d}"] = array
    from aivm.arithmetic.trace import root  # noqa: PLC0415
    from aivm.canonical import encode  # noqa: PLC0415

    value["entries"][position]["root"] = root(array).hex()
    other = path.with_name(f"{name}.json")
    other.write_bytes(encode(value))
    other.with_suffix(".safetensors").write_bytes(tensors.encode(stored))
    return other


def test_two_instruction_sets_give_one_trace(model):
    one = trace(model, "one", "--engine", "reproducible:threads=2")
    two = trace(model, "two", "--engine", "reproducible:isa=portable")
    assert one.read_bytes() == two.read_bytes()
    assert "no difference in 2 tensors" in aivm("diverge", one, two).stdout


def test_one_bit_is_found_between_two_files_with_its_operator_element_and_distance(model):
    mine = trace(model, "mine", "--contents")
    theirs = damaged(mine, "theirs")
    text = aivm("diverge", mine, theirs, code=1).stdout
    assert "first difference: operator 'h' (MatMul), tensor 'h'" in text
    assert "element [2, 1]: 1 ulp apart" in text
    found = json.loads(aivm("diverge", mine, theirs, "--json", code=1).stdout)["divergence"]
    assert (found["output"], found["element"]["index"], found["element"]["ulps"]) == ("h", [2, 1], "1")
    assert found["element"]["differing"] == 1
    assert [operand["name"] for operand in found["inputs"]] == ["x", "w"]


def test_without_the_tensors_the_operator_is_named_all_the_same(model):
    mine = trace(model, "mine", "--contents")
    theirs = damaged(mine, "theirs")
    theirs.with_suffix(".safetensors").unlink()
    text = aivm("diverge", mine, theirs, code=1).stdout
    assert "operator 'h' (MatMul)" in text
    assert "the first element is unknown" in text


def test_a_file_is_compared_with_a_run_here(model):
    mine = trace(model, "mine", "--contents")
    theirs = damaged(mine, "theirs")
    inputs = ("--model", model, "--input", model.with_name("x.safetensors"))
    assert "no difference" in aivm("diverge", mine, "reproducible:isa=portable", *inputs).stdout
    text = aivm("diverge", "reproducible", theirs, *inputs, code=1).stdout
    assert "element [2, 1]: 1 ulp apart" in text
    assert "'x' float32 [5, 64]" in text


def test_two_engines_on_a_kernels_case():
    pytest.importorskip("onnxruntime")
    arguments = ("--model", DIGITS, "--case", "five", "--json")
    result = CliRunner().invoke(main, ["diverge", "reproducible", "onnxruntime:level=none", *map(str, arguments)])
    report = json.loads(result.stdout)
    assert report["b"].startswith("onnxruntime")
    assert result.exit_code == (0 if report["divergence"] is None else 1)
    same = json.loads(aivm("diverge", "reproducible", "reproducible:threads=2", *arguments).stdout)
    assert same["divergence"] is None
    assert same["compared"] == 11


def test_traces_of_different_inputs_are_not_compared(model):
    one = trace(model, "one")
    x = np.zeros((1, 64), np.float32)
    model.with_name("x.safetensors").write_bytes(tensors.encode({"x": x}))
    two = trace(model, "two")
    assert "different inputs: x" in aivm("diverge", one, two, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["diverge", "a", "b"], 2, "a is no trace (NAME.json)"),
        (["diverge", "none.json", "none.json"], 1, "none.json cannot be read"),
        (["diverge", "reproducible", "abacus", "--model", str(DIGITS), "--case", "five"], 1, "no engine 'abacus'"),
        (["diverge", "reproducible", "reproducible:isa=z80", "--model", str(DIGITS), "--case", "five"], 1, "z80"),
        (["diverge", "reproducible:size=3", "b", "--model", str(DIGITS), "--case", "five"], 1, "no option 'size'"),
        (["diverge", "reproducible", "reproducible", "--model", str(DIGITS)], 2, "Give either --input, or --case"),
        (["trace", str(DIGITS), "--case", "six", "--output", "t.json"], 2, "no case 'six'; it has blank, eight"),
        (["trace", str(DIGITS / "model.onnx"), "--case", "five", "--output", "t.json"], 2, "give --input"),
        (["trace", str(TOML), "--input", str(TOML), "--output", "t.json"], 1, "no ONNX model"),
        (["trace", str(DIGITS), "--case", "five", "--output", "t.txt"], 1, "give it the suffix .json"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None,
)  # fmt: skip
def test_a_mistake_is_named(arguments, code, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = aivm(*arguments, code=code)
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_json_inputs_take_their_dtypes_from_the_model(model):
    x = tensors.decode(model.with_name("x.safetensors").read_bytes())["x"]
    written = model.with_name("x.json")
    written.write_text(json.dumps({"x": x.tolist()}))
    one = trace(model, "one")
    aivm("trace", model, "--input", written, "--output", model.with_name("two.json"))
    assert one.read_bytes() == model.with_name("two.json").read_bytes()
