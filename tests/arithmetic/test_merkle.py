"""Merkle trees over tensors: the core's roots, Python's, and what a proof does and does not prove."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.arithmetic import _core
from aivm.arithmetic.merkle import LEAF, Proof, ProofError, Tree, canonical_bytes, verify
from aivm.arithmetic.trace import root

#: Around every boundary of the format: no leaf, part of one, one, two, an odd number, as many
#: as there are lanes, a task of 128 and its neighbours.
IN_LEAF = LEAF // 4
COUNTS = [0, 1, *(IN_LEAF + i for i in (-1, 0, 1)), *(IN_LEAF * n + i for n in (2, 3, 16, 32) for i in (-1, 0, 1))]
COUNTS += [IN_LEAF * 127, IN_LEAF * 128, IN_LEAF * 128 + 1, IN_LEAF * 129, IN_LEAF * 641 + 7]


def floats(count, seed=0):
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32)


@pytest.mark.parametrize("by", _core.sha256_implementations())
def test_every_implementation_of_sha256_is_sha256(by):
    for size in [*range(200), *range(LEAF - 70, LEAF + 70), 5000]:
        data = bytes(i * 7 % 251 for i in range(size))
        assert _core.sha256(data, by) == hashlib.sha256(data).digest(), size


@pytest.mark.parametrize("by", _core.sha256_implementations())
@pytest.mark.parametrize("count", COUNTS)
def test_the_core_and_python_agree_on_a_root(count, by):
    array = floats(count)
    expected = bytes(Tree(array).root)
    for threads in (1, 2, 4):
        assert _core.merkle_root(array, "float32", threads, by) == expected


def test_a_root_is_what_the_format_says():
    data = floats(1200).tobytes()  # 4800 bytes: leaves of 2048, 2048 and 704
    leaves = [hashlib.sha256(data[at : at + LEAF] + b"\0").digest() for at in (0, 2048, 4096)]
    left = hashlib.sha256(leaves[0] + leaves[1] + b"\1").digest()
    expected = hashlib.sha256(left + leaves[2] + b"\1").digest()  # the third leaf rises as it is
    assert bytes(root(np.frombuffer(data, np.float32))) == expected


def test_a_tensor_without_elements_has_the_hash_of_nothing():
    empty = np.zeros((0, 4), np.float32)
    assert bytes(root(empty)) == hashlib.sha256(b"").digest() == bytes(Tree(empty).root)


@pytest.mark.parametrize(
    ("dtype", "bits", "quiet"),
    [
        (np.float32, 0xFF812345, 0x7FC00000),
        (np.float64, 0xFFF0000000000001, 0x7FF8000000000000),
        (np.float16, 0xFE01, 0x7E00),
        (ml_dtypes.bfloat16, 0x7F81, 0x7FC0),
    ],
)
def test_every_nan_counts_as_the_one_quiet_nan(dtype, bits, quiet):
    array = np.zeros(5, dtype)
    unsigned = array.view(f"u{array.dtype.itemsize}")
    unsigned[3] = bits
    with np.errstate(invalid="ignore"):  # some are signalling
        assert np.isnan(array[3])
    canonical = np.zeros_like(unsigned)
    canonical[3] = quiet
    assert canonical_bytes(array) == canonical.tobytes()
    assert root(array) == root(canonical.view(dtype)) == Tree(array).root


@pytest.mark.parametrize("by", _core.sha256_implementations())
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_nan_anywhere_counts_as_the_one_quiet_nan(dtype, by):
    values = np.random.default_rng(2).standard_normal(40 * LEAF // np.dtype(dtype).itemsize + 3).astype(dtype)
    for place in (0, values.size // 2, values.size - 5, values.size - 1):
        array = values.copy()
        array[place] = -np.nan
        expected = bytes(Tree(array).root)
        assert _core.merkle_root(array, np.dtype(dtype).name, 1, by) == expected != bytes(Tree(values).root)


def test_infinities_and_signed_zeros_count_as_they_are():
    array = np.array([np.inf, -np.inf, 0.0, -0.0], np.float32)
    assert canonical_bytes(array) == struct.pack("<4I", 0x7F800000, 0xFF800000, 0, 0x80000000)
    assert root(array) != root(np.abs(array))


def test_layout_in_memory_does_not_matter():
    array = floats(60).reshape(3, 4, 5)
    assert root(array.transpose(2, 0, 1).copy().transpose(1, 2, 0)) == root(array)


@given(st.integers(1, 5000), st.sampled_from(["float32", "uint8", "int64", "float16", "bool"]), st.data())
def test_every_element_can_be_proven(count, dtype, data):
    array = (floats(count, count) * 100).astype(dtype)
    element = data.draw(st.integers(0, count - 1))
    tree = Tree(array)
    proven = verify(tree.prove(element), tree.root, dtype=dtype, shape=[count])
    assert proven.tobytes() == array[element].tobytes()


@given(st.integers(1, 5000), st.data())
def test_a_proof_proves_nothing_else(count, data):
    array = floats(count, count)
    tree = Tree(array)
    proof = tree.prove(data.draw(st.integers(0, count - 1)))

    def fails(other: Proof, root=tree.root):
        with pytest.raises(ProofError):
            verify(other, root, dtype="float32", shape=[count])

    at = data.draw(st.integers(0, len(proof.leaf) - 1))
    fails(replace(proof, leaf=proof.leaf[:at] + bytes([proof.leaf[at] ^ 1]) + proof.leaf[at + 1 :]))
    fails(replace(proof, leaf=proof.leaf + b"\0"))
    fails(replace(proof, path=(*proof.path, bytes(32))))
    if proof.path:
        fails(replace(proof, path=proof.path[:-1]))
        fails(replace(proof, path=(*proof.path[:-1], bytes(32))))
        moved = (proof.element + IN_LEAF) % count
        if moved // IN_LEAF != proof.element // IN_LEAF:
            fails(replace(proof, element=moved))  # the same leaf, said to be elsewhere
    fails(replace(proof, element=count))
    fails(replace(proof, element=-1))
    fails(proof, root=Tree(array + 1).root)


def test_a_node_cannot_pass_for_a_leaf():
    array = floats(2 * IN_LEAF)
    tree = Tree(array)
    children = b"".join(hashlib.sha256(array.tobytes()[at : at + LEAF] + b"\0").digest() for at in (0, LEAF))
    forged = Proof(element=0, leaf=children, path=())
    with pytest.raises(ProofError, match="does not lead to the root"):
        verify(forged, tree.root, dtype="uint8", shape=[64])


def test_there_is_no_proof_of_what_is_not_there():
    with pytest.raises(ProofError, match="no element 3 in a tensor of 3"):
        Tree(floats(3)).prove(3)
