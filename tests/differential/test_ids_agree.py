"""Python and Solidity give the same identifiers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import read_many
from support.manifests import REPRODUCIBLE, example_manifest, random_fields

from registry import ids
from registry.contracts import JobMarket, KernelRegistry, VrfCoordinator
from registry.contracts.types import Attestation
from registry.ids import kernel_id, manifest_fields, manifest_id

SEEDS = st.integers(min_value=0, max_value=2**64 - 1)
#: Examples are few because each holds many cases.
FEW = settings(max_examples=8)
CASES = 250


@pytest.fixture(scope="module")
def registry(shared_chain, deployment):
    return KernelRegistry(shared_chain, deployment.kernel_registry)


@pytest.fixture(scope="module")
def market(shared_chain, deployment):
    return JobMarket(shared_chain, deployment.job_market)


@FEW
@given(SEEDS)
def test_manifest_ids_agree(registry, seed):
    manifests = [random_fields(seed + step) for step in range(CASES)]
    assert read_many(registry, "manifestIdOf", [(one,) for one in manifests]) == [manifest_id(one) for one in manifests]


@pytest.mark.parametrize("changes", [{}, REPRODUCIBLE], ids=["onnxruntime", "reproducible"])
def test_the_id_of_a_real_manifest_agrees(registry, changes):
    manifest = example_manifest(**changes)
    assert registry.manifest_id_of(manifest_fields(manifest)) == manifest_id(manifest)


@FEW
@given(SEEDS)
def test_kernel_ids_agree(registry, seed):
    source = random.Random(seed)
    cases = [("0x" + source.randbytes(20).hex(), source.randbytes(32)) for _ in range(CASES)]
    assert read_many(registry, "kernelIdOf", cases) == [kernel_id(*case) for case in cases]


@FEW
@given(SEEDS)
def test_commitments_agree(market, seed):
    source = random.Random(seed)

    def word():
        return source.choice([bytes(32), b"\xff" * 32, source.randbytes(32), source.randbytes(32)])

    cases = [
        (
            word(),
            source.choice([0, 1, 2, 255]),
            "0x" + source.randbytes(20).hex(),
            Attestation(digest=word(), answer=word(), sketch=word(), environment=word()),
            word(),
        )
        for _ in range(CASES)
    ]
    mine = [
        ids.commitment(
            chain_id=market.chain.chain_id,
            market=market.address,
            job=job,
            round_=round_,
            validator=validator,
            attestation=attestation,
            salt=salt,
        )
        for job, round_, validator, attestation, salt in cases
    ]
    assert read_many(market, "commitmentOf", cases) == mine


@FEW
@given(SEEDS)
def test_what_a_member_signs_for_a_batch_agrees(market, seed):
    source = random.Random(seed)
    cases = [
        (
            source.randbytes(32),
            source.choice([0, 1, 2, 255]),
            source.randbytes(32),
            source.choice([bytes(32), source.randbytes(32)]),
        )
        for _ in range(CASES)
    ]
    mine = [
        ids.commit_digest(
            chain_id=market.chain.chain_id,
            market=market.address,
            job=job,
            round_=round_,
            seed=seed_,
            commitment=commitment,
        )
        for job, round_, seed_, commitment in cases
    ]
    assert read_many(market, "commitDigest", cases) == mine


@FEW
@given(SEEDS)
def test_what_a_member_signs_for_the_list_agrees(market, seed):
    source = random.Random(seed)
    cases = [
        (
            source.randbytes(32),
            source.choice([0, 1, 2, 255]),
            source.randbytes(32),
            [source.randbytes(32) for _ in range(source.choice([0, 1, 3, 7, 15]))],
        )
        for _ in range(CASES)
    ]
    mine = [
        ids.round_digest(
            chain_id=market.chain.chain_id,
            market=market.address,
            job=job,
            round_=round_,
            seed=seed_,
            commitments=commitments,
        )
        for job, round_, seed_, commitments in cases
    ]
    assert read_many(market, "roundDigest", cases) == mine


@FEW
@given(SEEDS)
def test_possession_alphas_agree(shared_chain, deployment, seed):
    coordinator = VrfCoordinator(shared_chain, deployment.vrf_coordinator)
    source = random.Random(seed)
    cases = [
        ("0x" + source.randbytes(20).hex(), source.getrandbits(256), source.getrandbits(256)) for _ in range(CASES)
    ]
    mine = [
        ids.possession_alpha(chain_id=31337, coordinator=coordinator.address, account=account, key=(x, y))
        for account, x, y in cases
    ]
    assert read_many(coordinator, "possessionAlpha", cases) == mine
