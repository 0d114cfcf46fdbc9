"""The errors of `registry`: outside world, accounts, and every custom error of the contracts under its own name.

A contract's error `JobMarket_FeeTooLow(have, want)` is the class `JobMarketFeeTooLow` of this module, made from the
committed ABIs when it is first asked for:

    try:
        chain.transact(market.request(job), value=1, sender=me)
    except errors.JobMarketFeeTooLow as error:
        print(error.arguments["want"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class RegistryError(AivmError):
    """Base of the errors of this package."""


class RpcError(RegistryError):
    """A JSON-RPC call did not give a result."""


class RpcUnavailableError(RpcError):
    """No endpoint gave an answer.

    Args:
        method: the JSON-RPC method that was called.
        failures: each endpoint (without the secrets that its path may hold) and what was wrong with it.
    """

    def __init__(self, method: str, failures: Sequence[tuple[str, str]]) -> None:
        listed = "; ".join(f"{url}: {reason}" for url, reason in failures)
        super().__init__(
            f"{method} got no answer from any endpoint: {listed}",
            hint="Check that the node runs and that the URL is right, or give more URLs to fall back on.",
        )
        self.failures = tuple(failures)


class RpcResponseError(RpcError):
    """An endpoint answered with an error.

    Args:
        method: the JSON-RPC method that was called.
        code: the JSON-RPC error code.
        text: the endpoint's own message.
        data: what came with it, for instance revert data.
    """

    def __init__(self, method: str, code: int, text: str, data: object = None) -> None:
        super().__init__(f"{method} was refused: {text} (code {code})")
        self.method = method
        self.code = code
        self.text = text
        self.data = data


class WrongChainError(RpcError):
    """An endpoint or a file speaks of another chain than the one that was meant."""


class NotDevelopmentChainError(RegistryError):
    """Time travel, snapshots and free ether were asked of a chain that is not ours to bend."""


class AnvilError(RegistryError):
    """The embedded chain does not work."""


class AnvilNotFoundError(AnvilError):
    """There is no anvil of the pinned version, and npm could not bring one."""


class AnvilStartError(AnvilError):
    """anvil was started and gave no answer."""


class AnvilStateError(AnvilError):
    """The saved state of an embedded chain cannot be used."""


class AccountError(RegistryError):
    """A key file or password file is missing, unsafe, or not what it should be."""


class ArtifactError(RegistryError):
    """A contract's artifact is missing or damaged, or lacks what was asked of it."""


class DeploymentError(RegistryError):
    """The contracts could not be deployed, or are not what a deployment record says."""


class NoContractError(RegistryError):
    """There is no contract at the address that was called."""


class TransactionError(RegistryError):
    """A transaction could not be sent, or its fate is not known."""


class InsufficientFundsError(TransactionError):
    """The sender cannot pay for the value and the gas."""


class NonceError(TransactionError):
    """The node and we do not agree on the sender's next nonce, even after asking again."""


class TransactionPendingError(TransactionError):
    """A transaction was sent and not mined in time; it may still be.

    Args:
        transaction: the transaction's hash.
        seconds: how long we waited.
    """

    def __init__(self, transaction: str, seconds: float) -> None:
        super().__init__(
            f"transaction {transaction} was not mined within {seconds:g} s",
            hint="It may still be mined. Look it up by its hash before doing the same again.",
        )
        self.transaction = transaction


class OutOfGasError(TransactionError):
    """A transaction was mined and used up its gas: nothing changed but the fee is spent.

    Args:
        transaction: the transaction's hash.
        gas: its gas limit.
    """

    def __init__(self, transaction: str, gas: int) -> None:
        super().__init__(
            f"transaction {transaction} used up its {gas} gas",
            hint="Others changed what it touches after the gas was estimated. Send it again.",
        )
        self.transaction = transaction


class EventNotFoundError(RegistryError):
    """A receipt does not hold the event that was asked of it."""


class ContractError(RegistryError):
    """A contract refused a call: the base of all custom errors.

    Attributes:
        name: the error's name in Solidity.
        arguments: its arguments by name, in snake case.
        data: the revert data.
        transaction: hash of the transaction that reverted, or None when a simulation did and nothing was sent.
    """

    name: str = ""

    def __init__(
        self, message: str, *, hint: str = "", data: bytes = b"", arguments: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.data = data
        self.arguments: dict[str, Any] = dict(arguments or {})
        self.transaction: str | None = None


class RequireError(ContractError):
    """A contract reverted with a text, by `require` or `revert("...")`."""

    name = "Error"


class PanicError(ContractError):
    """A contract met a condition that must never arise: a failed assertion, an overflow, an index out of bounds."""

    name = "Panic"


class UnknownContractError(ContractError):
    """A contract reverted with data that no ABI of ours explains, or with none."""


def __getattr__(name: str) -> type[ContractError]:
    """The class of a contract's custom error, by its name without underscores."""
    if not name.startswith("_"):
        from registry.contracts.reverts import error_classes  # noqa: PLC0415 - reads the artifacts, which few importers need

        if (found := error_classes().get(name)) is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
