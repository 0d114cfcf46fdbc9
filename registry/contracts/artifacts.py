"""The compiled contracts that come with the package: interface and bytecode. No compiler is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from registry.contracts.abi import Interface
from registry.errors import ArtifactError


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One compiled contract.

    Attributes:
        name: the contract's name.
        source: the path of its source file.
        abi: its JSON ABI.
        bytecode: what creates it, without constructor arguments.
        deployed_bytecode: what lies at its address, immutable variables zero.
    """

    name: str
    source: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    deployed_bytecode: bytes

    @cached_property
    def interface(self) -> Interface:
        """The parsed ABI."""
        return Interface(self.abi)


def parse(text: str, where: str) -> Artifact:
    """Reads an artifact file.

    Raises:
        ArtifactError: when it is not one.
    """
    try:
        entry = json.loads(text)
        return Artifact(
            name=entry["contractName"],
            source=entry["sourceName"],
            abi=tuple(entry["abi"]),
            bytecode=bytes.fromhex(entry["bytecode"].removeprefix("0x")),
            deployed_bytecode=bytes.fromhex(entry["deployedBytecode"].removeprefix("0x")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{where} is not an artifact: {error}", hint="Run `make artifacts`.") from error


@cache
def artifact(name: str) -> Artifact:
    """The artifact of a contract.

    Raises:
        ArtifactError: when the package has none of that name, or it is damaged.
    """
    entry = files("registry") / "artifacts" / f"{name}.json"
    if not entry.is_file():
        raise ArtifactError(f"there is no artifact of a contract {name}", hint="Run `make artifacts`.")
    return parse(entry.read_text(encoding="utf-8"), f"{name}.json")


@cache
def all_artifacts() -> tuple[Artifact, ...]:
    """Every artifact of the package, by name."""
    folder = files("registry") / "artifacts"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return tuple(artifact(name.removesuffix(".json")) for name in names)
