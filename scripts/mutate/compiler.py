"""Compiling a mutant: only the bytecode that a changed source can be in, by a compiler that stays."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

_SERVER = Path(__file__).with_name("compiler.cjs")
_IMPORT = re.compile(r'(?:from|import)\s+"([^"]+)"')
#: So many compilations a process: WebAssembly's memory grows and is never given back.
_ENDURANCE = 200


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Target:
    """A contract that can be deployed, by its source and its name."""

    source: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytecode:
    """Hexadecimal, without a prefix."""

    creation: str
    runtime: str


class CompilationError(RuntimeError):
    """The sources do not compile; the message is the compiler's first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Sources and settings as forge gave them to the compiler: in tests, deployments are from artifacts already."""

    sources: dict[str, str]
    settings: dict[str, Any]

    @classmethod
    def recorded(cls, memory: Path) -> Program:
        """What forge last compiled whole, from the folder where solc.cjs keeps its inputs."""
        inputs = [
            json.loads(path.read_text()) for path in sorted(memory.glob("*.input"), key=lambda p: p.stat().st_mtime)
        ]
        builds = [one for one in inputs if any("evm.bytecode.object" in kinds for kinds in _outputs(one))]
        last = builds[-1]
        return cls(sources={name: file["content"] for name, file in last["sources"].items()}, settings=last["settings"])

    def closure(self, names: set[str]) -> set[str]:
        """These sources and all that they import."""
        found: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += [self._resolved(name, imported) for imported in _IMPORT.findall(self.sources[name])]
        return found

    def _resolved(self, importer: str, imported: str) -> str:
        if imported.startswith("."):
            return posixpath.normpath(posixpath.join(posixpath.dirname(importer), imported))
        for remapping in self.settings.get("remappings", []):
            prefix, _, target = remapping.partition("=")
            if imported.startswith(prefix):
                return f"{target}{imported.removeprefix(prefix)}"
        return imported


def _outputs(request: dict[str, Any]) -> list[list[str]]:
    return [kinds for file in request["settings"]["outputSelection"].values() for kinds in file.values()]


class Compiler:
    """A solc process; use it in a `with`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[str] | None = None
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def compile(self, program: Program, targets: set[Target], changed: dict[str, str]) -> dict[Target, Bytecode]:
        """The bytecode of these targets, where some sources are changed.

        Raises:
            CompilationError: when they do not compile.
        """
        names = program.closure({target.source for target in targets})
        selection: dict[str, dict[str, list[str]]] = {}
        for target in targets:
            wanted = ["evm.bytecode.object", "evm.deployedBytecode.object"]
            selection.setdefault(target.source, {})[target.name] = wanted
        answer = self._ask(
            {
                "language": "Solidity",
                "sources": {name: {"content": changed.get(name, program.sources[name])} for name in sorted(names)},
                "settings": {**program.settings, "outputSelection": selection},
            }
        )
        errors = [error for error in answer.get("errors", []) if error["severity"] == "error"]
        if errors:
            raise CompilationError(errors[0]["formattedMessage"])
        found = {target: answer["contracts"][target.source][target.name]["evm"] for target in targets}
        return {
            target: Bytecode(creation=evm["bytecode"]["object"], runtime=evm["deployedBytecode"]["object"])
            for target, evm in found.items()
        }

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._process is None or self._done >= _ENDURANCE:
            self._stop()
            command = ["node", str(_SERVER)]
            self._process = subprocess.Popen(
                command, cwd=self._root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._done = 0
        self._done += 1
        if self._process.stdin is None or self._process.stdout is None:
            raise CompilationError("the compiler has no pipes")
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._stop()
            raise CompilationError("the compiler ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
