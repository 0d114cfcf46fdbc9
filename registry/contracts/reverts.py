"""From revert data to a named exception."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from registry.contracts.abi import DECODING_ERRORS, Entry
from registry.contracts.artifacts import all_artifacts
from registry.errors import ContractError, PanicError, RequireError, UnknownContractError

if TYPE_CHECKING:
    from registry.errors import RpcResponseError

REQUIRE_SELECTOR = keccak(text="Error(string)")[:4]
PANIC_SELECTOR = keccak(text="Panic(uint256)")[:4]

#: Panic codes of the Solidity documentation.
PANICS = {
    0x00: "generic panic",
    0x01: "failed assertion",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "invalid enumeration value",
    0x22: "damaged storage array",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
    0x51: "call of an uninitialised function",
}

#: What to do about the errors that people meet.
HINTS = {
    "Appeals_SeededByTheJob": "Another job has another seed, and so another output. `aivm job check` compares it here.",
    "Appeals_TooLate": "A result can be appealed until its challenge window ends.",
    "Appeals_TooFewWouldJudge": "Ask for committees of 3 or 5 where you may want to appeal.",
    "Appeals_RerunPending": "Wait until the other committee's job is final: `aivm job show` tells.",
    "Appeals_WrongClass": "Name the environment class that the job was requested for; none if it was none.",
    "Appeals_FeeTooLow": "Ask the appeals for a quote and send at least that.",
    "Appeals_AlreadyAppealed": "Resolve the appeal that there is: `aivm job resolve`.",
    "JobMarket_FeeTooLow": "Ask the market for a quote and send at least that.",
    "JobMarket_KernelNotApproved": "The kernel has to pass its admission first: request its validation.",
    "JobMarket_InvalidCommitteeSize": "Choose an odd size from 3 to 7.",
    "JobMarket_SeedPending": "Wait for the VRF operator, or pass its proof.",
    "JobMarket_TooLate": "The window is over: settle or expire the job instead.",
    "JobMarket_TooEarly": "Wait until the time that is given, in seconds since 1970.",
    "JobMarket_AlreadyCommitted": "A commitment cannot be changed; reveal it.",
    "JobMarket_WrongOpening": "Reveal the attestation and the salt that were committed, from the journal.",
    "JobMarket_NotThisRound": "This account has no seat in the job's present round.",
    "JobMarket_WrongState": "The job has come further, or this is not its state: rebuild it from its events "
    "(`registry.jobs`).",
    "JobMarket_WrongSignature": "The seat has not signed this commitment for this round: leave it out of the batch, "
    "with 32 zero bytes in its place.",
    "JobMarket_WrongBatch": "Give an entry for each seat of the round, and signatures of a strict majority of them.",
    "JobMarket_NotShown": "The seat has revealed by itself: show its attestation.",
    "JobMarket_ClassNeeded": "A pinned kernel gives one output on one class of machines alone: name an environment "
    "class that it is admitted for (`aivm kernel show` lists them).",
    "JobMarket_UnknownClass": "No validator of this environment class has a tree of its own. Is it the class that "
    "validators announce?",
    "JobMarket_UnknownJob": "Check the job's id and the market's address.",
    "JobMarket_GasTooLow": "Send the transaction with more gas.",
    "KernelRegistry_NoHandle": "Claim a handle first: registerPublisher.",
    "KernelRegistry_HandleTaken": "Choose another handle.",
    "KernelRegistry_HandleAlreadySet": "An account has one handle for ever: use that one, or another account.",
    "KernelRegistry_InvalidName": "Use lower-case letters, digits and hyphens.",
    "KernelRegistry_NotPublisher": "Only the account that registered the kernel can do this: use its key.",
    "KernelRegistry_AlreadyRegistered": "This manifest is already registered by this publisher.",
    "KernelRegistry_VersionTaken": "Versions are immutable: raise the version.",
    "KernelRegistry_TooSlow": "Register a version whose limits.time_ms is at most half of the market's commit window.",
    "KernelRegistry_TooFewClasses": "An admission needs validators of two environment classes: a kernel that only one "
    "class has run may differ on the next. Ask again once validators of another class have staked (what is staked now "
    "weighs from the next epoch on: `aivm validator stake`), or publish the kernel as pinned to one class.",
    "KernelRegistry_ClassNeeded": "A pinned kernel is admitted class by class: name an environment class.",
    "KernelRegistry_AllClassesNeeded": "Only pinned kernels are admitted by one class. Ask without a class, or publish "
    "the kernel as pinned.",
    "KernelRegistry_NotFinal": "Wait until the job is final: `aivm job show` tells.",
    "KernelRegistry_TooFewVotes": "What a small committee says is no evidence: show jobs of committees of 7.",
    "KernelRegistry_NotComparable": "Show two inferences by the exact rule with the same input, of a kernel without "
    "seeds from outside; or two validations.",
    "KernelRegistry_NoContradiction": "The two results say the same.",
    "KernelRegistry_NothingToDemote": "That is within what the kernel promises now.",
    "KernelRegistry_UnknownKernel": "Check the kernel's id and the registry's address.",
    "KernelRegistry_UnknownName": "Names are handle/name@version or handle/name@label.",
    "OwnableUnauthorizedAccount": "The owner is a timelock: its proposer schedules the change there.",
    "TimelockInsufficientDelay": "Schedule it with at least `delay` seconds.",
    "TimelockUnexpectedOperationState": "It is not scheduled, has not waited long enough, was executed or cancelled: "
    "`state_of` tells which.",
    "ValidatorStaking_StakeTooLow": "Stake at least the minimum.",
    "MarketParameters_Paused": "The market takes no new jobs now; those under way go on.",
    "MarketParameters_OutOfBounds": "The bounds were fixed at deployment: `bounds` tells them.",
    "ValidatorStaking_Blamed": "Wait until the jobs in which this validator is at fault are final.",
    "ValidatorStaking_InvalidClass": "An environment class is never zero: `aivm validator stake` announces this "
    "machine's.",
    "ValidatorStaking_NotThawed": "Wait until the time that is given, in seconds since 1970.",
    "VrfCoordinator_AlreadyOperator": "This account runs an operator already: start `aivm validator run` with its key.",
    "VrfCoordinator_NoOperators": "Nobody answers randomness requests here yet. Try again once a validator has "
    "registered as an operator: `aivm validator operate`.",
    "VrfCoordinator_InvalidProof": "The proof must be made by the assigned operator over challengeOf's alpha, and have "
    "its witness behind it.",
    "VrfCoordinator_Unconfirmed": "The request's block is not deep enough: try again from the given block on.",
    "VrfCoordinator_NotStalled": "The assigned operator still has time: wait until its deadline is over.",
    "VrfCoordinator_FeeTooLow": "Send at least `fee`.",
    "Credits_NothingToWithdraw": "This account has no credit.",
}


@cache
def _classes_by_selector() -> dict[bytes, tuple[Entry, type[ContractError]]]:
    table: dict[bytes, tuple[Entry, type[ContractError]]] = {}
    for artifact in all_artifacts():
        for entry in artifact.interface.errors.values():
            if entry.selector not in table:
                name = entry.name.replace("_", "")
                body = {"name": entry.name, "__doc__": f"`{entry.signature}`", "__module__": "registry.errors"}
                table[entry.selector] = (entry, type(name, (ContractError,), body))
    return table


@cache
def error_classes() -> dict[str, type[ContractError]]:
    """The class of every custom error of every artifact, by the class's name."""
    return {kind.__name__: kind for _, kind in _classes_by_selector().values()}


def show(value: Any) -> str:
    """A value as a person reads it: bytes in hex, enumerations by name, records by their fields."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Enum):
        return value.name.capitalize()
    if is_dataclass(value) and not isinstance(value, type):
        listed = ", ".join(f"{field.name}={show(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__name__}({listed})"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(show, value)) + "]"
    return str(value)


def decode_revert(data: bytes) -> ContractError:
    """The exception for revert data; never raises, whatever the data are."""
    selector, body = data[:4], data[4:]
    try:
        if selector == REQUIRE_SELECTOR:
            (text,) = decode(["string"], body)
            return RequireError(f"reverted: {text}", data=data, arguments={"text": text})
        if selector == PANIC_SELECTOR:
            (code,) = decode(["uint256"], body)
            return PanicError(f"panic 0x{code:02x}: {PANICS.get(code, 'unknown')}", data=data, arguments={"code": code})
        if selector in _classes_by_selector():
            entry, kind = _classes_by_selector()[selector]
            arguments = entry.decode_inputs(body)
            listed = ", ".join(f"{name}={show(value)}" for name, value in arguments.items())
            message = f"{entry.name}({listed})"
            return kind(message, hint=HINTS.get(entry.name, ""), data=data, arguments=arguments)
    except (*DECODING_ERRORS, IndexError):
        return UnknownContractError(f"reverted with malformed data 0x{data.hex()}", data=data)
    if not data:
        return UnknownContractError(
            "reverted without a reason", hint="Perhaps it ran out of gas, or called something that is not a contract."
        )
    return UnknownContractError(
        f"reverted with unknown error 0x{selector.hex()}, data 0x{data.hex()}",
        hint="The contract is not one of this version of the package.",
        data=data,
    )


def revert_data(error: RpcResponseError) -> bytes | None:
    """The revert data in a node's answer, or None when it does not speak of a revert.

    Geth, anvil and Nethermind give a hex string, some prefix it with `Reverted`, Hardhat wraps it in an object.
    """
    found = _find_hex(error.data, depth=4)
    if found is not None:
        return found
    if error.code == 3 or "revert" in error.text.lower():
        return b""
    return None


def _find_hex(data: object, depth: int) -> bytes | None:
    if isinstance(data, str):
        match = re.fullmatch(r"(?:Reverted )?0x((?:[0-9a-fA-F]{2})*)", data)
        return bytes.fromhex(match[1]) if match else None
    if isinstance(data, dict) and depth:
        for key in ("data", "result", "output", "originalError", "error"):
            if (found := _find_hex(data.get(key), depth - 1)) is not None:
                return found
    return None
