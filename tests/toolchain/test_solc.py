"""scripts/solc.cjs: npm's compiler as a command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPILER = ROOT / "scripts" / "solc.cjs"


def run(*arguments, stdin=""):
    return subprocess.run(
        ["node", str(COMPILER), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def standard_json(sources):
    return json.dumps(
        {
            "language": "Solidity",
            "sources": {name: {"content": content} for name, content in sources.items()},
            "settings": {"outputSelection": {"*": {"*": ["evm.bytecode.object"]}}},
        }
    )


def test_it_tells_the_version_that_package_json_pins():
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Version: {pinned}+commit." in done.stdout


@pytest.mark.parametrize(
    "flag", [["--base-path", "{}"], ["--base-path={}"], ["--base-path", "/nowhere", "--include-path", "{}"]]
)
def test_it_finds_imports_below_its_roots(tmp_path, flag):
    (tmp_path / "B.sol").write_text("pragma solidity 0.8.37; contract B {}")
    source = 'pragma solidity 0.8.37; import {B} from "B.sol"; contract A is B {}'
    done = run("--standard-json", *(part.format(tmp_path) for part in flag), stdin=standard_json({"A.sol": source}))
    assert done.returncode == 0
    compiled = json.loads(done.stdout)
    assert compiled["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"]


def test_it_reads_nothing_outside_its_roots(tmp_path):
    (tmp_path / "Secret.sol").write_text("contract Secret {}")
    (tmp_path / "root").mkdir()
    source = 'import "../Secret.sol"; contract A {}'
    done = run("--standard-json", "--base-path", tmp_path / "root", stdin=standard_json({"x/y.sol": source}))
    assert any("not found" in error["message"] for error in json.loads(done.stdout)["errors"])


def test_it_hands_on_the_compilers_errors():
    done = run("--standard-json", stdin=standard_json({"A.sol": "contract A { uint x = true; }"}))
    errors = json.loads(done.stdout)["errors"]
    assert any(error["type"] == "TypeError" for error in errors)


@pytest.mark.parametrize("arguments", [[], ["--combined-json", "abi"], ["--base-path"], ["--standard-json", "a", "b"]])
def test_what_it_cannot_do_is_an_error(arguments):
    done = run(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("solc.cjs: ")
    assert done.stdout == ""
