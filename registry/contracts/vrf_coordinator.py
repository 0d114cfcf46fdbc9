"""The VrfCoordinator: verifiable randomness (contracts/interfaces/IVrfCoordinator.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.credits import CreditsContract

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.contracts.types import Operator, RandomnessRequest, RandomnessStatus
    from registry.ids import RandomnessId


class VrfCoordinator(CreditsContract):
    """Randomness. Events: OperatorRegistered, RandomnessRequested, RandomnessReassigned, and more."""

    NAME = "VrfCoordinator"

    def register_operator(self, key: tuple[int, int], proof: bytes) -> Call:
        """Registers the sender with its bond as value; the proof, with its witness, is over `possession_alpha`."""
        return self.prepare("registerOperator", *key, proof)

    def exit(self) -> Call:
        """Stops new assignments to the sender's key."""
        return self.prepare("exit")

    def withdraw_bond(self) -> Call:
        """Credits the sender's bond after its exit and the delay."""
        return self.prepare("withdrawBond")

    def request(self, refund_to: str) -> Call:
        """Requests one output; value: `fee`. Event: RandomnessRequested(id, requester, nonce, block_number)."""
        return self.prepare("request", refund_to)

    def fulfil(self, request: RandomnessId, proof: bytes) -> Call:
        """Answers a request with a proof and its witness. Event: RandomnessFulfilled(id, operator_index, output)."""
        return self.prepare("fulfil", request, proof)

    def reassign(self, request: RandomnessId) -> Call:
        """Moves a stalled request on: slashes the late operator, hands over to the next one, or expires it."""
        return self.prepare("reassign", request)

    def collect(self, index: int) -> Call:
        """Makes an operator's fees a credit of its account. `withdraw` does it for whoever still has its bond here."""
        return self.prepare("collect", index)

    def challenge_of(self, request: RandomnessId) -> tuple[int, bytes]:
        """(operator index, alpha): who has to prove what now. Read at `pending`: a block has no hash of itself."""
        return cast("tuple[int, bytes]", self.read("challengeOf", request, block=self.now))

    def possession_alpha(self, account: str, key: tuple[int, int]) -> bytes:
        """What `register_operator` wants proven; 32 bytes."""
        return cast("bytes", self.read("possessionAlpha", account, *key))

    def request_of(self, request: RandomnessId) -> RandomnessRequest:
        """A request, its status by the clock: as of the pending block unless the contract is pinned to a block."""
        return cast("RandomnessRequest", self.read("requestOf", request, block=self.now))

    def status_of(self, request: RandomnessId) -> RandomnessStatus:
        """The status by the clock."""
        return cast("RandomnessStatus", self.read("statusOf", request, block=self.now))

    def is_output(self, request: RandomnessId, output: bytes) -> bool:
        """Whether this is the output that fulfilled the request; the output itself is in RandomnessFulfilled."""
        return cast("bool", self.read("isOutput", request, output, block=self.now))

    def operator(self, index: int) -> Operator:
        """An operator, counted from 0."""
        return cast("Operator", self.read("operator", index))

    def operator_count(self) -> int:
        """How many operators were ever registered."""
        return cast("int", self.read("operatorCount"))

    def operators(self) -> list[Operator]:
        """All of them, in order."""
        return [self.operator(index) for index in range(self.operator_count())]

    def fee(self) -> int:
        """Of one request, in wei."""
        return cast("int", self.read("fee"))

    def minimum_bond(self) -> int:
        """The least that an operator puts up, in wei."""
        return cast("int", self.read("minimumBond"))

    def confirmations(self) -> int:
        """Blocks from a request's to the first in which it can be answered."""
        return cast("int", self.read("confirmations"))

    def maximum_latency(self) -> int:
        """Longest time from a request to its fulfilment or expiry, in seconds."""
        return cast("int", self.read("maximumLatency"))
