"""The ValidatorStaking: stake, thaw, slash, weights, draws (contracts/interfaces/IValidatorStaking.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.credits import CreditsContract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.contracts.contract import Call
    from registry.contracts.types import Validator


class ValidatorStaking(CreditsContract):
    """Who may validate. Events: Staked, ProfileChanged, Thawing, ThawCancelled, StakeReleased, Slashed."""

    NAME = "ValidatorStaking"

    def stake(self, environment_class: bytes, endpoint: str) -> Call:
        """Adds the value to the sender's stake and sets its profile. Event: Staked(validator, amount, stake)."""
        return self.prepare("stake", environment_class, endpoint)

    def thaw(self, amount: int) -> Call:
        """Starts to take wei out. Event: Thawing(validator, amount, thaws_at)."""
        return self.prepare("thaw", amount)

    def cancel_thaw(self) -> Call:
        """Puts the thawing part back to work. Event: ThawCancelled(validator, amount)."""
        return self.prepare("cancelThaw")

    def release(self) -> Call:
        """Credits the thawed part to the sender. Event: StakeReleased(validator, amount, stake)."""
        return self.prepare("release")

    def draw(self, seed: bytes, count: int, seated: Sequence[str], at_block: int) -> tuple[str, ...]:
        """The contract's draw, whose oracle is `registry.sortition.draw`; `at_block` must be past."""
        return cast("tuple[str, ...]", self.read("draw", seed, count, list(seated), at_block, block=self.now))

    def validator(self, account: str) -> Validator:
        """An account's stake, locks and profile; all zero for a stranger."""
        return cast("Validator", self.read("validator", account))

    def weight_at(self, account: str, block: int) -> int:
        """Weight in draws at the end of a past block, in wei."""
        return cast("int", self.read("weightAt", account, block, block=self.now))

    def total_weight_at(self, block: int) -> int:
        """Everybody's weight at the end of a past block, in wei."""
        return cast("int", self.read("totalWeightAt", block, block=self.now))

    def validator_at(self, leaf: int) -> str:
        """The validator now on a leaf, counted from 0, or the zero address."""
        return cast("str", self.read("validatorAt", leaf))

    def validator_at_block(self, leaf: int, block: int) -> str:
        """The validator that was on a leaf at the end of a past block, or the zero address."""
        return cast("str", self.read("validatorAtBlock", leaf, block, block=self.now))

    def leaf_count(self) -> int:
        """How many leaves were ever in use."""
        return cast("int", self.read("leafCount"))

    def weights_at(self, block: int) -> list[tuple[str, int]]:
        """(address, wei) of every leaf at the end of a past block, in leaf order: what `sortition.draw` takes.

        Costs two reads for each leaf.
        """
        leaves = [self.validator_at_block(leaf, block) for leaf in range(self.leaf_count())]
        return [(address, self.weight_at(address, block)) for address in leaves if int(address, 16)]

    def market(self) -> str:
        """The JobMarket, which alone may lock and slash."""
        return cast("str", self.read("market"))

    def minimum_stake(self) -> int:
        """In wei."""
        return cast("int", self.read("minimumStake"))

    def thaw_period(self) -> int:
        """In seconds."""
        return cast("int", self.read("thawPeriod"))

    def treasury(self) -> str:
        """Who is credited what is slashed."""
        return cast("str", self.read("treasury"))
