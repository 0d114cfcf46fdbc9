"""The committed artifacts are what py-solc-x, Hardhat and forge make of the contracts, byte for byte."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "registry" / "artifacts"
SCRIPT = ROOT / "scripts" / "build_artifacts.py"
DEPLOYED = {
    "Appeals",
    "KernelRegistry",
    "ValidatorStaking",
    "VrfCoordinator",
    "Timelock",
    "MarketParameters",
    "JobMarket",
}


def committed():
    artifacts = [json.loads(path.read_text()) for path in sorted(ARTIFACTS.glob("*.json"))]
    return {artifact["contractName"]: artifact for artifact in artifacts}


def run(*command):
    return subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


def with_bytecode():
    return {name: artifact for name, artifact in committed().items() if artifact["bytecode"] != "0x"}


def test_the_contracts_and_the_examples_are_there():
    examples = {path.stem for path in (ROOT / "contracts" / "examples").glob("*.sol")}
    assert DEPLOYED | examples | {"IInferenceConsumer"} == committed().keys()
    assert with_bytecode().keys() >= DEPLOYED


def test_py_solc_x_makes_the_committed_artifacts():
    done = run(sys.executable, SCRIPT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_a_missing_and_a_stray_artifact_are_named(tmp_path):
    for path in ARTIFACTS.glob("*.json"):
        shutil.copy(path, tmp_path)
    market = tmp_path / "JobMarket.json"
    market.write_text(market.read_text().replace('"bytecode": "0x', '"bytecode": "0x00'))
    (tmp_path / "KernelRegistry.json").unlink()
    (tmp_path / "Stray.json").write_text("{}")
    done = run(sys.executable, SCRIPT, "--check", "--directory", tmp_path)
    assert done.returncode == 1
    named = done.stderr.splitlines()
    assert named[:3] == [
        "KernelRegistry.json is missing",
        "Stray.json belongs to no contract",
        "JobMarket.json differs",
    ]


def test_artifacts_name_nothing_of_the_machine_that_built_them():
    for path in ARTIFACTS.glob("*.json"):
        assert str(ROOT) not in path.read_text()


@pytest.mark.parametrize("name", sorted(DEPLOYED))
def test_contracts_fit_on_a_chain(name):
    """EIP-170 and EIP-3860."""
    artifact = committed()[name]
    assert len(artifact["deployedBytecode"]) // 2 - 1 <= 24_576
    assert len(artifact["bytecode"]) // 2 - 1 <= 49_152


def test_hardhat_makes_the_same_bytecode():
    done = run("npx", "--no-install", "hardhat", "build", "--no-tests")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, artifact in with_bytecode().items():
        built = json.loads((ROOT / "out" / "hardhat" / artifact["sourceName"] / f"{name}.json").read_text())
        assert built["abi"] == artifact["abi"], name
        assert built["bytecode"] == artifact["bytecode"], name
        assert built["deployedBytecode"] == artifact["deployedBytecode"], name


def test_forge_makes_the_same_bytecode(tmp_path):
    folders = ["--out", tmp_path / "out", "--cache-path", tmp_path / "cache"]
    done = run(
        "npx",
        "--no-install",
        "forge",
        "build",
        "contracts/examples",
        *sorted((ROOT / "contracts").glob("*.sol")),
        *folders,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name, artifact in with_bytecode().items():
        built = json.loads((tmp_path / "out" / f"{name}.sol" / f"{name}.json").read_text())
        assert built["bytecode"]["object"] == artifact["bytecode"], name
        assert built["deployedBytecode"]["object"] == artifact["deployedBytecode"], name
