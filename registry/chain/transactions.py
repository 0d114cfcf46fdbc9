"""Sending: nonces counted here, fees by EIP-1559, and what to make of a node's refusal."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

from eth_utils.address import to_checksum_address

from registry.contracts.reverts import decode_revert, revert_data
from registry.errors import (
    InsufficientFundsError,
    NonceError,
    OutOfGasError,
    RpcError,
    RpcResponseError,
    RpcUnavailableError,
    TransactionError,
    TransactionPendingError,
    UnknownContractError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eth_account.signers.local import LocalAccount

    from registry.chain.rpc import Rpc
    from registry.contracts.contract import Call
    from registry.errors import RegistryError

#: Signed anew this often when the node does not agree on the nonce.
NONCE_ATTEMPTS = 4
#: What one transaction may use at most (EIP-7825), in gas.
TRANSACTION_GAS_LIMIT = 2**24
KNOWN = ("already known", "already imported", "known transaction", "alreadyknown")
NONCE = ("nonce", "replacement transaction underpriced", "replacement underpriced")


def translate(error: RpcResponseError) -> RegistryError:
    """A node's refusal as what it means: a revert by its name, a lack of funds, or itself."""
    if "insufficient funds" in error.text.lower() or "insufficient balance" in error.text.lower():
        return InsufficientFundsError(f"{error.method}: {error.text}", hint="Send ether to the sender, or send less.")
    data = revert_data(error)
    return error if data is None else decode_revert(data)


def call_fields(call: Call, sender: str, value: int) -> dict[str, Any]:
    """The fields of a call in `eth_call`'s form."""
    fields = {"from": sender, "value": hex(value), "data": "0x" + call.data.hex()}
    return fields if call.to is None else fields | {"to": call.to}


class Sender:
    """Signs and sends on one chain, for any number of accounts and threads."""

    def __init__(self, rpc: Rpc, chain_id: int) -> None:
        self._rpc = rpc
        self._chain_id = chain_id
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._nonces: dict[str, tuple[int, str]] = {}  # the next one, and the transaction that took the one before

    def forget(self) -> None:
        """Forgets every count, for instance because the chain was rolled back."""
        with self._guard:
            self._nonces.clear()

    def gas(self, fields: Mapping[str, Any]) -> int:
        """The gas limit for a call: the node's estimate with room for what may change until it is mined.

        The room is ample because what others do in between matters: the first write to a checkpoint in a block costs
        four times as much as the second, and an estimate on top of a pending transaction sees the second. Unused gas is
        free.
        """
        try:
            estimate = int(self._rpc.call("eth_estimateGas", fields, "pending"), 16)
        except RpcResponseError as error:
            raise translate(error) from error
        return max(estimate, min(2 * estimate + 200_000, TRANSACTION_GAS_LIMIT))

    def fees(self) -> tuple[int, int]:
        """(maximum fee, tip) per gas, in wei: room for the base fee to double."""
        base, tip = self._rpc.batch(
            [("eth_getBlockByNumber", ("latest", False)), ("eth_maxPriorityFeePerGas", ())],
        )
        if isinstance(base, RpcResponseError):
            raise base
        per_gas = int(tip, 16) if isinstance(tip, str) else 10**9
        return 2 * int(base.get("baseFeePerGas") or "0x0", 16) + per_gas, per_gas

    def transaction(self, call: Call, sender: str, value: int, gas: int) -> dict[str, Any]:
        """The exact transaction, as `eth_account` signs it, with the nonce that is next now."""
        maximum, tip = self.fees()
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": self._next(sender),
            "value": value,
            "gas": gas,
            "maxFeePerGas": maximum,
            "maxPriorityFeePerGas": tip,
            "data": "0x" + call.data.hex(),
        }
        return fields if call.to is None else fields | {"to": to_checksum_address(call.to)}

    def send(self, call: Call, account: LocalAccount, value: int, gas: int) -> str:
        """Signs and sends; returns the transaction's hash.

        Raises:
            InsufficientFundsError: the account cannot pay.
            NonceError: the node does not accept any nonce that it names itself.
            TransactionError: the node refuses for another reason.
            RpcUnavailableError: no endpoint answered; the transaction may or may not have arrived.
        """
        with self._lock_of(account.address):
            for _ in range(NONCE_ATTEMPTS):
                fields = self.transaction(call, account.address, value, gas)
                # Two processes with one account could sign the very same transaction, and the second would take the
                # first one's receipt for its own. A few wei more that may be paid, and never are, tell them apart.
                fields["maxFeePerGas"] += secrets.randbelow(1 << 16)
                signed = account.sign_transaction(fields)
                transaction = "0x" + bytes(signed.hash).hex()
                try:
                    self._rpc.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
                except RpcUnavailableError:
                    self._nonces.pop(account.address, None)
                    raise
                except RpcResponseError as error:
                    if not self._arrived(error, transaction):
                        self._nonces.pop(account.address, None)
                        if not any(word in error.text.lower() for word in NONCE):
                            reason = translate(error)
                            raise (
                                reason if not isinstance(reason, RpcError) else TransactionError(error.message)
                            ) from error
                        continue
                self._nonces[account.address] = fields["nonce"] + 1, transaction
                return transaction
        raise NonceError(
            f"the node accepts no nonce for {account.address}",
            hint="Another process may be sending from this account: give each its own.",
        )

    def wait(self, transaction: str, timeout: float, interval: float) -> dict[str, Any]:
        """The node's receipt of a transaction, whatever its status.

        Args:
            transaction: its hash.
            timeout: seconds to wait at most.
            interval: longest time between two looks, in seconds.

        Raises:
            TransactionPendingError: when it is not mined in time.
        """
        end, pause = time.monotonic() + timeout, 0.001
        while True:
            receipt = self._rpc.call("eth_getTransactionReceipt", transaction)
            if receipt and receipt.get("blockNumber"):
                return cast("dict[str, Any]", receipt)
            if time.monotonic() > end:
                self.forget()  # what is lost must not leave a gap before what is sent next
                raise TransactionPendingError(transaction, timeout)
            time.sleep(pause)
            pause = min(2 * pause, interval)

    def reason(self, transaction: str, gas_used: int) -> RegistryError:
        """Why a mined transaction failed: from its trace where the node keeps one, else by calling it again."""
        sent = self._rpc.call("eth_getTransactionByHash", transaction)
        found = self._revert_of(transaction, sent)
        gas = int(sent["gas"], 16)
        # A call inside gets all but one 64th of the gas that is left.
        if isinstance(found, UnknownContractError) and not found.data and 64 * gas_used >= 63 * gas:
            return OutOfGasError(transaction, gas)
        return found

    def _revert_of(self, transaction: str, sent: Mapping[str, Any]) -> RegistryError:
        try:
            trace = self._rpc.call("debug_traceTransaction", transaction, {"tracer": "callTracer"})
            output = trace.get("output") or "0x"
            return decode_revert(bytes.fromhex(output.removeprefix("0x")))
        except (RpcError, AttributeError, ValueError):
            pass
        fields = {"data": sent["input"]} | {
            name: sent[name] for name in ("from", "to", "value", "gas") if sent.get(name)
        }
        try:
            self._rpc.call("eth_call", fields, hex(int(sent["blockNumber"], 16) - 1))
        except RpcResponseError as error:
            return translate(error)
        return decode_revert(b"")

    def _lock_of(self, address: str) -> threading.Lock:
        with self._guard:
            return self._locks[to_checksum_address(address)]

    def _next(self, address: str) -> int:
        """The next nonce: the node's count, or ours where the node is behind.

        It is not behind if it has never heard of our last transaction: a reorganisation has dropped it, and whatever
        came after the gap would wait for ever.
        """
        counted = int(self._rpc.call("eth_getTransactionCount", address, "pending"), 16)
        known, last = self._nonces.get(address, (0, ""))
        if known <= counted or not self._rpc.call("eth_getTransactionByHash", last):
            return counted
        return known

    def _arrived(self, error: RpcResponseError, transaction: str) -> bool:
        """Whether a refusal only says that the node has it: an endpoint before this one may have sent it on."""
        text = error.text.lower()
        if any(word in text for word in KNOWN):
            return True
        return "nonce" in text and bool(self._rpc.call("eth_getTransactionByHash", transaction))
