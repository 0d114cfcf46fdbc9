"""What a campaign has found, a line a mutant: it can be stopped at any time and goes on where it was."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from trial import Trial, Verdict

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A verdict on a mutant.

    Attributes:
        name: the mutant's.
        trial: the verdict.
        tests: the digest of the tests and contracts that it is of.
    """

    name: str
    trial: Trial
    tests: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """From the journal."""
        fields: dict[str, Any] = json.loads(line)
        trial = Trial(
            verdict=Verdict(fields["verdict"]), by=fields["by"], why=fields["why"], seconds=float(fields["seconds"])
        )
        return cls(name=fields["name"], trial=trial, tests=fields["tests"])

    def survived_other_tests(self, tests: str) -> bool:
        """Whether nothing killed it, while the tests were not these."""
        return self.trial.verdict is Verdict.SURVIVED and self.tests != tests

    def line(self) -> str:
        """For the journal."""
        trial = self.trial
        fields = {
            "name": self.name,
            "verdict": trial.verdict,
            "by": trial.by,
            "why": trial.why,
            "seconds": round(trial.seconds, 2),
        }
        return json.dumps({**fields, "tests": self.tests})


class Journal:
    """The file of verdicts. The last on a mutant counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        lines = path.read_text().splitlines() if path.exists() else []
        self.entries = {entry.name: entry for entry in map(Entry.parse, lines)}

    def add(self, entry: Entry) -> None:
        """Writes it at once."""
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(entry.line() + "\n")
            self.entries[entry.name] = entry
