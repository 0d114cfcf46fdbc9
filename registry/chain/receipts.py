"""What the chain did: receipts, logs, block headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from eth_utils.address import to_checksum_address

from registry.contracts.abi import DECODING_ERRORS
from registry.errors import EventNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.contracts.abi import Interface


def to_bytes(text: str) -> bytes:
    """Bytes from 0x-prefixed hex."""
    return bytes.fromhex(text.removeprefix("0x"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A decoded event. `log["job"]` is its argument `job`.

    Attributes:
        event: its name in Solidity.
        arguments: by name, in snake case.
        address: the contract that emitted it.
        block: number of its block.
        block_hash: 0x-prefixed hex.
        transaction: hash of its transaction, 0x-prefixed hex.
        index: its place in the block.
    """

    event: str
    arguments: Mapping[str, Any]
    address: str
    block: int
    block_hash: str
    transaction: str
    index: int

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]


def decode_log(entry: Mapping[str, Any], interface: Interface) -> Log | None:
    """Decodes a log of a contract with this interface; None for an event that it does not have."""
    topics = [to_bytes(topic) for topic in entry["topics"]]
    event = interface.events_by_topic.get(topics[0]) if topics else None
    if event is None:
        return None
    try:
        arguments = event.decode_log(topics, to_bytes(entry["data"]))
    except (*DECODING_ERRORS, StopIteration, IndexError):
        return None
    return Log(
        event=event.name,
        arguments=arguments,
        address=to_checksum_address(entry["address"]),
        block=int(entry["blockNumber"], 16),
        block_hash=entry["blockHash"],
        transaction=entry["transactionHash"],
        index=int(entry["logIndex"], 16),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A mined, successful transaction.

    Attributes:
        transaction: its hash, 0x-prefixed hex.
        block: number of its block.
        block_hash: 0x-prefixed hex.
        gas_used: in gas.
        fee: what the sender paid for it, in wei.
        contract: address of the contract that it created, or None.
        events: the decoded events of known contracts, in order.
    """

    transaction: str
    block: int
    block_hash: str
    gas_used: int
    fee: int
    contract: str | None
    events: tuple[Log, ...]

    @classmethod
    def parse(cls, entry: Mapping[str, Any], interfaces: Mapping[str, Interface]) -> Self:
        """Reads a node's receipt; decodes the events of contracts at these addresses."""
        decoded = []
        for log in entry["logs"]:
            interface = interfaces.get(to_checksum_address(log["address"]))
            if interface and (found := decode_log(log, interface)):
                decoded.append(found)
        gas = int(entry["gasUsed"], 16)
        created = entry.get("contractAddress")
        return cls(
            transaction=entry["transactionHash"],
            block=int(entry["blockNumber"], 16),
            block_hash=entry["blockHash"],
            gas_used=gas,
            fee=gas * int(entry.get("effectiveGasPrice", "0x0"), 16),
            contract=to_checksum_address(created) if created else None,
            events=tuple(decoded),
        )

    def event(self, name: str) -> Log:
        """The first event of this name.

        Raises:
            EventNotFoundError: when there is none.
        """
        for log in self.events:
            if log.event == name:
                return log
        seen = ", ".join(log.event for log in self.events) or "none"
        raise EventNotFoundError(f"transaction {self.transaction} emitted no {name}; its events are: {seen}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A block's header; `timestamp` in seconds, hashes in 0x-prefixed hex, `base_fee` in wei."""

    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Self:
        """Reads a node's block."""
        return cls(
            number=int(entry["number"], 16),
            hash=entry.get("hash") or "",
            parent=entry["parentHash"],
            timestamp=int(entry["timestamp"], 16),
            base_fee=int(entry.get("baseFeePerGas") or "0x0", 16),
        )
