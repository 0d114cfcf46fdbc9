"""A copy of a forge project in which a contract's bytecode can be exchanged without compiling anything again.

forge's `dynamic_test_linking` lets tests take what they deploy from the artifacts. It works only where the tests lie
outside the sources' folder, so a bench has them beside it, with their imports written anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

COMPILER = Path(__file__).with_name("solc.cjs")
_IMPORT = re.compile(r'(from\s+|import\s+)"(\.[^"]*)"')


class BenchError(RuntimeError):
    """The unmutated project does not build, or forge says nothing that a verdict can be made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A forge project: sources in `contracts`, tests in `contracts/test`.

    Attributes:
        root: its folder, with foundry.toml.
        forge: the command.
    """

    root: Path
    forge: Path

    def sources(self) -> list[str]:
        """What is deployed or linked into it, `contracts/A.sol`: all but the tests, in order."""
        return [name for name in self._files() if not name.startswith("contracts/test/")]

    def tests(self) -> list[str]:
        """The tests and what they are made with, in order."""
        return [name for name in self._files() if name.startswith("contracts/test/")]

    def _files(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in (self.root / "contracts").rglob("*.sol"))


def benched(source: str) -> str:
    """Where a bench has a file of the project: `contracts/test/a/B.t.sol` is `test/a/B.t.sol` there."""
    return source.removeprefix("contracts/") if source.startswith("contracts/test/") else source


def moved(name: str, text: str) -> str:
    """A test's text for its place in a bench: what it imports is named from the bench's root."""

    def anew(found: re.Match[str]) -> str:
        return f'{found[1]}"{benched(posixpath.normpath(posixpath.join(posixpath.dirname(name), found[2])))}"'

    return _IMPORT.sub(anew, text)


class Bench:
    """One copy, in which one forge runs at a time.

    Args:
        project: what it is a copy of.
        folder: where it is; `memory` beside it remembers compilations for all benches.
    """

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder
        self._texts = {benched(name): moved(name, (project.root / name).read_text()) for name in project.tests()}
        self._texts |= {name: (project.root / name).read_text() for name in project.sources()}
        self._texts["foundry.toml"] = (project.root / "foundry.toml").read_text()
        self._texts["solc.cjs"] = COMPILER.read_text()  # it has a say in what tests are made of
        self.digest = hashlib.sha256(json.dumps(self._texts, sort_keys=True).encode()).hexdigest()[:16]
        self.memory = folder.parent / "memory" / self.digest
        self._environment = {
            **os.environ,
            "FOUNDRY_SRC": "contracts",
            "FOUNDRY_TEST": "test",
            "FOUNDRY_OUT": "out",
            "FOUNDRY_CACHE_PATH": "cache",
            "FOUNDRY_SOLC": str(COMPILER),
            "FOUNDRY_DYNAMIC_TEST_LINKING": "true",
            "FOUNDRY_FUZZ_FAILURE_PERSIST_DIR": "cache/failures",
            "FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR": "cache/failures",
            "FORGE_SNAPSHOT_CHECK": "false",
            "FORGE_SNAPSHOT_EMIT": "false",
            "MUTATE_MEMORY": str(self.memory),
        }

    def prepare(self) -> None:
        """Builds the project as it is now, or takes what was built of it before; nothing of an earlier mutant stays.

        Raises:
            BenchError: when it does not build.
        """
        built = self.folder / "built"
        if not (built / self.digest).exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self._write()
            done = self.forge("build")
            if done.returncode:
                raise BenchError(f"{self.folder}: forge build failed:\n{done.stdout}{done.stderr}")
            shutil.copytree(self.folder / "out", built / self.digest)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        shutil.copytree(built / self.digest, self.folder / "out")

    def _write(self) -> None:
        for name, text in self._texts.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in ("node_modules", "tests"):
            if (self.project.root / name).exists():
                (self.folder / name).symlink_to(self.project.root / name)

    def forge(self, *arguments: str, seconds: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs forge in the bench.

        Args:
            arguments: what forge is asked.
            seconds: of processor time that it may take, after which the system ends it; 0 for any. Not of the clock:
                another program that keeps the processors busy must not look like an endless loop.
        """

        def bound() -> None:
            if seconds:
                resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

        shutil.rmtree(self.folder / "cache" / "failures", ignore_errors=True)
        return subprocess.run(
            [str(self.project.forge), *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=bound,
        )
