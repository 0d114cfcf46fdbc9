"""Runs the repository's good kernels in many random environments: each output has to be the promised one.

    python scripts/false_alarms.py --runs 1000

A run is a process of its own in which every axis of the suite that this machine offers has a random value, or none, and
which computes all cases of a kernel. Run i is the same environment every time. The exit code is 1 if any output of any
run is not what the manifest promises: a good kernel would have been refused, or an honest validator slashed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aivm import kernel
from aivm.determinism import AXES, Choice, Subject, Wishes, of_kernel
from aivm.determinism.place import Place
from aivm.determinism.setting import REFERENCE, Setting
from aivm.errors import AivmError

KERNELS = Path(__file__).resolve().parents[1] / "kernels"
GOOD = ("digits", "scribble")
#: An emulated process takes a minute, a device may not be there, and another engine is another kernel.
LEFT_OUT = {"emulated", "gpu", "engine", "release", "restart"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A kernel in an environment."""

    subject: Subject
    name: str
    setting: Setting


def choices(subject: Subject, cache: Path) -> dict[str, list[Choice]]:
    """What this machine offers, by axis."""
    wishes = Wishes(cache=cache)
    offered = {
        axis.name: [found for found in axis.explore(subject, wishes) if isinstance(found, Choice)]
        for axis in AXES
        if axis.name not in LEFT_OUT
    }
    return {name: found for name, found in offered.items() if found}


def environment(subject: Subject, offered: dict[str, list[Choice]], number: int) -> Run:
    """Run number `number`: on each axis one of its values, or in one of three cases none."""
    source, setting, names = Random(number), REFERENCE, []  # noqa: S311 - not for secrets
    # An instruction set that a mask hides cannot be asked for, so one of both axes is left alone.
    alone = source.choice(["isa", "cpu"])
    for name, found in offered.items():
        if name == alone or source.random() < 1 / 3:
            continue
        choice = source.choice(found)
        setting = choice.setting.over(setting)
        names.append(choice.name)
    return Run(subject=subject, name=" ".join(names) or "reference", setting=setting)


def alarms(run: Run) -> list[str]:
    """What of the run's outputs is not as promised."""
    found = []
    try:
        with Place(run.subject, run.setting) as place:
            for case, promised in run.subject.expected.items():
                digest = place.run(case, {promised}).digest
                if digest != promised:
                    found.append(f"{run.subject.name} {case}: {digest.hex()} instead of {promised.hex()} in {run.name}")
    except AivmError as error:
        found.append(f"{run.subject.name}: {error.diagnostics()} in {run.name}")
    return found


def main() -> None:
    """Runs, and prints every alarm and how many there were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(chosen.jobs) as executor:
        subjects = [of_kernel(kernel.load(KERNELS / name)) for name in GOOD]
        offered = [choices(subject, Path(cache)) for subject in subjects]
        runs = [
            environment(subjects[number % len(GOOD)], offered[number % len(GOOD)], number)
            for number in range(chosen.first, chosen.first + chosen.runs)
        ]
        total, outputs = 0, 0
        for number, (run, found) in enumerate(zip(runs, executor.map(alarms, runs), strict=True), 1):
            outputs += len(run.subject.expected)
            total += len(found)
            for text in found:
                print(f"FALSE ALARM: {text}", flush=True)
            if number % 100 == 0:
                print(f"{number} runs, {outputs} outputs, {total} false alarms", flush=True)
    names = len({(run.subject.name, run.name) for run in runs})
    print(
        f"{chosen.runs} runs of {' and '.join(GOOD)} in {names} environments, {outputs} outputs: {total} false alarms"
    )
    sys.exit(bool(total))


if __name__ == "__main__":
    main()
