"""Three VRF verifiers agree: Python, the RFC's arithmetic in Solidity, and the one that is deployed.

The deployed one takes proofs with a witness. A proof gets the witness that Python makes for it, whether it holds or
not, so that a wrong verdict cannot hide behind a wrong witness; and witnesses are damaged on their own.
"""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest
import solcx
from eth_abi import decode, encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivm import vrf

ROOT = Path(__file__).resolve().parents[2]
HARNESS = "contracts/test/vrf/EcvrfHarness.sol"
VECTORS = ROOT / "tests" / "vectors" / "ecvrf-secp256k1-sha256-tai.json"
ADDRESS = "0x00000000000000000000000000000000000ecf0f"
CASES_IN_A_BATCH = 100


@pytest.fixture(scope="session")
def verifier(shared_chain):
    """Calls a function of the harness with each of a list of (x, y, alpha, proof); gives (valid, beta) for each."""
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {HARNESS: {"content": (ROOT / HARNESS).read_text()}},
            "settings": {
                "evmVersion": "cancun",
                "optimizer": {"enabled": True, "runs": 200},
                "remappings": ["@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/"],
                "outputSelection": {
                    HARNESS: {"EcvrfHarness": ["evm.deployedBytecode.object", "evm.methodIdentifiers"]}
                },
            },
        },
        solc_binary=ROOT / "scripts" / "solc.cjs",
        base_path=str(ROOT),
        allow_paths=[str(ROOT)],
    )["contracts"][HARNESS]["EcvrfHarness"]["evm"]
    arguments = "(uint256,uint256,bytes,bytes)"
    code = "0x" + output["deployedBytecode"]["object"]

    def verify(function, cases):
        selector = bytes.fromhex(output["methodIdentifiers"][function + arguments])
        with shared_chain.anchor():
            shared_chain.rpc.call("anvil_setCode", ADDRESS, code)
            calls = [
                {
                    "to": ADDRESS,
                    "data": "0x" + (selector + encode(["uint256", "uint256", "bytes", "bytes"], case)).hex(),
                }
                for case in cases
            ]
            answers = shared_chain.rpc.batch([("eth_call", (call, "latest")) for call in calls])
        return [decode(["bool", "bytes32"], bytes.fromhex(answer[2:])) for answer in answers]

    return verify


def in_python(x, y, alpha, proof):
    try:
        return True, vrf.verify(b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big"), alpha, proof)
    except vrf.VrfError:
        return False, bytes(32)


def valid_case(source):
    secret = source.randrange(1, vrf.ORDER).to_bytes(32, "big")
    alpha = source.randbytes(source.choice([0, 1, 32, 32, 100]))
    return *vrf.decompress(vrf.public_key(secret)), alpha, vrf.prove(secret, alpha)


def damaged(source, case):
    """The same case with one thing wrong, or wrong-looking."""
    x, y, alpha, proof = case
    s = int.from_bytes(proof[49:], "big")
    bit = source.randrange(81 * 8)
    flipped = bytearray(proof)
    flipped[bit // 8] ^= 1 << bit % 8
    other_x, other_y, _, other_proof = valid_case(source)
    return source.choice(
        [
            (x, y, alpha, bytes(flipped)),
            (x, y, alpha, bytes([proof[0] ^ 1]) + proof[1:]),
            (x, y, alpha, proof[:49] + min(s + vrf.ORDER, 2**256 - 1).to_bytes(32, "big")),
            (x, y, alpha, proof[:33] + source.randbytes(48)),
            (x, y, alpha, b"\x02" + source.randbytes(32) + proof[33:]),
            (x, y, alpha, source.randbytes(81)),
            (x, y, alpha, proof[: source.randrange(81)]),
            (x, y, alpha, proof + b"\x00"),
            (x, y, alpha + b"\x00", proof),
            (x, y, alpha, other_proof),
            (x, y, alpha, other_proof[:33] + proof[33:]),
            (other_x, other_y, alpha, proof),
            (x, other_y, alpha, proof),
            (x, 2**256 - 2**32 - 977 - y, alpha, proof),
            (source.randrange(2**256), source.randrange(2**256), alpha, proof),
        ]
    )


def with_witness(case):
    """The case as the deployed verifier takes it; with a witness of nothing where Python makes none."""
    x, y, alpha, proof = case
    with contextlib.suppress(vrf.VrfError):
        key = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
        return x, y, alpha, proof + vrf.witness(key, alpha, proof)
    return x, y, alpha, proof + bytes(224)


def with_damaged_witness(source, case):
    """A sound proof whose witness has one thing wrong."""
    x, y, alpha, witnessed = with_witness(case)
    proof, witness = witnessed[:81], witnessed[81:]
    words = [witness[place : place + 32] for place in range(0, len(witness), 32)]
    which = source.randrange(len(words))
    number = int.from_bytes(words[which], "big")
    others = with_witness(valid_case(source))[3][81:]
    return (
        x,
        y,
        alpha,
        proof
        + b"".join(
            source.choice(
                [
                    [*words[:which], source.randbytes(32), *words[which + 1 :]],
                    [*words[:which], (number ^ 1 << source.randrange(256)).to_bytes(32, "big"), *words[which + 1 :]],
                    [*words[:which], (vrf.PRIME - number).to_bytes(32, "big"), *words[which + 1 :]],
                    [*words[:which], min(number + vrf.PRIME, 2**256 - 1).to_bytes(32, "big"), *words[which + 1 :]],
                    [*words[:which], *words[which + 1 :]],
                    [*words[: which + 1], *words[which:]],
                    [*words, bytes(32)],
                    [witness[: source.randrange(len(witness))]],
                    [witness, b"\x00"],
                    [others],
                    [],
                ]
            )
        ),
    )


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**64 - 1))
def test_the_three_verifiers_agree_on_valid_and_damaged_proofs_and_refuse_damaged_witnesses(verifier, seed):
    source = random.Random(seed)
    sound = [valid_case(source) for _ in range(CASES_IN_A_BATCH // 2)]
    cases = sound + [damaged(source, case) for case in sound]
    want = [in_python(*case) for case in cases]
    assert all(valid for valid, _ in want[: len(sound)])
    assert verifier("verifyPlain", cases) == want
    assert verifier("verify", [with_witness(case) for case in cases]) == want
    broken = [with_damaged_witness(source, case) for case in sound]
    assert verifier("verify", broken) == [(False, bytes(32))] * len(broken)


@pytest.mark.parametrize("group", ["vectors", "negative_vectors"])
def test_the_three_verifiers_agree_on_the_published_vectors(verifier, group):
    published = json.loads(VECTORS.read_text())[group]
    cases = [
        (*vrf.decompress(bytes.fromhex(each["pk"])), bytes.fromhex(each["alpha"]), bytes.fromhex(each["pi"]))
        for each in published
    ]
    want = [(True, bytes.fromhex(each["beta"])) if "beta" in each else (False, bytes(32)) for each in published]
    assert [in_python(*case) for case in cases] == want
    assert verifier("verifyPlain", cases) == want
    assert verifier("verify", [with_witness(case) for case in cases]) == want
