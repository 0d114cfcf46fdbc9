"""`aivm validator check`: everything that validating needs, tried for real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm import vrf
from aivm.errors import AivmError
from registry.amounts import ether
from registry.validator.journal import Journal
from registry.validator.machine import capture, machine_class
from registry.validator.probe import run_probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from registry.network import Network

#: Enough for some hundred steps at a gas price that is not extreme.
GAS_RESERVE = 10**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what was found, and what to do if it did not pass."""

    name: str
    passed: bool
    found: str
    remedy: str = ""


def run_checks(
    network: Network, account: LocalAccount, *, state: Path, vrf_key: bytes | None, isa: str = ""
) -> list[Check]:
    """Runs every check; one that fails does not keep the others from running.

    Args:
        network: the deployment to validate for.
        account: the validator.
        state: the journal's folder.
        vrf_key: of the operator under the same account, if there is one.
        isa: the instruction set that the worker's engine is held to, if it is.
    """
    checks: list[tuple[str, Callable[[], tuple[bool, str, str]]]] = [
        ("chain", lambda: _chain(network)),
        ("balance", lambda: _balance(network, account)),
        ("stake", lambda: _stake(network, account)),
        ("environment class", lambda: _environment_class(network, account, isa)),
        ("journal", lambda: _journal(network, account, state)),
        ("sandbox and engine", _sandbox),
    ]
    if vrf_key is not None:
        checks.append(("vrf operator", lambda: _operator(network, account, vrf_key)))
    return [_run(name, check) for name, check in checks]


def _run(name: str, check: Callable[[], tuple[bool, str, str]]) -> Check:
    try:
        passed, found, remedy = check()
    except AivmError as error:
        return Check(name=name, passed=False, found=error.message, remedy=error.hint)
    return Check(name=name, passed=passed, found=found, remedy="" if passed else remedy)


def _chain(network: Network) -> tuple[bool, str, str]:
    return True, f"id {network.chain.chain_id}, block {network.chain.block_number()}", ""


def _balance(network: Network, account: LocalAccount) -> tuple[bool, str, str]:
    balance = network.chain.balance(account.address)
    return (
        balance >= GAS_RESERVE,
        f"{account.address} has {ether(balance)}",
        f"Send it at least {ether(GAS_RESERVE)} for gas.",
    )


def _stake(network: Network, account: LocalAccount) -> tuple[bool, str, str]:
    validator, least = network.staking.validator(account.address), network.staking.minimum_stake()
    active = validator.stake - validator.thawing
    return (
        active >= least,
        f"{ether(active)}, the least is {ether(least)}",
        f"aivm validator stake {least - active}wei",
    )


def _environment_class(network: Network, account: LocalAccount, isa: str) -> tuple[bool, str, str]:
    here, announced = machine_class(isa), network.staking.validator(account.address).environment_class
    if here == announced:
        return True, f"0x{here.hex()}, as announced", ""
    if not any(announced):
        return False, f"0x{here.hex()}, not announced yet", "Staking announces it."
    return False, f"0x{here.hex()}, announced 0x{announced.hex()}", "aivm validator stake 0wei announces it anew."


def _journal(network: Network, account: LocalAccount, state: Path) -> tuple[bool, str, str]:
    with Journal.of(network, account.address, state) as journal:
        return True, f"{journal.path}, read up to block {journal.next_block}", ""


def _sandbox() -> tuple[bool, str, str]:
    """Packs and runs the smallest kernel there is, confined."""
    execution = run_probe()
    engine = capture().engine
    assert engine is not None
    implementation = engine.implementation
    assert implementation is not None
    slowly = "" if implementation.hardware_fma else "; slow: this processor has no fused multiply-add"
    name = f"{engine.name} {engine.version} ({implementation.instruction_set})"
    return True, f"{name} ran confined in {execution.seconds * 1000:.0f} ms{slowly}", ""


def _operator(network: Network, account: LocalAccount, vrf_key: bytes) -> tuple[bool, str, str]:
    public_key = vrf.public_key(vrf_key)
    for index, operator in enumerate(network.vrf.operators()):
        if operator.public_key == public_key:
            mine = operator.account == account.address
            if not mine:
                return False, f"the key is registered by {operator.account}", "Use the account that registered it."
            return (
                operator.active,
                f"operator {index}, bond {ether(operator.bond)}",
                "Its bond fell below the least; register a new key.",
            )
    return False, "the key is not registered", "aivm validator operate --vrf-key-file …"
