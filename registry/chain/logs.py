"""Reading events in ranges that the node accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry.chain.receipts import decode_log
from registry.errors import RegistryError, RpcResponseError, RpcUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from registry.chain.receipts import Log
    from registry.chain.rpc import Rpc
    from registry.contracts.abi import Interface
    from registry.contracts.contract import Contract

#: Blocks asked for at first, and at most.
FIRST_RANGE = 2_000
LARGEST_RANGE = 1_000_000


def read_logs(
    rpc: Rpc,
    contract: Contract,
    *,
    events: Sequence[str],
    from_block: int,
    to_block: int,
    topics: Mapping[str, Any],
) -> Iterator[Log]:
    """Yields a contract's events in order.

    Nodes limit what one query may return, each in its own way; so a range that is refused is halved, and one that is
    answered doubles the next.

    Raises:
        RegistryError: for an unknown event.
        RpcError: when the node refuses a single block.
    """
    interface = contract.artifact.interface
    if unknown := [name for name in events if name not in interface.events]:
        raise RegistryError(f"{contract} has no event {unknown[0]}")
    if topics and len(events) > 1:
        raise RegistryError("name one event, or none, to filter by its arguments")
    if topics and events:
        wanted: list[Any] = interface.events[events[0]].topics(topics)
    elif topics:
        wanted = _subject(interface, topics)
    else:
        wanted = [["0x" + interface.events[name].hash.hex() for name in events]] if events else []
    start, span = from_block, FIRST_RANGE
    while start <= to_block:
        end = min(start + span - 1, to_block)
        query = {"address": contract.address, "fromBlock": hex(start), "toBlock": hex(end), "topics": wanted}
        try:
            entries = rpc.call("eth_getLogs", query)
        except (RpcResponseError, RpcUnavailableError):
            if end == start:
                raise
            span = (end - start + 1) // 2
            continue
        for entry in entries:
            if (log := decode_log(entry, interface)) is not None:
                yield log
        start, span = end + 1, min(2 * span, LARGEST_RANGE)


def _subject(interface: Interface, topics: Mapping[str, Any]) -> list[Any]:
    """The filter for all events whose first indexed argument has this name and this value."""
    for event in interface.events.values():
        first = next((part.name for part in event.inputs if part.indexed), None)
        if {first} == set(topics):
            return [None, event.topics(topics)[1]]
    raise RegistryError(f"no event's first indexed argument is {', '.join(topics)}")
