"""The demo, as data: what `aivm demo --json` promises, and golden values that must not change by accident."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aivm import kernel as kernels
from aivm.cid import Cid
from registry import demo
from registry.demo.cast import account
from registry.ids import kernel_id, manifest_id

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "kernels" / "digits"
GOLDEN = json.loads((ROOT / "tests" / "golden" / "digits.json").read_text())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    heard: list[str] = []
    made = demo.run(tmp_path_factory.mktemp("demo"), DIGITS, heard.append)
    assert heard
    return json.loads(json.dumps(made))


def test_the_committed_kernel_has_the_names_that_it_always_had():
    kernel = kernels.load(DIGITS)
    assert {
        "manifest_id": "0x" + manifest_id(kernel.manifest).hex(),
        "record": str(kernel.manifest.digest()),
        "record_cid": str(Cid.raw(bytes(kernel.manifest.digest()))),
        "cid": kernel.manifest.model.cid,
        "outputs": {case.name: case.output for case in kernel.manifest.cases},
    } == GOLDEN


def test_the_kernel_is_admitted_under_the_id_that_its_publisher_and_manifest_give(report: Any):
    assert report["kernel"]["status"] == "approved"
    assert report["kernel"]["cid"] == GOLDEN["cid"]
    publisher = next(entry for entry in report["log"] if entry["step"] == "register_kernel")
    assert publisher["who"] == "publisher"
    expected = kernel_id(account("publisher").address, bytes.fromhex(GOLDEN["manifest_id"][2:]))
    assert report["kernel"]["id"] == "0x" + expected.hex()


def test_each_member_of_its_committee_ran_the_cases_in_more_environments_than_its_own(report: Any):
    tried = report["kernel"]["tried"]
    assert report["kernel"]["classes"] in {2, 3}
    assert len(tried) == 3
    for each in tried:
        assert each["determinism"] == "bitwise"
        assert each["environments"][0] == "reference"
        assert len(each["environments"]) == 3


def test_the_contract_was_told_what_the_image_shows(report: Any):
    job = report["job"]
    assert job["status"] == "finalised"
    assert job["label"] == job["expected_label"]
    assert job["verified"]
    assert job["delivered"]
    assert len(job["committee"]) == 3
    assert {seat["digest"] for seat in job["committee"]} == {job["output_digest"]}


def test_a_job_is_drawn_committed_opened_and_settled_in_one_transaction(report: Any):
    for each, seats in ((report["job"], 3), (report["cheat"]["job"], 5)):
        assert len(each["committee"]) == seats
        steps = [entry["step"] for entry in each["transactions"]]
        assert steps == ["request", "open together", "deliver", "finalise"]
    assert sum(entry["gas"] for entry in report["job"]["transactions"]) < 550_000


def test_five_machines_with_five_environments_agree_and_the_one_that_cheats_is_slashed(report: Any):
    cheat, seats = report["cheat"], report["cheat"]["job"]["committee"]
    assert len({seat["environment"] for seat in seats}) == 5
    dissent = [seat["validator"] for seat in seats if seat["digest"] != cheat["job"]["output_digest"]]
    assert dissent == [cheat["validator"]]
    assert cheat["slashed_wei"] > 0
    assert cheat["job"]["label"] == cheat["job"]["expected_label"]
    balance = report["balances"][cheat["name"]]
    assert balance["before_wei"] - balance["after_wei"] >= cheat["slashed_wei"] - 10**16


def test_every_step_has_its_gas(report: Any):
    steps = {
        "stake",
        "register_operator",
        "register_publisher",
        "register_kernel",
        "request_validation",
        "open together",
        "deliver",
        "finalise",
        "set_alias",
        "deploy_dapp",
        "request",
    }
    assert set(report["gas"]) == steps
    assert all(21_000 < gas < 2_000_000 for gas in report["gas"].values())
