"""Merkle trees over tensors, and proofs that a tensor has a certain element (docs/trace.md).

    tree = Tree(array)
    proof = tree.prove(7)
    verify(proof, tree.root, dtype="float32", shape=array.shape)  # the element, or ProofError

The core computes the same roots while it runs (`_core.merkle_root`); what is here needs nothing but SHA-256, as a
contract would, and is what the core is tested against.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.lower import dtypes
from aivm.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.tensors import Array

#: Bytes of a leaf; the last one of a tensor may have fewer. In the digest's name, `sha256-tree-2048`.
LEAF = 2048

#: Of each floating-point type: the unsigned type of its size, infinity, the one quiet NaN.
_FLOATS: dict[str, tuple[np.dtype[Any], int, int]] = {
    "float16": (np.dtype("<u2"), 0x7C00, 0x7E00),
    "bfloat16": (np.dtype("<u2"), 0x7F80, 0x7FC0),
    "float32": (np.dtype("<u4"), 0x7F800000, 0x7FC00000),
    "float64": (np.dtype("<u8"), 0x7FF << 52, 0x7FF8 << 48),
}


class ProofError(ArithmeticEngineError):
    """A proof that does not prove what it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That a tensor's leaf holds these bytes.

    Attributes:
        element: the index of the element in question, in C order.
        leaf: the bytes of the leaf that it is in.
        path: the hashes that are missing on the way from the leaf to the root, from below.
    """

    element: int
    leaf: bytes
    path: tuple[bytes, ...]


class Tree:
    """The tree over one tensor."""

    def __init__(self, array: Array) -> None:
        self._data = canonical_bytes(array)
        self._itemsize = array.dtype.itemsize
        self._levels = [[hash_leaf(self._data[at : at + LEAF]) for at in range(0, len(self._data), LEAF)]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            # A node without a partner rises as it is.
            self._levels.append(
                [hash_node(*below[at : at + 2]) if at + 1 < len(below) else below[at] for at in range(0, len(below), 2)]
            )

    @property
    def root(self) -> Digest:
        """The root; of a tensor without elements, the hash of nothing."""
        return Digest(self._levels[-1][0]) if self._data else Digest.of(b"")

    def prove(self, element: int) -> Proof:
        """A proof of one element.

        Raises:
            ProofError: there is no such element.
        """
        count = len(self._data) // self._itemsize
        if not 0 <= element < count:
            raise ProofError(f"there is no element {element} in a tensor of {count}")
        index = element * self._itemsize // LEAF
        leaf = self._data[index * LEAF : (index + 1) * LEAF]
        path = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index //= 2
        return Proof(element=element, leaf=leaf, path=tuple(path))


def verify(proof: Proof, root: Digest, *, dtype: str, shape: Sequence[int]) -> Any:
    """Checks a proof and gives the element that it proves.

    Args:
        proof: the proof.
        root: of the tensor.
        dtype: the tensor's, by its ONNX name in NumPy's spelling.
        shape: the tensor's extents.

    Returns:
        A NumPy scalar.

    Raises:
        ProofError: the proof does not lead to the root, or the leaf is not of the size that it has to be.
    """
    kind = dtypes.NUMPY[dtype]
    total = math.prod(shape) * kind.itemsize
    if not 0 <= proof.element < math.prod(shape):
        raise ProofError(f"there is no element {proof.element} in a tensor of shape {list(shape)}")
    at = proof.element * kind.itemsize
    index, leaves = at // LEAF, -(-total // LEAF)
    expected = min(LEAF, total - index * LEAF)
    if len(proof.leaf) != expected:
        raise ProofError(f"leaf {index} has {len(proof.leaf)} bytes and has to have {expected}")
    if climb(hash_leaf(proof.leaf), index, leaves, proof.path) != bytes(root):
        raise ProofError(f"the proof of element {proof.element} does not lead to the root {root}")
    return np.frombuffer(proof.leaf, kind, count=1, offset=at % LEAF)[0]


def climb(node: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """The root over `count` leaves, given one of them and the hashes beside its way up.

    Raises:
        ProofError: there are too few or too many of those.
    """
    rest = list(path)
    while count > 1:
        if index ^ 1 < count:
            if not rest:
                raise ProofError("the path is too short")
            other = rest.pop(0)
            node = hash_node(other, node) if index % 2 else hash_node(node, other)
        index //= 2
        count = -(-count // 2)
    if rest:
        raise ProofError("the path is too long")
    return node


def hash_leaf(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(data + b"\0").digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash of a node."""
    return hashlib.sha256(left + right + b"\1").digest()


def canonical_bytes(array: Array) -> bytes:
    """The elements in C order, little-endian, every NaN as the one quiet NaN of its type."""
    name = dtypes.from_numpy(array.dtype)
    assert name is not None
    flat = np.ascontiguousarray(array).reshape(-1)
    if name in _FLOATS:
        unsigned, infinity, quiet = _FLOATS[name]
        bits = flat.view(unsigned)
        magnitude = bits & unsigned.type((1 << (8 * unsigned.itemsize - 1)) - 1)
        return np.where(magnitude > infinity, unsigned.type(quiet), bits).tobytes()
    return flat.tobytes()
