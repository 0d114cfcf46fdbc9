"""The VRF verifier in Python and the one in Solidity give the same verdict and the same output."""

from __future__ import annotations

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
ADDRESS = "0x00000000000000000000000000000000000ecf0f"
CASES_IN_A_BATCH = 100


@pytest.fixture(scope="session")
def verifier(shared_chain):
    """Calls the Solidity verifier with a list of (x, y, alpha, proof); gives (valid, beta) for each."""
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
    selector = bytes.fromhex(output["methodIdentifiers"]["verify(uint256,uint256,bytes,bytes)"])
    code = "0x" + output["deployedBytecode"]["object"]

    def verify(cases):
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


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**64 - 1))
def test_python_and_solidity_agree_on_valid_and_damaged_proofs(verifier, seed):
    source = random.Random(seed)
    cases = [valid_case(source) for _ in range(CASES_IN_A_BATCH // 2)]
    cases += [damaged(source, case) for case in cases]
    want = [in_python(*case) for case in cases]
    assert all(valid for valid, _ in want[: CASES_IN_A_BATCH // 2])
    assert verifier(cases) == want
