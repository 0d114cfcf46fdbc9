"""Signatures of 64 bytes: r, and s with the parity of y in its highest bit (ERC-2098)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coincurve import PublicKey
from eth_typing import Hash32
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

LENGTH = 64
#: Half of the order of secp256k1: a signature with a greater s is not the only one for its message (EIP-2).
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def sign(account: LocalAccount, digest: bytes) -> bytes:
    """An account's signature of a digest of 32 bytes."""
    signed = account.unsafe_sign_hash(Hash32(digest))
    return int(signed.r).to_bytes(32) + (int(signed.s) | (int(signed.v) - 27) << 255).to_bytes(32)


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """The address whose signature of a digest this is; None if it is nobody's, as the contract has it."""
    if len(signature) != LENGTH:
        return None
    word = int.from_bytes(signature[32:])
    s = word & ((1 << 255) - 1)
    if s > HALF_ORDER:
        return None
    try:
        key = PublicKey.from_signature_and_message(
            signature[:32] + s.to_bytes(32) + bytes([word >> 255]), digest, hasher=None
        )
    except ValueError:
        return None
    return to_checksum_address(keccak(key.format(compressed=False)[1:])[12:])
