"""Pull payments, which three of the contracts share (contracts/interfaces/ICredits.sol)."""

from __future__ import annotations

from typing import cast

from registry.contracts.contract import Call, Contract


class CreditsContract(Contract):
    """A contract that owes."""

    def withdraw(self) -> Call:
        """Sends the caller all of its credit. Event: Withdrawn(account, amount)."""
        return self.prepare("withdraw")

    def credit_of(self, account: str) -> int:
        """What the account can withdraw, in wei."""
        return cast("int", self.read("creditOf", account))
