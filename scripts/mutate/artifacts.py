"""forge's artifacts of a bench: which of them a source's code is in, and putting other bytecode into them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from bench import BenchError
from compiler import Bytecode, Target

if TYPE_CHECKING:
    from pathlib import Path


class Artifacts:
    """What forge built in a bench.

    Args:
        folder: forge's `out`.
    """

    def __init__(self, folder: Path) -> None:
        self._paths: dict[Target, Path] = {}
        self._texts: dict[Target, str] = {}
        self._within: dict[str, set[Target]] = defaultdict(set)
        sources = _sources_by_number(folder)
        objects: dict[Target, str] = {}
        for path in sorted(folder.glob("*.sol/**/*.json")):
            text = path.read_text()
            artifact = json.loads(text)
            creation = artifact["bytecode"]["object"].removeprefix("0x")
            if not creation:
                continue  # an interface, or abstract
            ((source, name),) = artifact["metadata"]["settings"]["compilationTarget"].items()
            target = Target(source=source, name=name)
            self._paths[target], self._texts[target], objects[target] = path, text, creation
            for number in _files(artifact):
                if number in sources:
                    self._within[sources[number]].add(target)
        self._hosts = _hosts(objects)

    def holding(self, source: str) -> set[Target]:
        """The contracts that have code of a source in them: their own, inlined, or of a contract that they create."""
        found: set[Target] = set()
        todo = set(self._within[source])
        while todo:
            target = todo.pop()
            found.add(target)
            todo |= self._hosts[target] - found
        return found

    def bytecode(self, target: Target) -> Bytecode:
        """As forge compiled it."""
        artifact = json.loads(self._texts[target])
        return Bytecode(
            creation=artifact["bytecode"]["object"].removeprefix("0x"),
            runtime=artifact["deployedBytecode"]["object"].removeprefix("0x"),
        )

    def exchange(self, codes: dict[Target, Bytecode]) -> None:
        """Puts other bytecode into artifacts; forge takes it as its own."""
        for target, code in codes.items():
            artifact = json.loads(self._texts[target])
            artifact["bytecode"]["object"] = f"0x{code.creation}"
            artifact["deployedBytecode"]["object"] = f"0x{code.runtime}"
            self._paths[target].write_text(json.dumps(artifact))

    def restore(self, targets: set[Target]) -> None:
        """Undoes `exchange`."""
        for target in targets:
            self._paths[target].write_text(self._texts[target])


def _sources_by_number(folder: Path) -> dict[str, str]:
    builds = list((folder / "build-info").glob("*.json"))
    if len(builds) != 1:
        raise BenchError(
            f"{folder}: {len(builds)} builds in build-info, of which numbers of sources would have to be told apart"
        )
    numbers: dict[str, str] = json.loads(builds[0].read_text())["source_id_to_path"]
    return numbers


def _files(artifact: dict[str, Any]) -> set[str]:
    """The numbers of the sources in a contract's source maps, which name them only where they change."""
    maps = (artifact[kind].get("sourceMap") or "" for kind in ("bytecode", "deployedBytecode"))
    entries = (entry.split(":") for text in maps for entry in text.split(";"))
    return {entry[2] for entry in entries if len(entry) > 2 and entry[2]}


def _hosts(objects: dict[Target, str]) -> dict[Target, set[Target]]:
    """Of each contract, those with its whole creation code in theirs."""
    return {
        inner: {outer for outer, code in objects.items() if outer != inner and own in code}
        for inner, own in objects.items()
    }
