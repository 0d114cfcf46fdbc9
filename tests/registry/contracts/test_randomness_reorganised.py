"""A chain that takes blocks back while randomness is asked for: what can change an output that somebody has seen."""

from __future__ import annotations

from typing import Any

import pytest

from aivm import vrf
from registry.contracts import VrfCoordinator
from registry.contracts.types import RandomnessStatus
from registry.deployment import deploy
from registry.errors import ContractError
from registry.parameters import Parameters, VrfParameters
from registry.validator.operator import answer

KEY = b"\x77" * 32
DEPTH = 3


class Requester:
    """Asks a coordinator with one operator, and answers for that operator."""

    def __init__(self, chain: Any, account: Any, confirmations: int) -> None:
        self.chain, self.account = chain, account
        chosen = Parameters(vrf=VrfParameters(confirmations=confirmations))
        self.coordinator = VrfCoordinator(chain, deploy(chain, account("reorganiser"), chosen).vrf_coordinator)
        operator, key = account("operator"), vrf.decompress(vrf.public_key(KEY))
        proof = answer(KEY, self.coordinator.possession_alpha(operator.address, key))
        self._send("operator", self.coordinator.register_operator(key, proof), self.coordinator.minimum_bond())
        chain.mine(2)

    def ask(self) -> bytes:
        receipt = self._send(
            "requester", self.coordinator.request(self.account("payee").address), self.coordinator.fee()
        )
        return receipt.event("RandomnessRequested")["id"]

    def proof(self, request: bytes) -> bytes:
        return answer(KEY, self.coordinator.challenge_of(request)[1])

    def fulfil(self, request: bytes, proof: bytes) -> bytes:
        return self._send("anyone", self.coordinator.fulfil(request, proof)).event("RandomnessFulfilled")["output"]

    def status(self, request: bytes) -> RandomnessStatus:
        return self.coordinator.request_of(request).status

    def _send(self, who: str, call: Any, value: int = 0) -> Any:
        return self.chain.transact(call, sender=self.account(who), value=value)


@pytest.fixture
def hasty(chain: Any, account: Any) -> Requester:
    """Takes answers from the next block on."""
    return Requester(chain, account, confirmations=1)


@pytest.fixture
def patient(chain: Any, account: Any) -> Requester:
    """Takes answers when the request's block is three deep."""
    return Requester(chain, account, confirmations=DEPTH)


def test_without_confirmations_a_reorganisation_of_three_blocks_draws_again(hasty: Requester):
    """What the depth is for: this works, and docs/security.md says so."""
    request = hasty.ask()
    proof = hasty.proof(request)
    output = hasty.fulfil(request, proof)
    hasty.chain.mine(DEPTH - 2)
    hasty.chain.rpc.call("anvil_reorg", DEPTH, [])
    assert hasty.status(request) is RandomnessStatus.UNKNOWN
    assert hasty.ask() == request
    hasty.chain.mine()
    with pytest.raises(ContractError, match="InvalidProof"):
        hasty.fulfil(request, proof)
    assert hasty.fulfil(request, hasty.proof(request)) != output


@pytest.mark.parametrize("age", range(DEPTH))
def test_no_answer_is_taken_while_three_blocks_could_still_take_the_request_back(patient: Requester, age: int):
    request = patient.ask()
    patient.chain.mine(age)
    if age < DEPTH - 1:  # the pending block, in which a call is made, is one more
        with pytest.raises(ContractError, match="Unconfirmed"):
            patient.proof(request)
        with pytest.raises(ContractError, match="Unconfirmed"):
            patient.fulfil(request, bytes(305))
    patient.chain.rpc.call("anvil_reorg", age + 1, [])
    assert patient.status(request) is RandomnessStatus.UNKNOWN
    assert patient.ask() == request
    patient.chain.mine(DEPTH)
    patient.fulfil(request, patient.proof(request))
    assert patient.status(request) is RandomnessStatus.FULFILLED


def test_an_output_that_was_shown_survives_a_reorganisation_of_three_blocks(patient: Requester):
    request = patient.ask()
    patient.chain.mine(DEPTH - 1)
    proof = patient.proof(request)
    output = patient.fulfil(request, proof)  # three above the request's block
    patient.chain.rpc.call("anvil_reorg", DEPTH, [])
    assert patient.status(request) is RandomnessStatus.PENDING
    assert patient.proof(request) == proof
    assert patient.fulfil(request, proof) == output
