"""Compiles the contracts into registry/artifacts, which are package data: a Python user needs no compiler.

``scripts/build_artifacts.py`` writes them, ``--check`` compares them with a fresh compilation and changes nothing.
The compiler is npm's solc behind ``scripts/solc.cjs``; its settings are those of ``foundry.toml``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
COMPILER = ROOT / "scripts" / "solc.cjs"
DESTINATION = ROOT / "registry" / "artifacts"
#: Interfaces without bytecode whose ABI a client needs by itself.
INTERFACES = ("IInferenceConsumer",)


def settings() -> dict[str, Any]:
    """The compiler settings of foundry.toml, as solc's standard JSON names them."""
    profile = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    return {
        "evmVersion": profile["evm_version"],
        "metadata": {"bytecodeHash": profile["bytecode_hash"]},
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "remappings": profile["remappings"],
        "viaIR": profile["via_ir"],
    }


def compile_contracts() -> tuple[str, dict[str, dict[str, Any]]]:
    """Compiles every contract that is not a test.

    Returns:
        The compiler's version, and what it made of each source: ``{source name: {contract name: output}}``.

    Raises:
        solcx.exceptions.SolcError: when a contract does not compile.
    """
    files = sorted(path for path in (ROOT / "contracts").rglob("*.sol") if "test" not in path.relative_to(ROOT).parts)
    sources = {path.relative_to(ROOT).as_posix(): {"content": path.read_text()} for path in files}
    outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"]
    request = {
        "language": "Solidity",
        "sources": sources,
        "settings": {**settings(), "outputSelection": {"*": {"*": outputs}}},
    }
    compiled: dict[str, dict[str, Any]] = solcx.compile_standard(
        request, solc_binary=COMPILER, base_path=str(ROOT), allow_paths=[str(ROOT)]
    )["contracts"]
    own = {name: contracts for name, contracts in compiled.items() if name in sources}
    first = next(contract for contracts in own.values() for contract in contracts.values() if contract["metadata"])
    return json.loads(first["metadata"])["compiler"]["version"], own


def is_published(source: str, name: str) -> bool:
    """Whether a contract gets an artifact: what is deployed, the examples, and interfaces that clients need."""
    path = Path(source)
    if name != path.stem:
        return False
    return path.parent.as_posix() in {"contracts", "contracts/examples"} or name in INTERFACES


def build() -> dict[str, str]:
    """The artifacts: file name to JSON text, the same for the same sources on every machine."""
    version, compiled = compile_contracts()
    artifacts = {}
    for source, contracts in sorted(compiled.items()):
        for name, output in contracts.items():
            if not is_published(source, name):
                continue
            artifact = {
                "contractName": name,
                "sourceName": source,
                "abi": output["abi"],
                "bytecode": "0x" + output["evm"]["bytecode"]["object"],
                "deployedBytecode": "0x" + output["evm"]["deployedBytecode"]["object"],
                "compiler": {"version": version, "settings": settings()},
            }
            if f"{name}.json" in artifacts:
                message = f"two contracts are called {name}: the second is in {source}"
                raise ValueError(message)
            artifacts[f"{name}.json"] = json.dumps(artifact, indent=1) + "\n"
    return artifacts


def differences(artifacts: dict[str, str], directory: Path) -> list[str]:
    """What is wrong with the files in ``directory``, one line each."""
    present = {path.name: path.read_text() for path in directory.glob("*.json")}
    return [
        *(f"{name} is missing" for name in sorted(artifacts.keys() - present.keys())),
        *(f"{name} belongs to no contract" for name in sorted(present.keys() - artifacts.keys())),
        *(f"{name} differs" for name in sorted(artifacts.keys() & present.keys()) if artifacts[name] != present[name]),
    ]


def write(artifacts: dict[str, str], directory: Path) -> None:
    """Makes ``directory`` hold exactly these artifacts; untouched files keep their times."""
    directory.mkdir(parents=True, exist_ok=True)
    for stale in {path.name for path in directory.glob("*.json")} - artifacts.keys():
        (directory / stale).unlink()
    for name, text in artifacts.items():
        path = directory / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing; exit 1 when they differ")
    parser.add_argument("--directory", type=Path, default=DESTINATION, help="where the artifacts are")
    arguments = parser.parse_args()
    try:
        artifacts = build()
    except solcx.exceptions.SolcError as error:
        print(error, file=sys.stderr)
        return 1
    if not arguments.check:
        write(artifacts, arguments.directory)
        print(f"{len(artifacts)} artifacts in {arguments.directory}: {', '.join(sorted(artifacts))}")
        return 0
    found = differences(artifacts, arguments.directory)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("run scripts/build_artifacts.py and commit what it writes", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
