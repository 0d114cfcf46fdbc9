"""Every identifier of docs/protocol.md, computed as the contracts compute it. No chain is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from registry.contracts.manifest_fields import MANIFEST_TYPE, manifest_difference, manifest_fields
from registry.contracts.values import to_abi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.environment import Environment
    from aivm.manifest import Manifest
    from registry.contracts.manifest_fields import ManifestFields
    from registry.contracts.types import Attestation, JobProgress

__all__ = [
    "COMMITMENT_DOMAIN",
    "VRF_DOMAIN",
    "VRF_POSSESSION_DOMAIN",
    "JobId",
    "KernelId",
    "ManifestId",
    "RandomnessId",
    "commit_digest",
    "commitment",
    "environment_class",
    "job_id",
    "kernel_id",
    "manifest_difference",
    "manifest_fields",
    "manifest_id",
    "pledge_digest",
    "possession_alpha",
    "randomness_id",
    "round_digest",
    "state_hash",
    "vrf_alpha",
]

#: 32 bytes each; what each is the hash of is in docs/protocol.md §1.
ManifestId: TypeAlias = bytes
KernelId: TypeAlias = bytes
JobId: TypeAlias = bytes
RandomnessId: TypeAlias = bytes

COMMITMENT_DOMAIN = keccak(text="aivm/commitment/1")
_EIP712_DOMAIN = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_COMMIT = keccak(text="Commit(bytes32 job,uint8 round,bytes32 seed,bytes32 commitment)")
_PLEDGE = keccak(text="Pledge(bytes32 job,uint8 round,bytes32 seed,bytes32 commitment)")
_ROUND = keccak(text="Round(bytes32 job,uint8 round,bytes32 seed,bytes32[] commitments)")
VRF_DOMAIN = keccak(text="aivm/vrf/2")
VRF_POSSESSION_DOMAIN = keccak(text="aivm/vrf-possession/1")


def manifest_id(manifest: Manifest | ManifestFields) -> ManifestId:
    """keccak256 of the ABI encoding of the on-chain fields; from a manifest, or from the fields themselves."""
    fields = manifest if hasattr(manifest, "model_cid") else manifest_fields(manifest)
    return keccak(encode([MANIFEST_TYPE], [to_abi(fields)]))


def kernel_id(publisher: str, manifest: ManifestId) -> KernelId:
    """The id of a publisher's kernel: the same manifest under another publisher is another kernel."""
    return keccak(encode(["address", "bytes32"], [publisher, manifest]))


def job_id(*, chain_id: int, market: str, randomness: RandomnessId) -> JobId:
    """The id of the job that a request for randomness was made for."""
    return keccak(encode(["uint256", "address", "bytes32"], [chain_id, market, randomness]))


def state_hash(terms_hash: bytes, progress: JobProgress) -> bytes:
    """What the chain keeps of a job's terms and progress: the upper 206 of these 256 bits."""
    result, votes = progress.result, [to_abi(vote) for vote in progress.votes]
    return keccak(
        b"".join(
            [
                terms_hash,
                progress.seed,
                progress.round.to_bytes(32),
                progress.first_seat.to_bytes(32),
                progress.reveal_window.to_bytes(32),
                keccak(b"".join(seat.to_bytes(32) for seat in progress.seats)),
                keccak(b"".join(progress.batch)),
                keccak(encode(["(uint8,bytes32,bytes32,bytes32)[]"], [votes])) if votes else bytes(32),
                progress.outcomes.to_bytes(32),
                result.digest,
                result.answer,
                result.sketch,
            ]
        )
    )


def randomness_id(*, chain_id: int, coordinator: str, requester: str, nonce: int) -> RandomnessId:
    """The id of a requester's nonce-th request for randomness, counted from 0."""
    return keccak(encode(["uint256", "address", "address", "uint256"], [chain_id, coordinator, requester, nonce]))


def commitment(
    *,
    chain_id: int,
    market: str,
    job: JobId,
    round_: int,
    validator: str,
    attestation: Attestation,
    salt: bytes,
) -> bytes:
    """The commitment to an attestation; 32 bytes. The salt is 32 fresh random bytes, kept until the reveal."""
    return keccak(
        encode(
            ["bytes32", "uint256", "address", "bytes32", "uint8", "address", *(["bytes32"] * 5)],
            [
                COMMITMENT_DOMAIN,
                chain_id,
                market,
                job,
                round_,
                validator,
                attestation.digest,
                attestation.answer,
                attestation.sketch,
                attestation.environment,
                salt,
            ],
        )
    )


def commit_digest(*, chain_id: int, market: str, job: JobId, round_: int, seed: bytes, commitment: bytes) -> bytes:
    """What a member signs to have its commitment sent in a batch (EIP-712), under the job's seed; 32 bytes."""
    return _typed(_COMMIT, commitment, chain_id=chain_id, market=market, job=job, round_=round_, seed=seed)


def pledge_digest(*, chain_id: int, market: str, job: JobId, round_: int, seed: bytes, commitment: bytes) -> bytes:
    """What a member signs to tell the others its commitment (EIP-712); 32 bytes. No contract takes it."""
    return _typed(_PLEDGE, commitment, chain_id=chain_id, market=market, job=job, round_=round_, seed=seed)


def round_digest(
    *, chain_id: int, market: str, job: JobId, round_: int, seed: bytes, commitments: Sequence[bytes]
) -> bytes:
    """What every member signs to settle a round in one transaction (EIP-712): all its commitments; 32 bytes."""
    last = keccak(b"".join(commitments))
    return _typed(_ROUND, last, chain_id=chain_id, market=market, job=job, round_=round_, seed=seed)


def _typed(kind: bytes, last: bytes, *, chain_id: int, market: str, job: JobId, round_: int, seed: bytes) -> bytes:
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_EIP712_DOMAIN, keccak(text="AIVM JobMarket"), keccak(text="1"), chain_id, market],
        )
    )
    kinds = ["bytes32", "bytes32", "uint8", "bytes32", "bytes32"]
    return keccak(b"\x19\x01" + domain + keccak(encode(kinds, [kind, job, round_, seed, last])))


def vrf_alpha(
    *,
    chain_id: int,
    coordinator: str,
    key: tuple[int, int],
    requester: str,
    nonce: int,
    block_hash: bytes,
) -> bytes:
    """The input that the operator with this affine public key has to prove for a request; 32 bytes."""
    request = randomness_id(chain_id=chain_id, coordinator=coordinator, requester=requester, nonce=nonce)
    key_x, key_y = key
    return keccak(
        encode(
            ["bytes32", "uint256", "address", "uint256", "bool", "bytes32", "bytes32"],
            [VRF_DOMAIN, chain_id, coordinator, key_x, key_y % 2 == 1, request, block_hash],
        )
    )


def possession_alpha(*, chain_id: int, coordinator: str, account: str, key: tuple[int, int]) -> bytes:
    """What an operator proves to show that it holds the key that it registers; 32 bytes."""
    return keccak(
        encode(
            ["bytes32", "uint256", "address", "address", "uint256", "uint256"],
            [VRF_POSSESSION_DOMAIN, chain_id, coordinator, account, *key],
        )
    )


def environment_class(environment: Environment) -> bytes:
    """The id of the part of an environment that can change bits; 32 bytes."""
    return keccak(environment.class_record())
