"""Verifiable randomness: ECVRF-SECP256K1-SHA256-TAI.

RFC 9381 with the parameters that the community uses for secp256k1, which the RFC itself does not register: suite byte
0xFE, SHA-256, SEC1 compressed points (ptLen 33), cLen 16, qLen 32, cofactor 1, hashing to the curve by
try-and-increment salted with the key, nonces by RFC 6979. The same in Solidity: ``contracts/libraries/Ecvrf.sol``.

    proof = prove(secret_key, alpha)                        # 81 bytes: Gamma (33) | c (16) | s (32)
    beta = verify(public_key(secret_key), alpha, proof)     # 32 bytes, or InvalidProofError
    onchain = proof + witness(public_key(secret_key), alpha, proof)  # what the contract takes
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from coincurve import PublicKey

from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = b"\xfe"
PROOF_LENGTH = 81
#: Order of the group.
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
#: Prime of the field; 3 modulo 4, so that of a number and its negative exactly one has a square root.
PRIME = 2**256 - 2**32 - 977


class VrfError(AivmError):
    """Base of the errors of this module."""


class InvalidSecretKeyError(VrfError):
    """A secret key that is not 32 bytes holding an integer from 1 to the group order less one."""


class InvalidPublicKeyError(VrfError):
    """A public key that is not a point of the curve in SEC1 form."""


class InvalidAlphaError(VrfError):
    """A VRF input that is not a byte string."""


class InvalidProofError(VrfError):
    """A proof that is malformed, or does not prove the output of this key for this input."""


def public_key(secret_key: bytes) -> bytes:
    """The public key of a secret key, SEC1 compressed, 33 bytes.

    Raises:
        InvalidSecretKeyError: see there.
    """
    return PublicKey.from_secret(_secret(secret_key)).format(compressed=True)


def decompress(public_key: bytes) -> tuple[int, int]:
    """Affine coordinates (x, y) of a public key of 33 (or, uncompressed, 65) bytes, as the chain stores them.

    Raises:
        InvalidPublicKeyError: when it is no point of the curve.
    """
    x, y = _public(public_key).point()
    return x, y


def prove(secret_key: bytes, alpha: bytes) -> bytes:
    """Proves the VRF output of ``alpha`` (RFC 9381 §5.1).

    Args:
        secret_key: 32 bytes, big-endian.
        alpha: the input, any length.

    Returns:
        The proof, 81 bytes: Gamma (33) | c (16) | s (32). The same inputs always give the same proof.

    Raises:
        InvalidSecretKeyError: see there.
        InvalidAlphaError: see there.
    """
    secret = _secret(secret_key)
    key = PublicKey.from_secret(secret)
    h = _encode_to_curve(key, alpha)
    gamma = _multiply_by_secret(h, secret)
    nonce = _nonce(secret, h.format(compressed=True))
    c = _challenge(key, h, gamma, PublicKey.from_secret(nonce), _multiply_by_secret(h, nonce))
    s = (int.from_bytes(nonce, "big") + int.from_bytes(c, "big") * int.from_bytes(secret, "big")) % ORDER
    return gamma.format(compressed=True) + c + s.to_bytes(32, "big")


def verify(public_key: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Checks a proof (RFC 9381 §5.3, with key validation) and gives the output that it proves.

    Args:
        public_key: SEC1, 33 bytes, or 65 uncompressed.
        alpha: the input, any length.
        proof: 81 bytes.

    Returns:
        The VRF output beta, 32 bytes.

    Raises:
        InvalidPublicKeyError: see there.
        InvalidAlphaError: see there.
        InvalidProofError: when the proof is malformed or does not hold. Proofs whose U or V is the point at infinity
            are refused too: no prover that follows the RFC makes one.
    """
    key = _public(public_key)
    h = _encode_to_curve(key, alpha)
    gamma, c, s = _decode(proof)
    minus_c = -int.from_bytes(c, "big")
    u = _sum(_multiply(PublicKey.from_secret((1).to_bytes(32, "big")), s), _multiply(key, minus_c))
    v = _sum(_multiply(h, s), _multiply(gamma, minus_c))
    if u is None or v is None or _challenge(key, h, gamma, u, v) != c:
        raise InvalidProofError(
            f"the proof does not hold for key {key.format(compressed=True).hex()} and the {len(alpha)}-byte alpha "
            f"{bytes(alpha[:32]).hex()}",
            hint="Check that key, input and proof belong together; a proof is made by aivm.vrf.prove.",
        )
    return _output(gamma)


def proof_to_hash(proof: bytes) -> bytes:
    """The output beta that a proof claims, 32 bytes, *without* checking the proof (RFC 9381 §5.2).

    Raises:
        InvalidProofError: when the proof is malformed.
    """
    return _output(_decode(proof)[0])


def witness(public_key: bytes, alpha: bytes, proof: bytes) -> bytes:
    """What saves the contract the dear arithmetic of checking a proof: it takes ``proof + witness`` (``Ecvrf.sol``).

    A pure function of public values: whoever has a proof can make its witness. Integers of 32 bytes, big-endian: x and
    y of U = s·B - c·Y, of s·H and of c·Gamma; the inverse of x(s·H) - x(c·Gamma) modulo ``PRIME``; and for each
    candidate x of encode_to_curve that is below ``PRIME`` and no point, the even square root of -(x³ + 7), which shows
    that no candidate was passed over.

    Args:
        public_key: SEC1, 33 bytes, or 65 uncompressed.
        alpha: the input, any length.
        proof: 81 bytes. It is not checked here: one that does not hold gets a witness too, and the contract refuses it.

    Returns:
        The witness, 224 bytes and 32 for each candidate that is no point.

    Raises:
        InvalidPublicKeyError: see there.
        InvalidAlphaError: see there.
        InvalidProofError: when the proof is malformed, or has no witness because one of the points is infinity, or s·H
            and c·Gamma have the same x. No prover that follows the RFC makes one.
    """
    key = _public(public_key)
    h = _encode_to_curve(key, alpha)
    gamma, challenge, s = _decode(proof)
    c = int.from_bytes(challenge, "big")
    u = _sum(_multiply(PublicKey.from_secret((1).to_bytes(32, "big")), s), _multiply(key, -c))
    sh, c_gamma = _multiply(h, s), _multiply(gamma, c)
    if u is None or sh is None or c_gamma is None or sh.point()[0] == c_gamma.point()[0]:
        raise InvalidProofError(
            f"the proof {bytes(proof).hex()} has no witness: its points are degenerate",
            hint="A proof is made by aivm.vrf.prove.",
        )
    inverse = pow(sh.point()[0] - c_gamma.point()[0], -1, PRIME)
    *refused, _ = _candidates(key, alpha)
    roots = [_root(-(x**3) - 7) for x in refused if x < PRIME]
    numbers = [*u.point(), *sh.point(), *c_gamma.point(), inverse, *roots]
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def _secret(secret_key: bytes) -> bytes:
    """The checked secret key; its value is never part of a message."""
    if not isinstance(secret_key, bytes | bytearray | memoryview) or len(bytes(secret_key)) != 32:
        raise InvalidSecretKeyError("a secret key is 32 bytes", hint="Give the key as raw bytes, not as text.")
    secret = bytes(secret_key)
    if not 0 < int.from_bytes(secret, "big") < ORDER:
        raise InvalidSecretKeyError("a secret key lies from 1 to the group order less one", hint="Make a new key.")
    return secret


def _point(encoded: bytes) -> PublicKey | None:
    """The point of a SEC1 encoding, compressed or not; None when there is none."""
    # libsecp256k1 also reads the hybrid forms 06 and 07, which SEC1 verifiers elsewhere refuse.
    if encoded[:1] not in ((b"\x02", b"\x03") if len(encoded) == 33 else (b"\x04",)):
        return None
    try:
        return PublicKey(encoded)
    except ValueError:  # x or y is not below the field's prime, or the point is not on the curve
        return None


def _public(public_key: bytes) -> PublicKey:
    if isinstance(public_key, bytes | bytearray | memoryview):
        encoded = bytes(public_key)
        point = _point(encoded)
        if point is not None:
            return point
        text = f"{len(encoded)} bytes, {encoded[:65].hex()}"
    else:
        text = type(public_key).__name__
    raise InvalidPublicKeyError(
        f"no point of secp256k1 in SEC1 form: {text}",
        hint="Give 33 bytes beginning with 02 or 03, or 65 beginning with 04.",
    )


def _decode(proof: bytes) -> tuple[PublicKey, bytes, int]:
    """Gamma, c and s of a proof (RFC 9381 §5.4.4)."""
    if not isinstance(proof, bytes | bytearray | memoryview):
        raise InvalidProofError(f"a proof is {PROOF_LENGTH} bytes, not {type(proof).__name__}")
    octets = bytes(proof)
    if len(octets) != PROOF_LENGTH:
        raise InvalidProofError(f"a proof is {PROOF_LENGTH} bytes, this has {len(octets)}")
    gamma = _point(octets[:33])
    if gamma is None:
        raise InvalidProofError(f"Gamma, the proof's first 33 bytes, is no point of secp256k1: {octets[:33].hex()}")
    s = int.from_bytes(octets[49:], "big")
    if s >= ORDER:
        raise InvalidProofError(f"s, the proof's last 32 bytes, is not below the group order: {octets[49:].hex()}")
    return gamma, octets[33:49], s


def _encode_to_curve(key: PublicKey, alpha: bytes) -> PublicKey:
    """Try-and-increment, salted with the key (RFC 9381 §5.4.1.1)."""
    if not isinstance(alpha, bytes | bytearray | memoryview):
        raise InvalidAlphaError(f"the VRF input is a byte string, not {type(alpha).__name__}")
    for x in _candidates(key, alpha):
        point = _point(b"\x02" + x.to_bytes(32, "big"))
        if point is not None:
            return point
    raise VrfError("no counter of 256 gives a point: this happens to one input in 2^256")


def _candidates(key: PublicKey, alpha: bytes) -> Iterator[int]:
    """The hashes that are tried as x, up to and with the first that belongs to a point."""
    prefix = SUITE + b"\x01" + key.format(compressed=True) + bytes(alpha)
    for counter in range(256):
        x = hashlib.sha256(prefix + bytes([counter, 0])).digest()
        yield int.from_bytes(x, "big")
        if _point(b"\x02" + x) is not None:
            return


def _root(square: int) -> int:
    """The even square root of a square modulo the field's prime."""
    root = pow(square, (PRIME + 1) // 4, PRIME)
    return root if root % 2 == 0 else PRIME - root


def _nonce(secret: bytes, message: bytes) -> bytes:
    """The nonce of RFC 6979 §3.2 over SHA-256 of ``message``, as RFC 9381 §5.4.2.1 wants it."""
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big") % ORDER
    seed = secret + digest.to_bytes(32, "big")
    k, v = bytes(32), b"\x01" * 32
    for separator in (b"\x00", b"\x01"):
        k = hmac.digest(k, v + separator + seed, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:  # one turn, but for one input in 2^127
        v = hmac.digest(k, v, "sha256")
        if 0 < int.from_bytes(v, "big") < ORDER:
            return v
        k = hmac.digest(k, v + b"\x00", "sha256")
        v = hmac.digest(k, v, "sha256")


def _challenge(*points: PublicKey) -> bytes:
    """The challenge c, 16 bytes, of the five points Y, H, Gamma, U, V (RFC 9381 §5.4.3)."""
    encoded = b"".join(point.format(compressed=True) for point in points)
    return hashlib.sha256(SUITE + b"\x02" + encoded + b"\x00").digest()[:16]


def _output(gamma: PublicKey) -> bytes:
    """Beta of Gamma (RFC 9381 §5.2; the cofactor is 1)."""
    return hashlib.sha256(SUITE + b"\x03" + gamma.format(compressed=True) + b"\x00").digest()


def _multiply(point: PublicKey, scalar: int) -> PublicKey | None:
    """``scalar`` times ``point``; None is the point at infinity. Its time depends on the scalar."""
    reduced = scalar % ORDER
    return point.multiply(reduced.to_bytes(32, "big")) if reduced else None


def _multiply_by_secret(point: PublicKey, scalar: bytes) -> PublicKey:
    """The same for a secret scalar: split at random, so that the time says nothing about it."""
    value = int.from_bytes(scalar, "big")
    product = None
    while product is None:  # the halves add up to nothing for two splits in 2^256
        half = 1 + secrets.randbelow(ORDER - 1)
        product = _sum(_multiply(point, half), _multiply(point, value - half))
    return product


def _sum(a: PublicKey | None, b: PublicKey | None) -> PublicKey | None:
    """The sum of two points; None is the point at infinity."""
    if a is None or b is None:
        return a if b is None else b
    try:
        return PublicKey.combine_keys([a, b])
    except ValueError:  # they are each other's negatives
        return None


__all__ = [
    "InvalidAlphaError",
    "InvalidProofError",
    "InvalidPublicKeyError",
    "InvalidSecretKeyError",
    "VrfError",
    "decompress",
    "proof_to_hash",
    "prove",
    "public_key",
    "verify",
    "witness",
]
