"""Where tensors live in the arena: what is not needed at the same time may share memory."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.arithmetic import _core

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aivm.arithmetic.lower.emit.emitter import Step
    from aivm.arithmetic.lower.values import Storage, Value

#: Of offsets, as the core wants them.
ALIGNMENT = 64
#: More blocks than this are not sorted by size: comparing each with each would take longer than what is saved.
_MANY = 4096


@dataclass(slots=True, kw_only=True)
class Block:
    """Memory for one storage, or for several that hand it on in place.

    Attributes:
        first: the step that writes it first.
        last: the step that reads it last.
        bytes: its size, a multiple of the alignment.
        offset: its place in the arena.
    """

    first: int
    last: int
    bytes: int
    offset: int = 0


def place(steps: Sequence[Step], kept: Mapping[Storage, object]) -> tuple[dict[Storage, int], int]:
    """Offsets of all storages that steps write, but for those that are kept elsewhere.

    A step whose primitive works in place writes where an operand of as many elements of the same size was that nobody
    reads later.

    Returns:
        The offsets, and the bytes of the arena.
    """
    last_read: dict[Storage, int] = {}
    for index, step in enumerate(steps):
        for value in step.inputs:
            if value is not None:
                last_read[value.storage] = index
    blocks: dict[Storage, Block] = {}
    for index, step in enumerate(steps):
        for value in step.outputs:
            if value is None or value.storage in kept:
                continue
            size = -(-max(value.storage.bytes, 1) // ALIGNMENT) * ALIGNMENT
            last = last_read.get(value.storage, index)
            block = _handed_on(step, index, value, last_read, blocks)
            if block is None:
                block = Block(first=index, last=last, bytes=size)
            else:
                block.last = max(block.last, last)
            blocks[value.storage] = block
    distinct = {id(block): block for block in blocks.values()}
    arena = _pack(list(distinct.values()))
    return {storage: block.offset for storage, block in blocks.items()}, arena


def _handed_on(
    step: Step, index: int, result: Value, last_read: Mapping[Storage, int], blocks: Mapping[Storage, Block]
) -> Block | None:
    """The memory of an operand that dies at this step, if the result may be written over it."""
    if len(step.outputs) != 1 or not _core.works_in_place(step.op):
        return None
    for value in step.inputs:
        if value is None:
            continue
        block = blocks.get(value.storage)
        if block is not None and last_read[value.storage] == index and block.last == index and _alike(value, result):
            return block
    return None


def _alike(value: Value, result: Value) -> bool:
    """Whether element i of both is at the same place: equal sizes in bytes alone may hide a broadcast."""
    return value.elements == result.elements and value.item_bytes == result.item_bytes


def _pack(blocks: list[Block]) -> int:
    """Gives every block an offset: the largest first, each in the lowest gap that it fits in."""
    if len(blocks) > _MANY:
        return _pack_in_order(blocks)
    placed: list[Block] = []
    for block in sorted(blocks, key=lambda item: (-item.bytes, item.first)):
        offset = 0
        for other in placed:  # ascending offsets
            if other.last < block.first or block.last < other.first:
                continue
            if offset + block.bytes <= other.offset:
                break
            offset = max(offset, other.offset + other.bytes)
        block.offset = offset
        bisect.insort(placed, block, key=lambda item: item.offset)
    return max((block.offset + block.bytes for block in blocks), default=0)


def _pack_in_order(blocks: list[Block]) -> int:
    """The same for very many blocks, in the order of the steps: each in the lowest gap of those that are alive."""
    alive: list[Block] = []
    total = 0
    for block in sorted(blocks, key=lambda item: item.first):
        alive = [other for other in alive if other.last >= block.first]
        offset = 0
        for other in alive:  # ascending offsets
            if offset + block.bytes <= other.offset:
                break
            offset = max(offset, other.offset + other.bytes)
        block.offset = offset
        bisect.insort(alive, block, key=lambda item: item.offset)
        total = max(total, offset + block.bytes)
    return total
