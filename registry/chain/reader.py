"""Reading a chain: calls at a block, events, headers, balances."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from registry.chain.logs import read_logs
from registry.chain.receipts import Header, Log, to_bytes
from registry.chain.transactions import call_fields, translate
from registry.contracts.abi import DECODING_ERRORS, Function
from registry.errors import NoContractError, RpcError, RpcResponseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from web3 import Web3

    from registry.chain.rpc import Rpc
    from registry.contracts.abi import Interface
    from registry.contracts.contract import Block, Call, Contract

#: Who calls when nobody is named: it owns nothing.
NOBODY = "0x0000000000000000000000000000000000000000"


class Reader:
    """What can be read of a chain.

    Attributes:
        rpc: the endpoints.
        chain_id: the chain's id.
    """

    def __init__(self, rpc: Rpc, chain_id: int) -> None:
        self.rpc = rpc
        self.chain_id = chain_id
        self._interfaces: dict[str, Interface] = {}

    @cached_property
    def web3(self) -> Web3:
        """web3.py over the same endpoints."""
        from web3 import Web3  # noqa: PLC0415 - slow to import, and few need it

        from registry.chain.provider import FailoverProvider  # noqa: PLC0415

        return Web3(FailoverProvider(self.rpc))

    def know(self, contract: Contract) -> None:
        """Decodes this contract's events in receipts from now on; contracts call it themselves."""
        self._interfaces[contract.address] = contract.artifact.interface

    def call(self, call: Call, *, block: Block = "latest", sender: str = NOBODY, value: int = 0) -> Any:
        """What a call returns at a block, typed; changes nothing.

        Raises:
            ContractError: when it reverts.
            NoContractError: when there is no contract at the address.
        """
        fields = call_fields(call, sender, value)
        where = hex(block) if isinstance(block, int) else block
        try:
            data = to_bytes(self.rpc.call("eth_call", fields, where))
        except RpcResponseError as error:
            raise translate(error) from error
        if not isinstance(call.entry, Function):
            return data
        if not data and call.entry.outputs:
            raise NoContractError(
                f"there is no {call.contract} at {call.to} on chain {self.chain_id}, block {block}",
                hint="Check the address, and that the deployment is of this chain.",
            )
        try:
            return call.entry.decode_outputs(data)
        except DECODING_ERRORS as error:
            raise NoContractError(
                f"what is at {call.to} is not a {call.contract}: {call.entry.signature} gave {data.hex()}"
            ) from error

    def header(self, block: Block = "latest") -> Header:
        """A block's header.

        Raises:
            RpcError: when there is no such block.
        """
        where = hex(block) if isinstance(block, int) else block
        found = self.rpc.call("eth_getBlockByNumber", where, False)  # noqa: FBT003 - JSON-RPC
        if found is None:
            raise RpcError(f"there is no block {block} on chain {self.chain_id}")
        return Header.parse(found)

    def block_number(self) -> int:
        """The latest block's number."""
        return int(self.rpc.call("eth_blockNumber"), 16)

    def now(self) -> int:
        """The time that a transaction sent now would see, in seconds: that of the pending block.

        An embedded chain mines only when something is pending, so its latest block may be old.
        """
        return self.header("pending").timestamp

    def balance(self, address: str) -> int:
        """In wei."""
        return int(self.rpc.call("eth_getBalance", address, "latest"), 16)

    def nonce(self, address: str) -> int:
        """The number of an account's next transaction, those that are pending counted."""
        return int(self.rpc.call("eth_getTransactionCount", address, "pending"), 16)

    def code(self, address: str) -> bytes:
        """The code at an address; empty if there is no contract."""
        return to_bytes(self.rpc.call("eth_getCode", address, "latest"))

    def logs(
        self,
        contract: Contract,
        *events: str,
        from_block: int = 0,
        to_block: int | None = None,
        topics: Mapping[str, Any] | None = None,
    ) -> list[Log]:
        """A contract's events, in order.

        Args:
            contract: whose.
            events: their names; all if none is given.
            from_block: first block.
            to_block: last block; None for the latest.
            topics: indexed arguments that must have these values; then name one event, or none to get every event
                whose first indexed argument it is.

        Raises:
            RpcError: when the node refuses even single blocks.
        """
        last = self.block_number() if to_block is None else to_block
        return list(
            read_logs(self.rpc, contract, events=events, from_block=from_block, to_block=last, topics=topics or {})
        )
