"""Changes the contracts at random places and asks the tests whether they notice: `make mutate`.

    python scripts/mutate [--sample N] [--seed S] [--contract NAME]... [--minutes M] [--invariants]
        [--again] [--report]

Mutants are slither's (generate.py). Each is compiled alone, by a compiler that stays, without the contracts and tests
that it is not in; its bytecode takes the place of the original's in a copy of the project under out/mutate, and forge
runs the suites that can see it, those about its source first (suites.py), until a test fails. A mutant that does not
compile, or into the same bytecode, does not count. Before mutants are tried, the harness is: what it compiles of the
originals has to be forge's, the suites have to pass, and have to pass again over the originals compiled with another
setting of the optimizer. The stateful fuzz tests are only asked with --invariants: they take as long as all others.

What is found is written to out/mutate/journal.jsonl at once, and another call goes on. Exit code 1 if the harness is
broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import Bench, BenchError, Project
from compiler import Compiler, Program
from journal import Entry, Journal
from mutants import Mutant, generate, sampled
from score import Estimate, Stratum
from trial import Judge, Trial, Verdict, baseline

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "out" / "mutate"
SLITHER = ROOT / ".venv" / "slither" / "bin" / "python"


class Campaign:
    """Mutants in the order in which they are tried, and what is known of them.

    Args:
        bench: one of the benches.
        mutants: in that order.
        journal: what is known.
        limit: how many that count are enough.
        deadline: when no more is begun, on the monotonic clock.
        again: whether survivors of an earlier state of the tests are tried again.
        invariants: whether the stateful fuzz tests are asked.
    """

    def __init__(
        self,
        *,
        bench: Bench,
        mutants: list[Mutant],
        journal: Journal,
        limit: int,
        deadline: float,
        again: bool,
        invariants: bool,
    ) -> None:
        self._digest = bench.digest
        self._journal = journal
        self._limit = limit
        self._deadline = deadline
        self._again = again
        self._invariants = invariants
        self._texts = {mutant.source: (bench.folder / mutant.source).read_text() for mutant in mutants}
        self._mutants = {mutant.name(self._texts[mutant.source]): mutant for mutant in mutants}
        self._todo = iter(self._mutants.items())
        self._lock = threading.Lock()
        self._counted = 0

    def run(self, benches: list[Bench]) -> None:
        """Tries them, in each bench one at a time.

        Raises:
            BenchError: when the harness is broken.
        """
        tests = self._controlled(benches[0])
        with ThreadPoolExecutor(len(benches)) as pool:
            for done in [pool.submit(self._work, bench, tests) for bench in benches]:
                done.result()

    def _controlled(self, bench: Bench) -> Counter[str]:
        """How many tests each suite has.

        The harness is tried with the sources that are about to be changed, once for each state of the project.
        """
        record = bench.memory / f"control{'-invariants' * self._invariants}.json"
        known = json.loads(record.read_text()) if record.exists() else {"tests": {}, "sources": []}
        known["tests"] = known["tests"] or dict(baseline(bench, invariants=self._invariants))
        record.write_text(json.dumps(known))
        new = sorted({mutant.source for mutant in self._mutants.values()} - set(known["sources"]))
        if new:
            with Compiler(ROOT) as compiler:
                Judge(bench, compiler, Counter(known["tests"])).control(new)
            known["sources"] = sorted({*known["sources"], *new})
            record.write_text(json.dumps(known))
        return Counter(known["tests"])

    def _work(self, bench: Bench, tests: Counter[str]) -> None:
        try:
            with Compiler(ROOT) as compiler:
                judge = Judge(bench, compiler, tests)
                while (one := self._next()) is not None:
                    self._record(*one, judge.judge(one[1]))
        except BaseException:
            self._deadline = 0.0  # the others stop too
            raise

    def _next(self) -> tuple[str, Mutant] | None:
        """The next without a verdict."""
        with self._lock:
            for name, mutant in self._todo:
                if self._counted >= self._limit or time.monotonic() > self._deadline:
                    return None
                known = self._journal.entries.get(name)
                if known is None or (self._again and known.survived_other_tests(self._digest)):
                    return name, mutant
                self._counted += known.trial.counts
            return None

    def _record(self, name: str, mutant: Mutant, trial: Trial) -> None:
        with self._lock:
            self._counted += trial.counts
        self._journal.add(Entry(name=name, trial=trial, tests=self._digest))
        print(f"{trial.verdict:9}{trial.seconds:6.1f} s  {name}  {mutant.source}:{mutant.line}  {trial.by}", flush=True)

    def strata(self) -> dict[str, Stratum]:
        """What is known, by source."""
        sizes: Counter[str] = Counter()
        verdicts: dict[str, Counter[Verdict]] = defaultdict(Counter)
        for name, mutant in self._mutants.items():
            sizes[mutant.source] += 1
            if name in self._journal.entries:
                verdicts[mutant.source][self._journal.entries[name].trial.verdict] += 1
        return {source: Stratum(mutants=size, verdicts=verdicts[source]) for source, size in sorted(sizes.items())}

    def survivors(self) -> list[tuple[str, Mutant, str]]:
        """Those that no test noticed: name, mutant, and the change as a diff."""
        found = [
            (name, mutant, mutant.difference(self._texts[mutant.source]))
            for name, mutant in self._mutants.items()
            if name in self._journal.entries and self._journal.entries[name].trial.verdict is Verdict.SURVIVED
        ]
        return sorted(found, key=lambda one: (one[1].source, one[1].start, one[0]))


def table(strata: dict[str, Stratum]) -> str:
    """The figures as a table in Markdown, the estimate below."""
    lines = [
        "| source | mutants | tried | count | killed | survived | killed of those that count |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for source, stratum in strata.items():
        share = f"{stratum.killed / stratum.counted:.0%}" if stratum.counted else ""
        survived = stratum.verdicts[Verdict.SURVIVED]
        figures = f"{stratum.mutants} | {stratum.tried} | {stratum.counted} | {stratum.killed} | {survived} | {share}"
        lines.append(f"| `{source.removeprefix('contracts/')}` | {figures} |")
    tried = list(strata.values())
    counted, killed = sum(s.counted for s in tried), sum(s.killed for s in tried)
    if counted:
        estimate = Estimate.of(tried)
        all_of_them, of_these = sum(s.mutants for s in tried), sum(s.tried for s in tried)
        lines += ["", f"Of {all_of_them} mutants {of_these} were tried; {counted} count, {killed} are killed."]
        bounds = f"{estimate.low:.1%} to {estimate.high:.1%}"
        lines += [f"Weighed by source: {estimate.share:.1%} ({bounds}) of those that count."]
    return "\n".join(lines)


def selected(project: Project, names: list[str]) -> list[str]:
    """The sources to change: all that hold code, or those that are named, `A` or `contracts/A.sol`.

    Raises:
        SystemExit: when one is not there.
    """
    sources = [name for name in project.sources() if "/interfaces/" not in name]
    for name in names:
        if not any(name in {source, Path(source).stem} for source in sources):
            raise SystemExit(
                f"no source is called {name}; there are {', '.join(Path(source).stem for source in sources)}"
            )
    return [source for source in sources if not names or source in names or Path(source).stem in names]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--sample", type=int, default=sys.maxsize, metavar="N", help="as many mutants that count (default: all)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which sample (default: 1)")
    parser.add_argument(
        "--contract", action="append", default=[], metavar="NAME", help="only this source; may be repeated"
    )
    parser.add_argument(
        "--minutes", type=float, default=10_000.0, metavar="M", help="begin nothing after so many minutes"
    )
    parser.add_argument("--jobs", type=int, default=2, choices=(1, 2), help="mutants at a time (default: 2)")
    parser.add_argument("--invariants", action="store_true", help="ask the stateful fuzz tests too")
    parser.add_argument("--again", action="store_true", help="try survivors again that other tests have not noticed")
    parser.add_argument("--report", action="store_true", help="try nothing, tell what is known")
    arguments = parser.parse_args()
    forge = next((ROOT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"))
    project = Project(root=ROOT, forge=forge)
    benches = [Bench(project, FOLDER / f"bench{number}") for number in range(arguments.jobs)]
    for bench in benches:
        bench.prepare()
    sources = selected(project, arguments.contract)
    found, warnings = generate(SLITHER, benches[0].folder, sources, Program.recorded(benches[0].memory).settings)
    print(*warnings, sep="\n", file=sys.stderr)
    campaign = Campaign(
        bench=benches[0],
        mutants=sampled(found, arguments.seed),
        journal=Journal(FOLDER / "journal.jsonl"),
        limit=arguments.sample,
        deadline=time.monotonic() + 60 * arguments.minutes,
        again=arguments.again,
        invariants=arguments.invariants,
    )
    failure = None
    try:
        if not arguments.report:
            campaign.run(benches)
    except BenchError as error:
        failure = error
    for name, mutant, difference in campaign.survivors():
        print(f"\n{name} {mutant.source}:{mutant.line} {' '.join(mutant.mutators)}\n{difference}")
    print(f"\n{table(campaign.strata())}")
    if failure:
        print(f"\nthe harness is broken: {failure}", file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
