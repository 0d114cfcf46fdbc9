"""Whether the tests notice a mutant."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from artifacts import Artifacts
from bench import Bench, BenchError, benched
from compiler import Bytecode, CompilationError, Compiler, Program, Target
from suites import stages

if TYPE_CHECKING:
    from mutants import Mutant

#: Seconds of processor time for a stage; all suites take less than thirty. Who waits notices an endless loop.
PATIENCE = 90
#: Tests of gas and of a contract's size: neither is behaviour, and a mutant that is only dearer or longer is none.
NOT_ASKED = "Gas|CodeFits"
#: What forge says of a bench that is broken; no test of anything.
_NO_VERDICT = ("no matching artifact", "vm.getCode", "vm.deployCode", "failed to read")
#: An optimizer that leaves some out; it finds something to do in any contract.
_OTHERWISE = {"runs": 1, "details": {"inliner": False}}


class Verdict(StrEnum):
    """What became of a mutant."""

    INVALID = "invalid"  # does not compile
    EQUAL = "equal"  # the same bytecode
    KILLED = "killed"
    TIMEOUT = "timeout"  # killed, by the clock
    SURVIVED = "survived"


class EndlessError(RuntimeError):
    """The suites took more processor time than they may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A verdict and how it came about.

    Attributes:
        verdict: the verdict.
        by: the test that failed first, empty where none did.
        why: what it said.
        seconds: how long all of it took.
    """

    verdict: Verdict
    by: str = ""
    why: str = ""
    seconds: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether the mutant is one: it compiles, into other bytecode."""
        return self.verdict not in {Verdict.INVALID, Verdict.EQUAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run of forge said.

    Attributes:
        tests: how many ran, by suite.
        failure: one that failed and why, or None.
    """

    tests: Counter[str]
    failure: tuple[str, str] | None


class Judge:
    """Tries mutants in a bench, one at a time.

    Args:
        bench: where; prepared.
        compiler: by what.
        tests: the suites that are asked, and how many tests each has, which all pass without a mutant: from `baseline`.
    """

    def __init__(self, bench: Bench, compiler: Compiler, tests: Counter[str]) -> None:
        self._bench = bench
        self._compiler = compiler
        self._tests = tests
        self._artifacts = Artifacts(bench.folder / "out")
        self._program = Program.recorded(bench.memory)
        self._suites = sorted(tests)
        self._sees = {suite: self._program.closure({suite}) for suite in self._suites}

    def judge(self, mutant: Mutant) -> Trial:
        """Compiles a mutant and runs every suite that can see it, until a test fails.

        Raises:
            BenchError: when forge does not run the tests that it ran without a mutant.
        """
        start = time.monotonic()
        verdict, by, why = self._try(mutant)
        return Trial(verdict=verdict, by=by, why=why, seconds=time.monotonic() - start)

    def _try(self, mutant: Mutant) -> tuple[Verdict, str, str]:
        source = mutant.source
        changed = {source: mutant.of(self._program.sources[source])}
        compiled: set[Target] = set()
        different: set[Target] = set()
        try:
            for stage in self._stages(source):
                targets = self._targets(source, stage) - compiled
                codes = self._compiler.compile(self._program, targets, changed) if targets else {}
                compiled |= targets
                new = {target: code for target, code in codes.items() if code != self._artifacts.bytecode(target)}
                different |= new.keys()
                if different & self._targets(source, stage):
                    self._artifacts.exchange(new)
                    failure = self._run(stage)
                    if failure is not None:
                        return Verdict.KILLED, *failure
        except CompilationError as error:
            return Verdict.INVALID, "", str(error).strip().splitlines()[0]
        except EndlessError as error:
            return Verdict.TIMEOUT, "", str(error)
        finally:
            self._artifacts.restore(different)
        return (Verdict.SURVIVED if different else Verdict.EQUAL), "", ""

    def control(self, sources: list[str]) -> None:
        """Tries the harness: what has to survive, survives.

        What this compiler makes of the sources has to be what forge made of them, and all tests have to pass over other
        bytecode that does the same: the sources compiled by another setting of the optimizer.

        Raises:
            BenchError: when one of it is not so.
        """
        optimizer = {**self._program.settings["optimizer"], **_OTHERWISE}
        otherwise = Program(sources=self._program.sources, settings={**self._program.settings, "optimizer": optimizer})
        targets = set().union(*(self._controlled(source) for source in sources))
        for target, code in self._compiler.compile(self._program, targets, {}).items():
            if code != self._artifacts.bytecode(target):
                raise BenchError(f"{target.source}:{target.name} compiles into other bytecode than forge's")
        others = self._compiler.compile(otherwise, targets, {})
        if all(code == self._artifacts.bytecode(target) for target, code in others.items()):
            raise BenchError("another setting of the optimizer makes no other bytecode: nothing is controlled")
        self._expect_survival(others)

    def _controlled(self, source: str) -> set[Target]:
        """The contracts with a source's code in them, and tests where it is in no contract."""
        holding = self._artifacts.holding(source)
        deployed = {target for target in holding if target.source.startswith("contracts/") and target.source != source}
        return deployed or self._targets(source, self._stages(source)[0])

    def _expect_survival(self, codes: dict[Target, Bytecode]) -> None:
        self._artifacts.exchange(codes)
        try:
            failure = self._run(self._suites)
        finally:
            self._artifacts.restore(set(codes))
        if failure is not None:
            raise BenchError(f"the contracts without a change, compiled otherwise, fail {failure[0]}: {failure[1]}")

    def _stages(self, source: str) -> list[list[str]]:
        """The suites to run one after another; one stage without any where no test sees the source."""
        return stages(source, [suite for suite in self._suites if source in self._sees[suite]]) or [[]]

    def _targets(self, source: str, stage: list[str]) -> set[Target]:
        """What has code of a source in it and is part of a stage."""
        if not stage:
            return self._artifacts.holding(source)
        seen = set().union(*(self._sees[suite] for suite in stage))
        return {target for target in self._artifacts.holding(source) if target.source in seen}

    def _run(self, stage: list[str]) -> tuple[str, str] | None:
        if not stage:
            return None
        report = run(self._bench, stage)
        tests = Counter({suite: self._tests[suite] for suite in stage})
        if report.failure is None and report.tests != tests:
            raise BenchError(f"other tests ran than without a mutant: {report.tests} instead of {tests}")
        return report.failure


def baseline(bench: Bench, *, invariants: bool = True) -> Counter[str]:
    """How many tests each suite has.

    Args:
        bench: where they are run.
        invariants: whether the stateful fuzz tests are among them, which take as long as all others together.

    Raises:
        BenchError: when one fails.
    """
    suites = [benched(name) for name in bench.project.tests() if name.endswith(".t.sol") and "Gas" not in name]
    report = run(bench, [suite for suite in suites if invariants or not suite.endswith(".invariants.t.sol")])
    if report.failure is not None or not report.tests:
        raise BenchError(f"without a mutant, {report.tests.total()} tests ran and failed: {report.failure}")
    return report.tests


def run(bench: Bench, suites: list[str]) -> Report:
    """Runs suites until a test fails.

    Raises:
        EndlessError: when they take too long.
        BenchError: when forge makes no report.
    """
    pattern = suites[0] if len(suites) == 1 else "{" + ",".join(suites) + "}"
    options = ("--json", "--fail-fast", "-j", "1", "--no-match-test", NOT_ASKED)
    done = bench.forge("test", *options, "--match-path", pattern, seconds=PATIENCE)
    if done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise EndlessError(f"more than {PATIENCE} s: {pattern}")
    return report_of(done.stdout, done.stderr, done.returncode)


def report_of(output: str, errors: str, code: int) -> Report:
    """Reads what `forge test --json` prints.

    Raises:
        BenchError: when it is no report of tests, or one of a broken bench.
    """
    line = next((line for line in output.splitlines() if line.startswith("{")), "")
    try:
        suites = json.loads(line)
    except json.JSONDecodeError:
        raise BenchError(f"forge ended with {code} and no report: {errors[-2000:]}") from None
    tests: Counter[str] = Counter()
    failed = []
    for suite, ran in suites.items():
        tests[suite.partition(":")[0]] += len(ran["test_results"])
        results = ran["test_results"].items()
        failed += [
            (f"{suite}.{test}", str(result.get("reason"))) for test, result in results if result["status"] == "Failure"
        ]
    if any(text in why for _, why in failed for text in _NO_VERDICT):
        raise BenchError(f"the bench is broken: {failed[0]}")
    if bool(failed) != bool(code):
        raise BenchError(f"forge ended with {code} and {len(failed)} failures: {errors[-2000:]}")
    return Report(tests=tests, failure=min(failed, default=None))
