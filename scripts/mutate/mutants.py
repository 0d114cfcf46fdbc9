"""Mutants: what they change, where they come from, and which of them a sample holds."""

from __future__ import annotations

import difflib
import hashlib
import json
import random
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

GENERATOR = Path(__file__).with_name("generate.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one source.

    Attributes:
        source: the file, `contracts/A.sol`.
        line: where the statement begins that it changes.
        start, end: the bytes that it replaces.
        text: what takes their place.
        mutators: all that write it.
    """

    source: str
    line: int
    start: int
    end: int
    text: str
    mutators: tuple[str, ...]

    def of(self, original: str) -> str:
        """The source with the change."""
        whole = original.encode()
        return (whole[: self.start] + self.text.encode() + whole[self.end :]).decode()

    def name(self, original: str) -> str:
        """Twelve hexadecimal digits of a digest of the source and what it becomes."""
        parts = (self.source, original, self.of(original))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    def difference(self, original: str) -> str:
        """The change as a unified diff without context."""
        lines = difflib.unified_diff(
            original.splitlines(), self.of(original).splitlines(), self.source, self.source, lineterm="", n=0
        )
        return "\n".join(lines)


def generate(
    python: Path, folder: Path, sources: list[str], settings: dict[str, Any]
) -> tuple[list[Mutant], list[str]]:
    """All mutants of these sources, each once.

    Args:
        python: an interpreter that has slither.
        folder: where the sources and what they import are.
        sources: their names.
        settings: how they are compiled, in solc's terms.

    Returns:
        The mutants, by source and place, and what slither said of functions that a mutator gave up on.

    Raises:
        subprocess.CalledProcessError: when slither cannot read them.
    """
    request = json.dumps({"sources": sources, "settings": settings})
    command = [str(python.absolute()), str(GENERATOR)]
    done = subprocess.run(command, cwd=folder, input=request, capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    texts = {name: (folder / name).read_text() for name in sources}
    return merged(json.loads(done.stdout), texts), done.stderr.splitlines()


def merged(found: Iterable[dict[str, Any]], texts: dict[str, str]) -> list[Mutant]:
    """Mutants that make the same of a source are one; such as change nothing are none."""
    by_result: dict[tuple[str, str], tuple[dict[str, Any], set[str]]] = {}
    for one in found:
        whole = texts[one["source"]].encode()
        result = (whole[: one["start"]] + one["text"].encode() + whole[one["end"] :]).decode()
        if result != texts[one["source"]]:
            by_result.setdefault((one["source"], result), (one, set()))[1].add(one["mutator"])
    mutants = [
        Mutant(**{key: one[key] for key in ("source", "line", "start", "end", "text")}, mutators=tuple(sorted(names)))
        for one, names in by_result.values()
    ]
    return sorted(mutants, key=lambda mutant: (mutant.source, mutant.start, mutant.end, mutant.text))


def sampled(mutants: list[Mutant], seed: int) -> list[Mutant]:
    """The mutants in a random order, of which every beginning is a stratified sample: it has each source's share."""
    by_source: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_source[mutant.source].append(mutant)
    placed = []
    for source, own in by_source.items():
        order = random.Random(f"{seed} {source}")  # noqa: S311
        order.shuffle(own)
        offset = order.random()
        placed += [((index + offset) / len(own), mutant) for index, mutant in enumerate(own)]
    return [mutant for _, mutant in sorted(placed, key=lambda pair: (pair[0], pair[1].source))]
