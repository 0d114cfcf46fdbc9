"""Solidity that only tests need, compiled when they run."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import solcx

from registry.contracts.artifacts import Artifact, parse
from registry.contracts.contract import Contract, creation

ROOT = Path(__file__).resolve().parents[2]


@cache
def compiled(name: str, profile: str = "default") -> Artifact:
    """The artifact of contracts/test/harness/NAME.sol, with the project's compiler and a profile's settings."""
    profiles = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]
    chosen = profiles["default"] | profiles[profile]
    source = f"contracts/test/harness/{name}.sol"
    request = {
        "language": "Solidity",
        "sources": {source: {"content": (ROOT / source).read_text()}},
        "settings": {
            "evmVersion": chosen["evm_version"],
            "optimizer": {"enabled": True, "runs": 200},
            "remappings": chosen["remappings"],
            "outputSelection": {"*": {name: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
        },
    }
    compiler = ROOT / "scripts" / "solc.cjs"
    output = solcx.compile_standard(request, solc_binary=compiler, base_path=str(ROOT), allow_paths=[str(ROOT)])
    made = output["contracts"][source][name]
    artifact = {
        "contractName": name,
        "sourceName": source,
        "abi": made["abi"],
        "bytecode": made["evm"]["bytecode"]["object"],
        "deployedBytecode": made["evm"]["deployedBytecode"]["object"],
    }
    return parse(json.dumps(artifact), name)


def deployed(name: str, chain: Any, deployer: Any, profile: str = "default") -> Contract:
    """A harness on a chain, to be read by `read`."""
    artifact = compiled(name, profile)
    made = chain.transact(creation(artifact), sender=deployer)
    contract = Contract.__new__(Contract)
    contract.NAME = name
    contract.chain, contract.address, contract.artifact, contract.block = chain, made.contract, artifact, "latest"
    return contract


def read_many(contract: Contract, name: str, cases: list[tuple[Any, ...]], *, batch: int = 250) -> list[Any]:
    """What a function returns for each tuple of arguments, as of now, many calls in one exchange."""
    entry = contract.function(name)
    answers = []
    for start in range(0, len(cases), batch):
        calls = [contract.prepare(name, *arguments) for arguments in cases[start : start + batch]]
        params = [({"to": call.to, "data": "0x" + call.data.hex()}, "pending") for call in calls]
        for answer in contract.chain.rpc.batch([("eth_call", param) for param in params]):
            if isinstance(answer, Exception):
                raise answer
            answers.append(entry.decode_outputs(bytes.fromhex(answer.removeprefix("0x"))))
    return answers
