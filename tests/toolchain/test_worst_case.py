"""Every function of the contracts that changes something has its worst case measured, and it is far from the limit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What a transaction may use (EIP-7825).
LIMIT = 16_777_216
GROUPS = ("JobMarket, worst case", "Worst case, other functions", "KernelRegistry", "ValidatorStaking")
CONTRACTS = (
    "Appeals",
    "JobMarket",
    "KernelRegistry",
    "MarketParameters",
    "ValidatorStaking",
    "VrfCoordinator",
)
#: Entries that are not named after their function.
NAMED = {
    "commitBatch": "commit, a batch of 8",
    "settleTogether": "settle together",
    "openTogether": "open together",
    "slash": "slash to below the minimum",
}
#: Functions that another contract calls, and the entry of the call that holds them.
WITHIN = {
    "absolve": "finalise",
    "blame": "settle",
    "hold": "appeal",
    "overturn": "resolve",
}


def measured() -> dict[str, int]:
    found: dict[str, int] = {}
    for group in GROUPS:
        entries = json.loads((ROOT / "contracts" / "snapshots" / f"{group}.json").read_text())
        for name, gas in entries.items():
            found[name] = max(int(gas), found.get(name, 0))
    return found


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_function_that_changes_something_is_measured_at_its_dearest(contract: str):
    abi = json.loads((ROOT / "registry" / "artifacts" / f"{contract}.json").read_text())["abi"]
    names = {
        one["name"] for one in abi if one["type"] == "function" and one["stateMutability"] in {"nonpayable", "payable"}
    }
    assert names
    entries = measured()
    for name in sorted(names):
        prefix = WITHIN.get(name, NAMED.get(name, name))
        assert any(entry == prefix or entry.startswith(f"{prefix},") for entry in entries), name


def test_every_function_stays_below_half_of_a_transactions_limit_and_all_but_one_below_a_quarter():
    dear = {name: gas for name, gas in measured().items() if gas >= LIMIT // 4}
    assert set(dear) == {"register, the greatest manifest"}
    assert all(gas < LIMIT // 2 for gas in dear.values())
