"""The MarketParameters: fees, slashes, windows, pause (contracts/interfaces/IMarketParameters.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.contract import Contract

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.contracts.types import MarketBounds
    from registry.contracts.types import MarketParameters as Values


class MarketParameters(Contract):
    """What the market charges, takes and waits. Events: ParametersChanged, PauseChanged."""

    NAME = "MarketParameters"

    def set(self, parameters: Values) -> Call:
        """Sets all parameters, for jobs to come. Only the owner. Event: ParametersChanged(version, parameters)."""
        return self.prepare("set", parameters)

    def set_paused(self, *, paused: bool) -> Call:
        """Stops or resumes taking jobs. Only the owner. Event: PauseChanged(paused)."""
        return self.prepare("setPaused", paused)

    def transfer_ownership(self, account: str) -> Call:
        """Names the next owner, which has to accept. Only the owner. Event: OwnershipTransferStarted."""
        return self.prepare("transferOwnership", account)

    def accept_ownership(self) -> Call:
        """Becomes the owner, having been named. Event: OwnershipTransferred."""
        return self.prepare("acceptOwnership")

    def current(self) -> Values:
        """The parameters that new jobs get."""
        return cast("Values", self.read("current"))

    def bounds(self) -> MarketBounds:
        """What no parameters can exceed."""
        return cast("MarketBounds", self.read("bounds"))

    def paused(self) -> bool:
        """Whether new jobs are refused."""
        return cast("bool", self.read("paused"))

    def owner(self) -> str:
        """Who can change them: the `Timelock`, unless it has handed them on."""
        return cast("str", self.read("owner"))
