"""What the contracts owe an account: every payout waits as credit until its owner collects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from registry.contracts.credits import CreditsContract
    from registry.network import Network


def owed(network: Network, account: str) -> list[tuple[CreditsContract, int]]:
    """The contracts that owe the account something, and how much, in wei."""
    debtors = (network.market, network.appeals, network.staking, network.vrf)
    credits_ = [(contract, contract.credit_of(account)) for contract in debtors]
    return [(contract, amount) for contract, amount in credits_ if amount]


def collect(network: Network, account: LocalAccount, debts: list[tuple[CreditsContract, int]]) -> dict[str, int]:
    """Withdraws from each; returns the amounts in wei by contract name."""
    paid = {}
    for contract, _ in debts:
        receipt = network.chain.transact(contract.withdraw(), sender=account)
        paid[contract.NAME] = int(receipt.event("Withdrawn")["amount"])
    return paid
