"""scripts/mutate: a harness that kills everything, or nothing, would look like good tests, or bad ones."""

from __future__ import annotations

import dataclasses
import math
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts" / "mutate"))

import trial  # noqa: E402
from bench import Bench, BenchError, Project, moved  # noqa: E402
from compiler import Compiler  # noqa: E402
from journal import Entry, Journal  # noqa: E402
from mutants import Mutant, merged, sampled  # noqa: E402
from score import Estimate, Stratum  # noqa: E402
from trial import Judge, Trial, Verdict, baseline, report_of  # noqa: E402

PRAGMA = "// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\n"
TWICE = PRAGMA + "library Twice { function twice(uint256 n) internal pure returns (uint256) { return n + n; } }"
VAULT = (
    PRAGMA
    + """
import {Twice} from "./libraries/Twice.sol";
contract Vault {
    uint256 public held;
    constructor(uint256 seed) {
        require(seed < 10, "seed");
    }
    function put(uint256 n) external {
        require(n < 100, "too much");
        uint256 unused = Twice.twice(n);
        held = unused;
    }
    function least(uint256 a, uint256 b) external pure returns (uint256) {
        return a < b ? a : b;
    }
    function rest(uint256 n) external pure returns (uint256 sum) {
        for (uint256 i = 0; i < n; ++i) sum += i;
    }
}
"""
)
#: Runs over a vault that is deployed, and over a helper that the test itself creates, with the library's code within.
VAULT_TEST = (
    PRAGMA
    + """
import {Vault} from "../Vault.sol";
import {Twice} from "../libraries/Twice.sol";
contract Helper { function run(uint256 n) external pure returns (uint256) { return Twice.twice(n); } }
interface Vm { function expectRevert(bytes calldata why) external; }
contract VaultTest {
    Vault internal vault;
    function setUp() public { vault = new Vault(1); }
    function test_ASeedOfTenIsRefused() public {
        Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D).expectRevert("seed");
        new Vault(10);
    }
    function test_ItHoldsTwiceOfWhatIsPut() public { vault.put(21); require(vault.held() == 42, "held"); }
    function test_ItTakesNoHundred() public { try vault.put(100) { revert("took it"); } catch {} }
    function test_TheLeastOfBoth() public view { require(vault.least(1, 2) == 1 && vault.least(2, 1) == 1, "least"); }
    function test_TheSumOfWhatIsBelow() public view { require(vault.rest(4) == 6, "rest"); }
}
"""
)
HELPER_TEST = VAULT_TEST.replace("VaultTest", "HelperTest").replace(
    "function test_ItHolds",
    'function test_AHelper() public { require(new Helper().run(3) == 6, "run"); }\n function test_ItHolds',
)


def project_of(folder, test):
    for name, text in {
        "contracts/Vault.sol": VAULT,
        "contracts/libraries/Twice.sol": TWICE,
        "contracts/test/Vault.t.sol": test,
        "foundry.toml": '[profile.default]\nsrc = "contracts"\ntest = "contracts/test"\noffline = true\n'
        'evm_version = "cancun"\noptimizer = true\noptimizer_runs = 200\nbytecode_hash = "none"\n',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    forge = next((ROOT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"))
    return Project(root=folder, forge=forge)


def prepared(folder, test):
    bench = Bench(project_of(folder, test), folder / "out" / "bench")
    bench.prepare()
    return bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("vault"), HELPER_TEST)


@pytest.fixture(scope="module")
def tests(bench):
    return baseline(bench)


@pytest.fixture(scope="module")
def compiler():
    with Compiler(ROOT) as compiler:
        yield compiler


@pytest.fixture
def judge(bench, compiler, tests):
    return Judge(bench, compiler, tests)


def mutant(old, new, source="contracts/Vault.sol", text=VAULT):
    start = text.encode().index(old.encode())
    return Mutant(source=source, line=1, start=start, end=start + len(old.encode()), text=new, mutators=("X",))


@pytest.mark.parametrize(
    ("old", "new", "verdict", "by"),
    [
        ("seed < 10", "seed < 11", Verdict.KILLED, "test_ASeedOfTenIsRefused"),
        ("n < 100", "n <= 100", Verdict.KILLED, "test_ItTakesNoHundred"),
        ("held = unused", "held = 42", Verdict.SURVIVED, ""),  # no test puts anything else
        ("a < b ? a : b", "a <= b ? a : b", Verdict.SURVIVED, ""),  # equivalent
        ("a < b ? a : b", "b < a ? a : b", Verdict.KILLED, "test_TheLeastOfBoth"),
        ("held = unused;", "held = unused; // more", Verdict.EQUAL, ""),
        ("held = unused", "held = nothing", Verdict.INVALID, ""),
        ("held = unused", "held = ", Verdict.INVALID, ""),
    ],
)
def test_a_mutant_is_judged_by_what_the_tests_notice(judge, old, new, verdict, by):
    found = judge.judge(mutant(old, new))
    assert found.verdict is verdict
    assert by in found.by


def test_no_mutant_stays_behind(judge, bench, tests):
    assert judge.judge(mutant("held = unused", "revert()")).verdict is Verdict.KILLED
    assert baseline(bench) == tests


def test_an_endless_loop_is_noticed_by_the_clock(judge, monkeypatch):
    monkeypatch.setattr(trial, "PATIENCE", 2)
    assert judge.judge(mutant("++i", "i += 0")).verdict in {Verdict.TIMEOUT, Verdict.KILLED}


def test_a_library_changes_where_a_test_has_it_within_a_contract_of_its_own(tmp_path, compiler):
    text = HELPER_TEST.replace('require(vault.held() == 42, "held");', "")
    bench = prepared(tmp_path, text)
    judge = Judge(bench, compiler, baseline(bench))
    found = judge.judge(mutant("n + n", "n * n", "contracts/libraries/Twice.sol", TWICE))
    assert found.verdict is Verdict.KILLED
    assert "test_AHelper" in found.by


def test_the_harness_is_in_order(judge):
    judge.control(["contracts/Vault.sol", "contracts/libraries/Twice.sol"])


def test_tests_that_fail_for_bytecode_that_does_the_same_are_found_out(tmp_path, compiler):
    pinned = 'function test_Pinned() public view { require(address(vault).code.length == SIZE, "size"); }'
    text = VAULT_TEST.replace("function test_ItHolds", f"{pinned}\n function test_ItHolds")
    first = prepared(tmp_path / "first", text.replace("SIZE", "1"))
    runtime = Judge(first, compiler, Counter())._artifacts
    (target,) = (one for one in runtime.holding("contracts/Vault.sol") if one.name == "Vault")
    size = len(runtime.bytecode(target).runtime) // 2
    with pytest.raises(BenchError, match="size"):
        baseline(first)
    bench = prepared(tmp_path / "second", text.replace("SIZE", str(size)))
    with pytest.raises(BenchError, match=r"without a change, compiled otherwise, fail .*test_Pinned"):
        Judge(bench, compiler, baseline(bench)).control(["contracts/Vault.sol"])


def test_a_run_of_fewer_tests_is_no_survival(bench, compiler, tests):
    more = Counter({suite: count + 1 for suite, count in tests.items()})
    with pytest.raises(BenchError, match="other tests ran"):
        Judge(bench, compiler, more).judge(mutant("held = unused", "held = 42"))


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("", 1),
        ("error: no tests", 0),
        ('{"a.sol:A":{"test_results":{"test_a":{"status":"Success"}}}}', 1),
        ('{"a.sol:A":{"test_results":{"test_a":{"status":"Failure","reason":"x"}}}}', 0),
        ('{"a.sol:A":{"test_results":{"setUp()":{"status":"Failure","reason":"no matching artifact found"}}}}', 1),
    ],
)
def test_what_says_nothing_about_a_mutant_is_an_error(output, code):
    with pytest.raises(BenchError):
        report_of(output, "", code)


def test_a_tests_imports_are_written_for_its_new_place():
    own = 'import {A} from "../../A.sol";\nimport {B} from "../support/B.sol";\nimport "./C.sol";'
    text = f'{own}\nimport {{D}} from "@x/D.sol";'
    assert moved("contracts/test/room/T.t.sol", text) == (
        'import {A} from "contracts/A.sol";\nimport {B} from "test/support/B.sol";\nimport "test/room/C.sol";\n'
        'import {D} from "@x/D.sol";'
    )


def test_two_mutators_of_one_change_make_one_mutant_and_no_change_makes_none():
    found = [
        {"source": "a", "line": 1, "start": 0, "end": 1, "text": "y", "mutator": "P"},
        {"source": "a", "line": 1, "start": 0, "end": 3, "text": "yé", "mutator": "Q"},
        {"source": "a", "line": 1, "start": 0, "end": 1, "text": "x", "mutator": "R"},
        {"source": "a", "line": 1, "start": 1, "end": 3, "text": "z", "mutator": "S"},
    ]
    first, second = merged(found, {"a": "xé"})
    assert (first.of("xé"), first.mutators) == ("yé", ("P", "Q"))
    assert (second.of("xé"), second.mutators) == ("xz", ("S",))


def test_every_beginning_of_a_sample_has_of_each_source_its_share():
    sizes = {"a": 500, "b": 100, "c": 20, "d": 1}
    every = [
        Mutant(source=source, line=1, start=i, end=i, text="", mutators=())
        for source, size in sizes.items()
        for i in range(size)
    ]
    order = sampled(every, 7)
    assert sorted(order, key=lambda m: (m.source, m.start)) == every
    assert order == sampled(every, 7) != sampled(every, 8)
    for length in (31, 62, 310):
        for source, size in sizes.items():
            share = sum(m.source == source for m in order[:length])
            assert abs(share - length * size / len(every)) <= 1 + 1e-9


def test_the_bounds_hold_the_true_share_as_often_as_they_say():
    dice = random.Random(5)
    sizes, rates = (900, 300, 60), (0.97, 0.85, 0.6)
    truth = sum(size * rate for size, rate in zip(sizes, rates, strict=True)) / sum(sizes)
    hits = 0
    for _ in range(400):
        strata = []
        for size, rate in zip(sizes, rates, strict=True):
            dead = round(size * rate)
            drawn = dice.sample([Verdict.KILLED] * dead + [Verdict.SURVIVED] * (size - dead), size // 6)
            strata.append(Stratum(mutants=size, verdicts=Counter(drawn)))
        estimate = Estimate.of(strata)
        hits += estimate.low <= truth <= estimate.high
    assert hits >= 0.93 * 400


def test_nothing_is_uncertain_once_every_mutant_was_tried():
    verdicts = Counter(
        {Verdict.KILLED: 6, Verdict.TIMEOUT: 1, Verdict.SURVIVED: 1, Verdict.EQUAL: 3, Verdict.INVALID: 9}
    )
    stratum = Stratum(mutants=20, verdicts=verdicts)
    assert (stratum.counted, stratum.killed) == (8, 7)
    estimate = Estimate.of([stratum])
    assert (estimate.share, estimate.low, estimate.high) == (7 / 8, 7 / 8, 7 / 8)
    half = Estimate.of([dataclasses.replace(stratum, mutants=40)])
    assert half.low < 7 / 8 < half.high
    assert math.isclose(half.share, 7 / 8)


def test_a_journal_keeps_the_last_verdict_on_a_mutant(tmp_path):
    path = tmp_path / "out" / "journal.jsonl"
    survived = Entry(name="m", trial=Trial(verdict=Verdict.SURVIVED), tests="old")
    Journal(path).add(survived)
    assert Journal(path).entries == {"m": survived}
    assert survived.survived_other_tests("new")
    assert not survived.survived_other_tests("old")
    killed = Entry(name="m", trial=Trial(verdict=Verdict.KILLED, by="t", why="w", seconds=1.5), tests="new")
    Journal(path).add(killed)
    assert Journal(path).entries == {"m": killed}
    assert not killed.survived_other_tests("newer")
