"""The ValidatorStaking: stake, thaw, slash, weights, draws (contracts/interfaces/IValidatorStaking.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.credits import CreditsContract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.contracts.contract import Call
    from registry.contracts.types import Validator


#: The forest of weights: levels of nodes, and the bits of a branch's weight (contracts/libraries/WeightForest.sol).
LEVELS = 7
WEIGHT_BITS = 28
#: The tree that stands for all, and for all but the one that classes share, with two classes in every committee.
ALL_TREES = 255
SPREAD = 254


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

    def draw(self, seed: bytes, count: int, seated: Sequence[int], *, tree: int, epoch: int) -> tuple[int, ...]:
        """The contract's draw, whose oracle is `registry.sortition.draw`; the current epoch or the one before."""
        return cast("tuple[int, ...]", self.read("draw", seed, count, list(seated), tree, epoch, block=self.now))

    def validator(self, account: str) -> Validator:
        """An account's stake, locks and profile; all zero for a stranger."""
        return cast("Validator", self.read("validator", account))

    def current_epoch(self) -> int:
        """The epoch of the present."""
        return cast("int", self.read("currentEpoch", block=self.now))

    def epoch_length(self) -> int:
        """In seconds."""
        return cast("int", self.read("epochLength"))

    def weight_at(self, leaf: int, epoch: int) -> int:
        """Weight of a leaf, in units, in the current epoch, the one before or the next."""
        return cast("int", self.read("weightAt", leaf, epoch))

    def packed_weights_at(self, level: int, index: int, epoch: int) -> int:
        """The eight weights below a node of the forest, 28 bits each."""
        return cast("int", self.read("weightsAt", level, index, epoch))

    def total_weight_at(self, tree: int, epoch: int) -> int:
        """Weight of a tree, or of all, in units."""
        return cast("int", self.read("totalWeightAt", tree, epoch))

    def holder_of(self, leaf: int) -> str:
        """Who is on a leaf, or was last; the zero address if nobody ever was."""
        return cast("str", self.read("holderOf", leaf))

    def leaf_count(self, tree: int) -> int:
        """How many leaves of a tree were ever in use."""
        return cast("int", self.read("leafCount", tree))

    def tree_of(self, environment_class: bytes) -> tuple[int, bool]:
        """The tree of a class, and whether it has one of its own."""
        return cast("tuple[int, bool]", self.read("treeOf", environment_class))

    def classes_at(self, epoch: int) -> int:
        """How many classes with a tree of their own have weight in the current epoch, the one before or the next."""
        return cast("int", self.read("classesAt", epoch))

    def assigned_in(self, tree: int) -> int:
        """The epoch in which a tree was last given to a class."""
        return cast("int", self.read("assignedIn", tree))

    def weights_at(self, epoch: int) -> dict[int, int]:
        """Units by leaf, of every leaf that weighs something in an epoch: what `sortition.draw` takes.

        Costs one read for each node of the forest that is not empty.
        """
        nodes = {0: 0}
        for level in range(LEVELS, 0, -1):
            words = {index: self.packed_weights_at(level, index, epoch) for index in nodes}
            nodes = {
                8 * index + branch: weight
                for index, word in words.items()
                for branch in range(8)
                if (weight := word >> (WEIGHT_BITS * branch) & ((1 << WEIGHT_BITS) - 1))
            }
        return nodes

    def market(self) -> str:
        """The JobMarket, which alone may blame and slash."""
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
