"""The VRF against the published vectors, an independent implementation, and everything malformed."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from ecvrf_oracle import P256, SECP256K1
from hypothesis import given, settings
from hypothesis import strategies as st

from aivm import vrf

FILE = Path(__file__).parent.parent / "vectors" / "ecvrf-secp256k1-sha256-tai.json"
VECTORS = json.loads(FILE.read_text())
PRIME = 2**256 - 2**32 - 977

SECRET = hashlib.sha256(b"a key for tests").digest()
KEY = vrf.public_key(SECRET)
ALPHA = b"alpha"
PROOF = vrf.prove(SECRET, ALPHA)

secret_keys = st.integers(1, vrf.ORDER - 1).map(lambda secret: secret.to_bytes(32, "big"))
alphas = st.binary(max_size=100)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["label"])
def test_a_published_vector_is_proven_and_verified_to_the_byte(vector):
    secret, key, alpha, proof = (bytes.fromhex(vector[name]) for name in ("sk", "pk", "alpha", "pi"))
    assert vrf.public_key(secret) == key
    assert vrf.prove(secret, alpha) == proof
    assert vrf.verify(key, alpha, proof).hex() == vector["beta"]
    assert vrf.proof_to_hash(proof).hex() == vector["beta"]


@pytest.mark.parametrize("vector", VECTORS["negative_vectors"], ids=lambda vector: vector["description"])
def test_a_published_negative_vector_is_refused(vector):
    key, alpha, proof = (bytes.fromhex(vector[name]) for name in ("pk", "alpha", "pi"))
    with pytest.raises(vrf.InvalidProofError):
        vrf.verify(key, alpha, proof)


@pytest.mark.parametrize(
    ("secret", "alpha", "proof", "beta"),
    [
        (
            0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721,
            b"sample",
            (
                "035b5c726e8c0e2c488a107c600578ee75cb702343c153cb1eb8dec77f4b5071b4a53f0a46f018bc2c56e58d383f2305e0"
                "975972c26feea0eb122fe7893c15af376b33edf7de17c6ea056d4d82de6bc02f"
            ),
            "a3ad7b0ef73d8fc6655053ea22f9bede8c743f08bbed3d38821f0e16474b505e",
        ),
        (
            0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721,
            b"test",
            (
                "034dac60aba508ba0c01aa9be80377ebd7562c4a52d74722e0abae7dc3080ddb56c19e067b15a8a8174905b13617804534"
                "214f935b94c2287f797e393eb0816969d864f37625b443f30f1a5a33f2b3c854"
            ),
            "a284f94ceec2ff4b3794629da7cbafa49121972671b466cab4ce170aa365f26d",
        ),
        (
            0x2CA1411A41B17B24CC8C3B089CFD033F1920202A6C0DE8ABB97DF1498D50D2C8,
            b"Example using ECDSA key from Appendix L.4.2 of ANSI.X9-62-2005",
            (
                "03d03398bf53aa23831d7d1b2937e005fb0062cbefa06796579f2a1fc7e7b8c667d091c00b0f5c3619d10ecea44363b5a5"
                "99cadc5b2957e223fec62e81f7b4825fc799a771a3d7334b9186bdbee87316b1"
            ),
            "90871e06da5caa39a3c61578ebb844de8635e27ac0b13e829997d0d95dd98c19",
        ),
    ],
    ids=["example 10", "example 11", "example 12"],
)
def test_the_oracle_reproduces_the_examples_of_rfc_9381_for_p256(secret, alpha, proof, beta):
    proven = P256.prove(secret, alpha)
    assert (proven["pi"].hex(), proven["beta"].hex()) == (proof, beta)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["label"])
def test_the_oracle_reproduces_every_intermediate_value_of_the_vectors(vector):
    proven = SECP256K1.prove(int(vector["sk"], 16), bytes.fromhex(vector["alpha"]))
    have = {name: value.hex() if isinstance(value, bytes) else value for name, value in proven.items()}
    assert have == {name: vector[name] for name in have}


@settings(max_examples=60, deadline=None)
@given(secret_keys, alphas)
def test_both_implementations_make_the_same_proof_and_accept_it(secret, alpha):
    proof = vrf.prove(secret, alpha)
    oracle = SECP256K1.prove(int.from_bytes(secret, "big"), alpha)
    assert (vrf.public_key(secret), proof) == (oracle["pk"], oracle["pi"])
    assert vrf.verify(oracle["pk"], alpha, proof) == SECP256K1.verify(oracle["pk"], alpha, proof) == oracle["beta"]


@given(secret_keys, alphas)
def test_what_is_proven_verifies_under_either_form_of_the_key(secret, alpha):
    key, proof = vrf.public_key(secret), vrf.prove(secret, alpha)
    x, y = vrf.decompress(key)
    uncompressed = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    assert (y * y - x**3 - 7) % PRIME == 0
    assert vrf.decompress(uncompressed) == (x, y)
    assert vrf.verify(key, alpha, proof) == vrf.verify(uncompressed, alpha, proof) == vrf.proof_to_hash(proof)


@given(secret_keys, alphas)
def test_proofs_are_a_function_of_key_and_input(secret, alpha):
    assert vrf.prove(secret, alpha) == vrf.prove(secret, alpha)


@given(secret_keys, alphas, secret_keys, alphas)
def test_a_proof_holds_for_no_other_key_or_input(secret, alpha, other_secret, other_alpha):
    proof = vrf.prove(secret, alpha)
    if other_secret != secret:
        with pytest.raises(vrf.InvalidProofError):
            vrf.verify(vrf.public_key(other_secret), alpha, proof)
    if other_alpha != alpha:
        with pytest.raises(vrf.InvalidProofError):
            vrf.verify(vrf.public_key(secret), other_alpha, proof)


@pytest.mark.parametrize("byte", range(81))
def test_every_flipped_bit_of_a_proof_is_refused(byte):
    for bit in range(8):
        flipped = bytearray(PROOF)
        flipped[byte] ^= 1 << bit
        with pytest.raises(vrf.InvalidProofError):
            vrf.verify(KEY, ALPHA, bytes(flipped))


@pytest.mark.parametrize("byte", range(33))
def test_every_flipped_bit_of_a_key_is_refused(byte):
    for bit in range(8):
        flipped = bytearray(KEY)
        flipped[byte] ^= 1 << bit
        with pytest.raises((vrf.InvalidPublicKeyError, vrf.InvalidProofError)):
            vrf.verify(bytes(flipped), ALPHA, PROOF)


@pytest.mark.parametrize("length", [*range(81), 82, 100, 162])
def test_a_proof_of_another_length_is_refused(length):
    with pytest.raises(vrf.InvalidProofError, match=f"81 bytes, this has {length}"):
        vrf.verify(KEY, ALPHA, (PROOF + PROOF)[:length])


def gamma_of(x):
    return b"\x02" + x.to_bytes(32, "big") + PROOF[33:]


#: x = 5 is not on the curve: 5³ + 7 = 132 is no square.
@pytest.mark.parametrize("x", [5, PRIME, PRIME + 1, 2**256 - 1], ids=["not on the curve", "p", "p + 1", "2^256 - 1"])
def test_gamma_has_to_be_a_canonical_point_of_the_curve(x):
    assert pow(132, (PRIME - 1) // 2, PRIME) == PRIME - 1
    for check in (lambda: vrf.verify(KEY, ALPHA, gamma_of(x)), lambda: vrf.proof_to_hash(gamma_of(x))):
        with pytest.raises(vrf.InvalidProofError, match="Gamma"):
            check()


@pytest.mark.parametrize("prefix", [0, 1, 4, 5, 6, 7, 255])
def test_gamma_has_to_be_in_compressed_form(prefix):
    with pytest.raises(vrf.InvalidProofError, match="Gamma"):
        vrf.verify(KEY, ALPHA, bytes([prefix]) + PROOF[1:])


def test_the_negative_of_gamma_is_refused():
    negated = bytes([PROOF[0] ^ 1]) + PROOF[1:]
    with pytest.raises(vrf.InvalidProofError, match="does not hold"):
        vrf.verify(KEY, ALPHA, negated)


def test_s_has_no_second_form_above_the_order():
    """s + n fits into 32 bytes when s is small, and would be the same scalar: one proof in two encodings."""
    s = int.from_bytes(PROOF[49:], "big")
    for alias in {vrf.ORDER, vrf.ORDER + 1, 2**256 - 1, min(s + vrf.ORDER, 2**256 - 1)}:
        with pytest.raises(vrf.InvalidProofError, match="group order"):
            vrf.verify(KEY, ALPHA, PROOF[:49] + alias.to_bytes(32, "big"))


@given(st.binary(min_size=16, max_size=16), st.integers(0, vrf.ORDER - 1))
def test_no_other_c_and_s_hold_for_the_same_gamma(c, s):
    forged = PROOF[:33] + c + s.to_bytes(32, "big")
    if forged != PROOF:
        with pytest.raises(vrf.InvalidProofError, match="does not hold"):
            vrf.verify(KEY, ALPHA, forged)


def test_a_proof_whose_points_are_at_infinity_is_refused():
    """With nonce 0, s = c·x makes U and V the point at infinity, whose SEC1 form is the one byte 00."""
    gamma = PROOF[:33]
    h = SECP256K1.prove(int.from_bytes(SECRET, "big"), ALPHA)["h"]
    c = hashlib.sha256(b"\xfe\x02" + KEY + h + gamma + b"\x00\x00" + b"\x00").digest()[:16]
    s = int.from_bytes(c, "big") * int.from_bytes(SECRET, "big") % vrf.ORDER
    with pytest.raises(vrf.InvalidProofError, match="does not hold"):
        vrf.verify(KEY, ALPHA, gamma + c + s.to_bytes(32, "big"))


@pytest.mark.parametrize(("c", "s"), [(bytes(16), 0), (bytes(16), 1), (PROOF[33:49], 0)])
def test_zero_scalars_are_computed_with_and_refused(c, s):
    with pytest.raises(vrf.InvalidProofError, match="does not hold"):
        vrf.verify(KEY, ALPHA, PROOF[:33] + c + s.to_bytes(32, "big"))


def test_u_may_be_the_sum_of_equal_points():
    """s·B and -c·Y are the same point when s = -c·x: the addition is a doubling."""
    c = PROOF[33:49]
    s = -int.from_bytes(c, "big") * int.from_bytes(SECRET, "big") % vrf.ORDER
    with pytest.raises(vrf.InvalidProofError, match="does not hold"):
        vrf.verify(KEY, ALPHA, PROOF[:49] + s.to_bytes(32, "big"))


X, Y = (value.to_bytes(32, "big") for value in vrf.decompress(KEY))


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"\x00",
        b"\x02",
        KEY[:32],
        KEY + b"\x00",
        bytes(33),
        bytes(65),
        b"\x04" + KEY[1:],
        b"\x05" + KEY[1:],
        b"\x02" + (5).to_bytes(32, "big"),
        b"\x02" + PRIME.to_bytes(32, "big"),
        b"\x02" + b"\xff" * 32,
        b"\x04" + X + bytes(32),
        b"\x04" + X + PRIME.to_bytes(32, "big"),
        b"\x04" + PRIME.to_bytes(32, "big") + Y,
        b"\x06" + X + Y,
        b"\x07" + X + Y,
        b"\x02" + X + Y,
        "02" * 33,
        None,
        7,
    ],
    ids=repr,
)
def test_what_is_no_public_key_is_refused_by_name(key):
    for check in (lambda: vrf.verify(key, ALPHA, PROOF), lambda: vrf.decompress(key)):
        with pytest.raises(vrf.InvalidPublicKeyError):
            check()


@pytest.mark.parametrize(
    "secret",
    [b"", bytes(31), b"\x01" * 33, bytes(32), vrf.ORDER.to_bytes(32, "big"), b"\xff" * 32, "11" * 32, None, 5],
    ids=repr,
)
def test_what_is_no_secret_key_is_refused_without_showing_it(secret):
    for use in (lambda: vrf.prove(secret, ALPHA), lambda: vrf.public_key(secret)):
        with pytest.raises(vrf.InvalidSecretKeyError) as caught:
            use()
        assert "ff" * 8 not in caught.value.diagnostics()


@pytest.mark.parametrize("bad", ["alpha", None, 5])
def test_an_input_or_a_proof_that_is_not_bytes_is_refused(bad):
    for use in (lambda: vrf.prove(SECRET, bad), lambda: vrf.verify(KEY, bad, PROOF)):
        with pytest.raises(vrf.InvalidAlphaError):
            use()
    with pytest.raises(vrf.InvalidProofError):
        vrf.verify(KEY, ALPHA, bad)


@given(st.binary(max_size=70), alphas, st.binary(max_size=100))
def test_random_bytes_raise_only_errors_of_the_module(key, alpha, proof):
    with pytest.raises(vrf.VrfError):
        vrf.verify(key, alpha, proof)
    with pytest.raises(vrf.InvalidProofError):
        vrf.verify(KEY, alpha, proof)
    with contextlib.suppress(vrf.InvalidSecretKeyError):  # 32 random bytes are a key
        vrf.prove(key, alpha)


def test_the_largest_secret_key_works():
    secret = (vrf.ORDER - 1).to_bytes(32, "big")
    assert (
        vrf.verify(vrf.public_key(secret), b"", vrf.prove(secret, b"")) == SECP256K1.prove(vrf.ORDER - 1, b"")["beta"]
    )


def numbers(witness):
    assert len(witness) % 32 == 0
    return [int.from_bytes(witness[place : place + 32], "big") for place in range(0, len(witness), 32)]


def compressed(x, y):
    return bytes([2 + y % 2]) + x.to_bytes(32, "big")


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["label"])
def test_a_witness_holds_the_intermediate_values_of_the_published_vectors(vector):
    key, alpha, proof = (bytes.fromhex(vector[name]) for name in ("pk", "alpha", "pi"))
    u_x, u_y, sh_x, sh_y, cg_x, cg_y, inverse, *roots = numbers(vrf.witness(key, alpha, proof))
    assert compressed(u_x, u_y).hex() == vector["u"]
    slope = (sh_y + cg_y) * inverse % PRIME
    v_x = (slope**2 - sh_x - cg_x) % PRIME
    assert compressed(v_x, (slope * (sh_x - v_x) - sh_y) % PRIME).hex() == vector["v"]
    assert len(roots) == vector["h_ctr"]


@given(secret_keys, alphas)
def test_the_roots_of_a_witness_show_the_smallest_counter(secret, alpha):
    key = vrf.public_key(secret)
    roots = numbers(vrf.witness(key, alpha, vrf.prove(secret, alpha)))[7:]
    for counter in range(len(roots) + 1):
        x = int.from_bytes(hashlib.sha256(b"\xfe\x01" + key + alpha + bytes([counter, 0])).digest(), "big")
        right = (x**3 + 7) % PRIME
        refused = counter < len(roots)
        assert pow(right, (PRIME - 1) // 2, PRIME) == (PRIME - 1 if refused else 1)
        if refused:
            assert roots[counter] % 2 == 0
            assert roots[counter] ** 2 % PRIME == PRIME - right


@given(secret_keys, alphas)
def test_a_witness_needs_no_secret_and_is_the_same_under_either_form_of_the_key(secret, alpha):
    key, proof = vrf.public_key(secret), vrf.prove(secret, alpha)
    uncompressed = b"\x04" + b"".join(value.to_bytes(32, "big") for value in vrf.decompress(key))
    assert vrf.witness(key, alpha, proof) == vrf.witness(uncompressed, alpha, proof)


def test_a_proof_that_does_not_hold_has_a_witness_too():
    flipped = PROOF[:-1] + bytes([PROOF[-1] ^ 1])
    assert vrf.witness(KEY, ALPHA, flipped) != vrf.witness(KEY, ALPHA, PROOF)


@pytest.mark.parametrize("scalars", [bytes(48), bytes(47) + b"\x01", PROOF[33:49] + bytes(32)], ids=["0, 0", "c", "s"])
def test_a_proof_with_a_scalar_of_zero_has_no_witness(scalars):
    with pytest.raises(vrf.InvalidProofError, match="degenerate"):
        vrf.witness(KEY, ALPHA, PROOF[:33] + scalars)


@pytest.mark.parametrize("sign", [1, -1], ids=["V is infinity", "V is a double"])
def test_a_proof_whose_difference_has_no_inverse_has_no_witness(sign):
    s = sign * int.from_bytes(PROOF[33:49], "big") * int.from_bytes(SECRET, "big") % vrf.ORDER
    with pytest.raises(vrf.InvalidProofError, match="degenerate"):
        vrf.witness(KEY, ALPHA, PROOF[:49] + s.to_bytes(32, "big"))


def test_what_is_malformed_has_no_witness():
    with pytest.raises(vrf.InvalidPublicKeyError):
        vrf.witness(KEY[:-1], ALPHA, PROOF)
    with pytest.raises(vrf.InvalidAlphaError):
        vrf.witness(KEY, "alpha", PROOF)
    for proof in (b"", PROOF[:-1], PROOF + b"\x00", gamma_of(5)):
        with pytest.raises(vrf.InvalidProofError):
            vrf.witness(KEY, ALPHA, proof)
