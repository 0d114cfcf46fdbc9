"""Which blocks hang together: a walk over a DAG, parents before children, each block once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm import dagpb
from aivm.cid import DAG_PB, Cid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def links(cid: Cid, block: bytes) -> list[Cid]:
    """The CIDs that a block links to, in order.

    Raises:
        DagPbError, CidError: a linking block that is not canonical, or that links to another kind of CID.
    """
    return [link.cid for link in dagpb.decode(block).links] if cid.codec == DAG_PB else []


def walk(root: Cid, get_block: Callable[[Cid], bytes]) -> Iterator[Cid]:
    """Every CID from a root on, depth first, each once; only linking blocks are read.

    The walk cannot loop (a hash cannot contain itself) and takes time linear in the number of distinct blocks,
    however often a hostile node repeats a link.
    """
    seen: set[Cid] = set()
    stack = [root]
    while stack:
        cid = stack.pop()
        if cid in seen:
            continue
        seen.add(cid)
        yield cid
        if cid.codec == DAG_PB:
            stack.extend(reversed(links(cid, get_block(cid))))
