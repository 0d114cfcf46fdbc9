"""Files as trees of blocks: UnixFS under the profile ``unixfs-v1-2025`` (IPIP-499).

CIDv1, chunks of 1 MiB in raw leaves, at most 1024 links a node, balanced; a file of at most one chunk is that single
raw block. Under a fixed profile everything but the leaves' hashes follows from the file's size, so the reader asks
for exactly that: **a file is read only if the importer would have written its tree**, byte for byte. One content has
one CID, whoever wrote it, and a peer has no freedom to hide anything in a node.

Source: the UnixFS specification; IPIP-499 for the profile.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, Final

from aivm import dagpb
from aivm.cid import DAG_PB, MAX_BLOCK, RAW, Cid
from aivm.errors import AivmError

#: The profile's name, as manifests carry it.
PROFILE: Final = "unixfs-v1-2025"
#: Bytes in every chunk but the last.
CHUNK: Final = 1024 * 1024
#: Links in every node but the last of its level.
MAX_LINKS: Final = 1024

#: Takes each block of a file, leaves first, the root last.
Sink = Callable[[Cid, bytes], None]
#: Gives the block of a CID, or raises; what it gives is verified by the caller.
GetBlock = Callable[[Cid], bytes]

_FILE: Final = 2
_TYPES: Final = {0: "raw leaf", 1: "directory", 2: "file", 3: "metadata node", 4: "symlink", 5: "HAMT directory"}
_HINT: Final = f"Add the file again under the profile {PROFILE} and use the CID that this gives."


class UnixFsError(AivmError):
    """A tree of blocks that is not one file under the profile."""


class UnsupportedNodeError(UnixFsError):
    """A node that is something else than a file: a directory, a HAMT directory, a symlink."""


class ProfileError(UnixFsError):
    """A file, but not as the profile writes it."""


class FileTooLargeError(UnixFsError):
    """A file of more bytes than the reader allowed; nothing beyond its root was fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What a file became.

    Attributes:
        cid: its root.
        size: its bytes.
    """

    cid: Cid
    size: int


def import_file(stream: BinaryIO, sink: Sink | None = None) -> ImportResult:
    """Cut a stream into blocks, in constant memory.

    Args:
        stream: read to its end; short reads are fine.
        sink: called with each block, leaves first.
    """
    levels: list[list[tuple[Cid, int]]] = [[]]  # per level: the (cid, file size) of nodes that wait for a parent

    def close(height: int) -> None:
        children, levels[height] = levels[height], []
        size = sum(part for _, part in children)
        block = _encode([cid for cid, _ in children], size, height + 1)
        push(height + 1, DAG_PB, block, size)

    def push(height: int, codec: int, block: bytes, size: int) -> None:
        cid = Cid.of(codec, block)
        if sink is not None:
            sink(cid, block)
        if height == len(levels):
            levels.append([])
        levels[height].append((cid, size))
        if len(levels[height]) == MAX_LINKS:
            close(height)

    total = 0
    for chunk in _chunks(stream):
        push(0, RAW, chunk, len(chunk))
        total += len(chunk)
    height = 0
    while height + 1 < len(levels) or len(levels[height]) > 1:
        if levels[height]:
            close(height)
        height += 1
    return ImportResult(cid=levels[height][0][0], size=total)


def import_bytes(data: bytes, sink: Sink | None = None) -> ImportResult:
    """Cut bytes into blocks; see `import_file`."""
    return import_file(io.BytesIO(data), sink)


def read_file(cid: Cid, get_block: GetBlock, *, limit: int) -> Iterator[bytes]:
    """The chunks of a file, one at a time, in constant memory; nothing is fetched before the first is asked for.

    Every block is verified against its CID, whatever `get_block` promises, and every node must be byte for byte what
    the profile makes of the size that the root declares. That size is compared with the limit before any other block
    is fetched; a tree that passes has at most five levels and cannot loop.

    Args:
        cid: the root.
        get_block: where blocks come from; its own errors pass through.
        limit: the most bytes that the file may have.

    Raises:
        UnsupportedNodeError: the root is a directory, a HAMT directory, a symlink, …
        ProfileError: a tree that the profile would not write.
        FileTooLargeError: the file has more than `limit` bytes.
        DagPbError: a node that is not canonical dag-pb.
        CidError, CidMismatchError: a link of another kind; bytes that are not those of their CID.
    """
    block = _fetch(cid, get_block)
    if cid.codec == RAW:
        if len(block) > CHUNK:
            raise ProfileError(f"{cid} is a raw block of {len(block)} bytes; the profile cuts at {CHUNK}", hint=_HINT)
        _check_limit(cid, len(block), limit)
        yield block
        return
    size = _declared_size(cid, dagpb.decode(block).data)
    _check_limit(cid, size, limit)
    if size <= CHUNK:
        raise ProfileError(f"{cid} is a node for {size} bytes; the profile keeps these in one raw block", hint=_HINT)
    yield from _read_node(cid, block, size, _height(size), get_block)


def read_bytes(cid: Cid, get_block: GetBlock, *, limit: int) -> bytes:
    """A whole file in memory; see `read_file`."""
    return b"".join(read_file(cid, get_block, limit=limit))


def _read_node(cid: Cid, block: bytes, size: int, height: int, get_block: GetBlock) -> Iterator[bytes]:
    for child, part in zip(_links(cid, block, size, height), _parts(size, height), strict=True):
        if child.codec != (RAW if height == 1 else DAG_PB):
            raise ProfileError(f"{child} in {cid} stands {height - 1} levels above the chunks, with another codec")
        child_block = _fetch(child, get_block)
        if height > 1:
            yield from _read_node(child, child_block, part, height - 1, get_block)
        elif len(child_block) == part:
            yield child_block
        else:
            raise ProfileError(f"chunk {child} has {len(child_block)} bytes; {cid} declares {part}", hint=_HINT)


def _fetch(cid: Cid, get_block: GetBlock) -> bytes:
    block = get_block(cid)
    if len(block) > MAX_BLOCK:
        raise ProfileError(f"{cid} came as {len(block)} bytes; a block has at most {MAX_BLOCK}")
    cid.verify(block)
    return block


def _links(cid: Cid, block: bytes, size: int, height: int) -> list[Cid]:
    """The children of a node, after a check that it is the profile's node for `size` bytes."""
    node = dagpb.decode(block)
    declared = _declared_size(cid, node.data)
    if declared != size:
        raise ProfileError(f"{cid} declares {declared} bytes where its place in the tree has {size}", hint=_HINT)
    want = len(_parts(size, height))
    if len(node.links) != want:
        raise ProfileError(f"{cid} has {len(node.links)} links for {size} bytes; the profile has {want}", hint=_HINT)
    children = [link.cid for link in node.links]
    expected = _encode(children, size, height)
    if block != expected:
        where = next((at for at, (a, b) in enumerate(zip(block, expected, strict=False)) if a != b), len(expected))
        raise ProfileError(f"{cid} differs at byte {where} from the profile's node for {size} bytes", hint=_HINT)
    return children


def _declared_size(cid: Cid, data: bytes) -> int:
    """The size in a file node's UnixFS data."""
    found = [(field, value) for _, field, value in dagpb.fields(data)]
    if not found or found[0][0] != 1 or not isinstance(found[0][1], int):
        raise ProfileError(f"{cid} holds no UnixFS data: it does not start with a type", hint=_HINT)
    if found[0][1] != _FILE:
        kind = _TYPES.get(found[0][1], f"node of type {found[0][1]}")
        raise UnsupportedNodeError(f"{cid} is a {kind}, not a file", hint="Use the CID of one file.")
    for field, value in found[1:]:
        if field == 2:
            raise ProfileError(f"{cid} holds file data itself; the profile keeps it in raw leaves", hint=_HINT)
        if field not in (3, 4) or not isinstance(value, int):
            raise ProfileError(f"{cid} has field {field} in its UnixFS data; the profile has none", hint=_HINT)
    sizes = [value for field, value in found if field == 3 and isinstance(value, int)]
    if len(sizes) != 1:
        raise ProfileError(f"{cid} declares {len(sizes)} file sizes, not one", hint=_HINT)
    return sizes[0]


def _check_limit(cid: Cid, size: int, limit: int) -> None:
    if size > limit:
        raise FileTooLargeError(
            f"file {cid} has {size} bytes; at most {limit} are allowed here",
            hint="Raise the limit if you trust a file of this size.",
        )


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Chunks of exactly 1 MiB and a rest; one empty chunk for an empty stream."""
    first = True
    while True:
        chunk = stream.read(CHUNK)
        while chunk and len(chunk) < CHUNK:
            more = stream.read(CHUNK - len(chunk))
            if not more:
                break
            chunk += more
        if chunk or first:
            yield chunk
        if len(chunk) < CHUNK:
            return
        first = False


def _height(size: int) -> int:
    """Levels of nodes above the chunks."""
    height, capacity = 0, CHUNK
    while capacity < size:
        height, capacity = height + 1, capacity * MAX_LINKS
    return height


def _parts(size: int, height: int) -> list[int]:
    """File sizes of the children of a node: full subtrees, then the rest."""
    full: int = CHUNK * MAX_LINKS ** (height - 1)
    return [full] * (size // full) + ([size % full] if size % full else [])


def _encode(children: list[Cid], size: int, height: int) -> bytes:
    """The profile's node for `size` bytes above these children."""
    parts = _parts(size, height)
    links = [
        dagpb.Link(cid=child, tsize=_dag_size(part, height - 1)) for child, part in zip(children, parts, strict=True)
    ]
    sizes = b"".join(dagpb.number(4, part) for part in parts)
    return dagpb.encode(links, dagpb.number(1, _FILE) + dagpb.number(3, size) + sizes)


@lru_cache(maxsize=256)
def _dag_size(size: int, height: int) -> int:
    """Bytes of all blocks of a subtree, repetitions counted: a function of its size alone."""
    if height == 0:
        return size
    parts = _parts(size, height)
    node = _encode([Cid(codec=RAW, digest=bytes(32))] * len(parts), size, height)
    return len(node) + sum(_dag_size(part, height - 1) for part in parts)
