"""The command line: what it promises in its help, and what it says to people who make mistakes."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

from aivm import tensors
from registry.cli.main import main
from registry.cli.options import show_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

ROOT = Path(__file__).resolve().parents[3]
DIGITS = ROOT / "kernels" / "digits"


def aivm(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="aivm")
    assert result.exit_code == code, result.output + result.stderr
    return result


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from leaves(child, f"{path} {name}")


def test_the_reference_in_the_docs_is_what_the_commands_say(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "110")
    render = runpy.run_path(str(ROOT / "scripts" / "export_cli.py"))["render"]
    assert (ROOT / "docs" / "cli.md").read_text() == render(), "run: python scripts/export_cli.py"


def test_every_option_has_an_environment_variable_and_no_option_takes_a_secret():
    for path, command in leaves(main, "aivm"):
        for option in command.params:
            if isinstance(option, click.Option) and option.name not in {"help", "version"}:
                assert option.envvar, f"{path} {option.opts[0]}"
                assert str(option.envvar).startswith("AIVM_"), f"{path} {option.opts[0]}"
                if any(word in str(option.name) for word in ("key", "password", "secret")):
                    assert isinstance(option.type, click.Path), f"{path} {option.opts[0]} takes a secret, not a file"


def test_every_command_that_only_reads_can_answer_in_json():
    readers = {
        "kernel lint",
        "kernel run",
        "kernel show",
        "kernel pack",
        "job show",
        "job watch",
        "job result",
        "validator check",
        "demo",
        "diverge",
        "trace",
    }
    commands = {path.removeprefix("aivm "): command for path, command in leaves(main, "aivm")}
    for name in readers:
        assert any("--json" in option.opts for option in commands[name].params), name


def test_every_command_that_sends_can_show_the_exact_transaction_instead():
    senders = {
        "kernel publish",
        "kernel alias",
        "kernel deprecate",
        "job request",
        "job withdraw",
        "chain deploy",
        "validator stake",
        "validator operate",
        "validator leave",
    }
    commands = {path.removeprefix("aivm "): command for path, command in leaves(main, "aivm")}
    for name in senders:
        assert any("--dry-run" in option.opts for option in commands[name].params), name


def test_a_kernel_goes_from_scaffold_to_run(tmp_path: Path):
    folder = tmp_path / "mine"
    aivm("kernel", "init", folder, "--name", "mine")
    refused = aivm("kernel", "pack", folder, code=1)
    assert "model.onnx" in refused.stderr
    shutil.copy(DIGITS / "model.onnx", folder)
    shutil.copytree(DIGITS / "cases", folder / "cases", dirs_exist_ok=True)
    packed = json.loads(aivm("kernel", "pack", folder, "--json").stdout)
    shown = json.loads(aivm("kernel", "show", folder, "--json").stdout)
    assert packed == shown
    assert shown["name"] == "mine@0.1.0" or shown["name"].startswith("mine@")
    assert aivm("kernel", "run", folder).stdout.count("as promised") == shown["cases"]


def test_the_digits_are_read_from_json_npz_and_safetensors_alike(tmp_path: Path):
    data = tensors.decode((DIGITS / "held_out.safetensors").read_bytes())
    image = data["image"][:1]
    (tmp_path / "image.json").write_text(json.dumps({"image": image.tolist()}))
    np.savez(tmp_path / "image.npz", image=image)
    (tmp_path / "image.safetensors").write_bytes(tensors.encode({"image": image}))
    seen = {
        aivm("kernel", "run", DIGITS, "--input", tmp_path / name, "--json").stdout.split('"seconds"')[0]
        for name in ("image.json", "image.npz", "image.safetensors")
    }
    assert len(seen) == 1
    assert int(json.loads(seen.pop().rstrip().rstrip(",") + "}")["answer"], 16) == data["label"][0]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("image.json", "{", "is not JSON"),
        ("image.json", "[1]", "no JSON object"),
        ("image.json", '{"image": [[1], [2, 3]]}', "rectangular"),
        ("image.json", '{"image": "seven"}', "something else than numbers"),
        ("image.json", '{"image": [[[[300]]]]}', "numbers that uint8 cannot"),
        ("image.json", '{"image": [[[[0.5]]]]}', "numbers that uint8 cannot"),
        ("image.json", '{"image": [[[[1]]]]}', "shape [1, 1, 1, 1]"),
        ("image.json", '{"picture": 1}', "'picture'"),
        ("image.npz", "nothing", "no .npz archive"),
        ("image.png", "nothing", ".png is no format"),
        ("image.safetensors", "nothing", "tensor"),
    ],
)
def test_an_input_file_that_will_not_do_is_refused_by_name_without_a_traceback(
    tmp_path: Path, name: str, text: str, says: str
):
    (tmp_path / name).write_text(text)
    result = aivm("kernel", "run", DIGITS, "--input", tmp_path / name, code=1)
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["kernel", "show", "alice/digits"], "give --deployment"),
        (["kernel", "lint", "nowhere"], "does not exist"),
        (["job", "show", "0x12", "--deployment", "d.json"], "32 bytes"),
        (["validator", "stake", "1.5wei", "--deployment", "d.json", "--key-file", "k"], "no amount"),
        (
            ["validator", "stake", "1ether", "--endpoint", "here", "--deployment", "d.json", "--key-file", "k"],
            "https://",
        ),
        (["content", "serve", "--listen", "here"], "HOST:PORT"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_usage_ends_with_code_2_and_says_what_is_right(arguments: list[str], says: str):
    assert says in aivm(*arguments, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["job", "show", "00" * 32, "--deployment", "nowhere.json", "--rpc", "http://127.0.0.1:9"], "127.0.0.1:9"),
        (
            ["job", "show", "00" * 32, "--deployment", "d.json", "--rpc", "127.0.0.1:8545"],
            "such as http://127.0.0.1:8545",
        ),
        (["kernel", "show", "kernels"], "kernels"),
        (["content", "get", "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"], "bafybei"),
        (["content", "get", "QmNope"], "QmNope"),
    ],
)
def test_what_cannot_be_done_ends_with_code_1_and_says_what_and_where(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIVM_STORE", str(tmp_path))
    result = aivm(*arguments, code=1)
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_values_are_shown_for_people(capsys: pytest.CaptureFixture[str]):
    show_facts({"on": True, "off": False, "nothing": None, "inputs": {"image": "U8"}, "key": b"\x01"}, as_json=False)
    assert [line.split("  ")[-1].strip() for line in capsys.readouterr().out.splitlines()] == [
        "yes",
        "no",
        "-",
        "image: U8",
        "0x01",
    ]


def test_log_lines_are_never_wrapped():
    code = (
        "import logging; from registry.cli.main import main\n"
        "try: main(['kernel', 'show', '--schema'])\n"
        "except SystemExit: logging.getLogger('registry.x').warning('job 0x%s', 'ab' * 300)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.endswith(f" WARNING job 0x{'ab' * 300}\n")


def test_a_linted_file_with_hidden_randomness_ends_with_code_1_and_a_remedy(tmp_path: Path):
    node = helper.make_node("RandomNormal", [], ["y"], shape=[2])
    graph = helper.make_graph([node], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])])
    path = tmp_path / "random.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    findings = json.loads(aivm("kernel", "lint", path, "--json", code=1).stdout)
    assert any("RandomNormal" in finding["message"] + finding["where"] for finding in findings)
    assert all(finding["remedy"] for finding in findings)
    assert aivm("kernel", "lint", DIGITS).stdout.endswith("nothing found\n")


def test_help_does_not_import_a_chain_client():

    code = (
        "import sys; from registry.cli.main import main; main(['--help'], standalone_mode=False); "
        "sys.exit(bool({'web3', 'onnx', 'eth_account'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=ROOT).returncode == 0
