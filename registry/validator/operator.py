"""The VRF operator: the key that answers randomness requests, with proofs that carry their witness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm import vrf

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.network import Network


def registration(network: Network, account: str, secret_key: bytes) -> Call:
    """The call that registers an account's VRF key, with the proof that the key is held.

    Args:
        network: the deployment.
        account: the operator's address.
        secret_key: the VRF key, 32 bytes. Not the account's own: one key, one use.

    Raises:
        aivm.vrf.InvalidSecretKeyError: if the bytes are no key.
    """
    key = vrf.decompress(vrf.public_key(secret_key))
    alpha = network.vrf.possession_alpha(account, key)
    return network.vrf.register_operator(key, answer(secret_key, alpha))


def answer(secret_key: bytes, alpha: bytes) -> bytes:
    """The proof over `alpha` with its witness behind it, as the contracts take it.

    Raises:
        aivm.vrf.InvalidSecretKeyError: if the bytes are no key.
    """
    proof = vrf.prove(secret_key, alpha)
    return proof + vrf.witness(vrf.public_key(secret_key), alpha, proof)
