"""One chain over JSON-RPC, embedded or anywhere: calls, transactions, events, time.

with Chain.managed() as chain:                   # or Chain.connect(["http://127.0.0.1:8545"])
    chain.fund(me.address, 10**18)
    receipt = chain.transact(market.settle(job), sender=me)
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from registry.chain.reader import Reader
from registry.chain.receipts import Header, Log, Receipt
from registry.chain.rpc import Rpc
from registry.chain.transactions import Sender, call_fields
from registry.errors import ContractError, NoContractError, NotDevelopmentChainError, RpcResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from registry.chain.anvil import Anvil
    from registry.contracts.contract import Call

__all__ = ["As", "Chain", "Header", "Log", "Receipt"]


class Chain(Reader):
    """A chain, to read and to write. Made by `connect` or `managed`; safe to use from several threads.

    Attributes:
        rpc: the endpoints.
        chain_id: the chain's id.
        node: the embedded node, or None when connected to somebody's.
        timeout: seconds to wait for a transaction to be mined.
    """

    def __init__(self, rpc: Rpc, *, chain_id: int, node: Anvil | None = None, timeout: float = 180.0) -> None:
        super().__init__(rpc, chain_id)
        self.node = node
        self.timeout = timeout
        self._sender = Sender(rpc, chain_id)
        self._has_code: set[str] = set()

    @classmethod
    def connect(cls, urls: Sequence[str], *, chain_id: int | None = None, timeout: float = 180.0) -> Self:
        """A chain behind one or several JSON-RPC URLs, in order of preference.

        Args:
            urls: http or https.
            chain_id: the id that is meant; by default, that of the first endpoint that answers.
            timeout: seconds to wait for a transaction to be mined.

        Raises:
            RpcUnavailableError: when none answers, or none serves this chain.
        """
        rpc = Rpc(urls, chain_id=chain_id)
        try:
            rpc.chain_id = int(rpc.call("eth_chainId"), 16)
        except BaseException:
            rpc.close()
            raise
        return cls(rpc, chain_id=rpc.chain_id, timeout=timeout)

    @classmethod
    def managed(cls, state_dir: Path | None = None, **parameters: Any) -> Self:
        """An embedded chain, which ends with this object or this process; use it as a context manager.

        Args:
            state_dir: where it keeps its state; None to forget it.
            parameters: of `registry.chain.anvil.Anvil`: `chain_id`, `port`, `save_every`.

        Raises:
            AnvilError: when there is no anvil, or it does not start.
        """
        from registry.chain.anvil import Anvil  # noqa: PLC0415 - not needed to connect

        node = Anvil(state_dir=state_dir, **parameters)
        return cls(Rpc([node.url], chain_id=node.chain_id), chain_id=node.chain_id, node=node)

    def close(self) -> None:
        """Closes the connections, and ends the node if it is ours."""
        self.rpc.close()
        if self.node is not None:
            self.node.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- writing ---

    def as_(self, account: LocalAccount) -> As:
        """This chain, with an account that sends."""
        return As(chain=self, account=account)

    def simulate(self, call: Call, *, sender: str | LocalAccount, value: int = 0) -> Any:
        """What a transaction would return if it were mined next.

        Raises:
            ContractError: when it would revert, by the error's name.
        """
        self._require_code(call)
        return self.call(call, block="pending", sender=_address(sender), value=value)

    def dry_run(
        self, call: Call, *, sender: str | LocalAccount, value: int = 0, gas: int | None = None, ahead: int = 0
    ) -> dict[str, Any]:
        """The exact transaction that `transact` would sign now, without sending it; simulated first.

        Args:
            call: what to do.
            sender: who would sign and pay.
            value: wei to send along.
            gas: the gas limit; by default, an estimate with a margin.
            ahead: how many transactions of the sender come before. If there are any, what this one builds on is not
                there yet: it is not simulated, and `gas` must be given.

        Returns:
            Its fields, with `from` and `call`, a text of what it does.

        Raises:
            ContractError: when it would revert, by the error's name.
        """
        address = _address(sender)
        if not ahead:
            self.simulate(call, sender=address, value=value)
        limit = gas or self._sender.gas(call_fields(call, address, value))
        fields = self._sender.transaction(call, address, value, limit)
        return {"call": str(call), "from": address, **fields, "nonce": fields["nonce"] + ahead}

    def send(self, call: Call, *, sender: LocalAccount, value: int = 0, gas: int | None = None) -> str:
        """Simulates, signs and sends, without waiting; returns the transaction's hash, for `wait`.

        Args:
            call: what to do.
            sender: who signs and pays.
            value: wei to send along.
            gas: the gas limit; by default, an estimate with a margin.

        Raises:
            ContractError: when the simulation reverts, by the error's name; nothing was sent.
            TransactionError: when the node refuses the transaction.
        """
        self.simulate(call, sender=sender, value=value)
        limit = gas or self._sender.gas(call_fields(call, sender.address, value))
        transaction = self._sender.send(call, sender, value, limit)
        if self.node is not None:
            self.node.wake()
        return transaction

    def wait(self, transaction: str) -> Receipt:
        """The receipt of a transaction that was sent.

        Raises:
            ContractError: when it reverted, by the error's name.
            OutOfGasError: when its gas was not enough.
            TransactionPendingError: when it is not mined in time.
        """
        entry = self._sender.wait(transaction, self.timeout, 0.02 if self.node else 0.5)
        if int(entry["status"], 16) != 1:
            reason = self._sender.reason(transaction, int(entry["gasUsed"], 16))
            if isinstance(reason, ContractError):
                reason.transaction = transaction
            raise reason
        return Receipt.parse(entry, self._interfaces)

    def transact(self, call: Call, *, sender: LocalAccount, value: int = 0, gas: int | None = None) -> Receipt:
        """Simulates, signs, sends, waits: see `send` and `wait`."""
        return self.wait(self.send(call, sender=sender, value=value, gas=gas))

    def _require_code(self, call: Call) -> None:
        if call.to is None or call.to in self._has_code:
            return
        if not self.code(call.to):
            raise NoContractError(
                f"there is no {call.contract} at {call.to} on chain {self.chain_id}",
                hint="Check the address, and that the deployment is of this chain.",
            )
        self._has_code.add(call.to)

    # --- a development chain can be bent ---

    @cached_property
    def is_development(self) -> bool:
        """Whether the chain is an anvil."""
        try:
            return str(self.rpc.call("web3_clientVersion")).startswith("anvil/")
        except RpcResponseError:
            return False  # a public endpoint need not say what it is

    def fund(self, address: str, wei: int) -> None:
        """Gives an account ether out of nothing."""
        self._require_development("fund")
        self.rpc.call("anvil_addBalance", address, hex(wei))

    def mine(self, blocks: int = 1) -> None:
        """Mines empty blocks."""
        self._require_development("mine")
        self.rpc.call("anvil_mine", hex(blocks))

    def advance_time(self, seconds: int) -> None:
        """Puts the clock forward and mines a block at that time."""
        self._require_development("advance_time")
        self.rpc.call("evm_increaseTime", hex(seconds))
        self.rpc.call("evm_mine")

    @contextmanager
    def anchor(self) -> Iterator[Self]:
        """Undoes, at its end, everything that happened on the chain within; may be nested."""
        self._require_development("anchor")
        snapshot = self.rpc.call("evm_snapshot")
        known = set(self._has_code)
        try:
            yield self
        finally:
            with self.node.lock if self.node else nullcontext():
                self.rpc.call("anvil_dropAllTransactions")  # reverting leaves them in the pool
                self.rpc.call("evm_revert", snapshot)
            self._sender.forget()
            self._has_code = known

    def _require_development(self, what: str) -> None:
        if not self.is_development:
            raise NotDevelopmentChainError(
                f"{what}: chain {self.chain_id} is not a development chain", hint="Use `aivm chain devnet`."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class As:
    """A chain, with an account that sends."""

    chain: Chain
    account: LocalAccount

    def transact(self, call: Call, *, value: int = 0) -> Receipt:
        """See `Chain.transact`."""
        return self.chain.transact(call, sender=self.account, value=value)

    def simulate(self, call: Call, *, value: int = 0) -> Any:
        """See `Chain.simulate`."""
        return self.chain.simulate(call, sender=self.account, value=value)

    def dry_run(self, call: Call, *, value: int = 0) -> dict[str, Any]:
        """See `Chain.dry_run`."""
        return self.chain.dry_run(call, sender=self.account, value=value)


def _address(sender: str | LocalAccount) -> str:
    return sender if isinstance(sender, str) else sender.address
