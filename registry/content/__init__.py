"""Content by its hash: stored in files, served and fetched over HTTP, verified whoever sent it.

A publisher's node keeps blocks in a `FileBlockStore` and serves them with `registry.content.gateway.serve`; a
validator's `ContentStore` looks in its own files first and then asks the gateways that it knows:

    local = FileBlockStore(directory)
    store = ContentStore(local, [GatewayClient(["http://127.0.0.1:8080"])])
    record = store.get_record(digest)
    model = b"".join(store.read_file(cid, limit=200_000))

No daemon is needed; `KuboClient` speaks to one where there is one. CIDs and file trees are `aivm.cid`, `aivm.unixfs`.
"""

from __future__ import annotations

from registry.content.blockstore import FileBlockStore
from registry.content.client import GatewayClient
from registry.content.errors import (
    BlockMismatchError,
    BlockNotFoundError,
    ContentError,
    ContentUnavailableError,
    CorruptBlockError,
)
from registry.content.kubo import KuboClient
from registry.content.store import ContentStore

__all__ = [
    "BlockMismatchError",
    "BlockNotFoundError",
    "ContentError",
    "ContentStore",
    "ContentUnavailableError",
    "CorruptBlockError",
    "FileBlockStore",
    "GatewayClient",
    "KuboClient",
]
