"""The Timelock: OpenZeppelin's TimelockController as the owner of the market's parameters (contracts/Timelock.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.contract import Contract

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.contracts.types import OperationState

#: Nothing that has to be executed before.
NO_PREDECESSOR = bytes(32)


class Timelock(Contract):
    """What is proposed waits in sight of all. Events: CallScheduled, CallExecuted, Cancelled, MinDelayChange.

    A proposal is a call of another contract that has not been made, such as `MarketParameters.set`. The same call can
    be proposed again under another salt.
    """

    NAME = "Timelock"

    def schedule(self, call: Call, *, delay: int, salt: bytes = bytes(32)) -> Call:
        """Proposes a call, which can be executed after `delay` seconds. Only the proposer. Event: CallScheduled."""
        return self.prepare("schedule", call.to, 0, call.data, NO_PREDECESSOR, salt, delay)

    def execute(self, call: Call, *, salt: bytes = bytes(32)) -> Call:
        """Makes a call that has waited long enough. Anyone can. Event: CallExecuted."""
        return self.prepare("execute", call.to, 0, call.data, NO_PREDECESSOR, salt)

    def cancel(self, operation: bytes) -> Call:
        """Takes a proposal back. Only the proposer. Event: Cancelled."""
        return self.prepare("cancel", operation)

    def operation_of(self, call: Call, *, salt: bytes = bytes(32)) -> bytes:
        """The id of a proposal, 32 bytes."""
        return cast("bytes", self.read("hashOperation", call.to, 0, call.data, NO_PREDECESSOR, salt))

    def state_of(self, operation: bytes) -> OperationState:
        """How far a proposal is, as of now."""
        return cast("OperationState", self.read("getOperationState", operation, block=self.now))

    def delay(self) -> int:
        """The least delay of a proposal, in seconds."""
        return cast("int", self.read("getMinDelay"))
