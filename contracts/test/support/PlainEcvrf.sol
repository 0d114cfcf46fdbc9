// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {PlainSecp256k1} from "./PlainSecp256k1.sol";

/// @title The verifier of RFC 9381, close to its text: the oracle of the one that is deployed (contracts/libraries/Ecvrf.sol).
///
/// @dev It takes 81-byte proofs and no witness, and costs half a million gas. Suite byte 0xFE, SHA-256, cLen 16, qLen 32, ptLen 33, cofactor 1. The RFC registers no suite for secp256k1; this
///      is the one that other implementations use. The same in Python: aivm/vrf.py.
///
///      RFC 9381                            | here                                        | deviation
///      ------------------------------------|---------------------------------------------|-------------------------------
///      §5.4.5 validate_key                 | always: canonical, on the curve             | none; §5.3 leaves it to a flag
///      §5.4.4 decode_proof                 | 81 bytes; Gamma canonical, on the curve,    | none
///                                          | prefix 02 or 03; s below the order          |
///      §5.4.1.1 encode_to_curve (TAI)      | salted with the key; counter 0 to 255       | none
///      §5.3 U = s·B - c·Y, V = s·H - c·Γ   | in full, Jacobian, Straus                   | none
///      §5.4.3 challenge_generation         | SHA-256 of five points, first 16 bytes      | none
///      U or V at infinity                  | refused                                     | the RFC encodes it (SEC1 00);
///                                          |                                             | no nonce of §5.4.2 leads there
///      §5.2 proof_to_hash                  | SHA-256 of Gamma                            | none
///
///      Nearly all of the cost are the two linear combinations; each further counter of encode_to_curve adds a hash and a
///      modular exponentiation (half of the inputs need more than one).
library PlainEcvrf {
    using PlainSecp256k1 for PlainSecp256k1.Point;

    struct Proof {
        PlainSecp256k1.Point gamma;
        uint128 c;
        uint256 s;
    }

    uint256 internal constant PROOF_LENGTH = 81;

    bytes1 private constant SUITE = 0xFE;

    /// @notice Checks a proof over `alpha` by the key `y`.
    /// @param proof Gamma (33, SEC1 compressed) | c (16) | s (32)
    /// @return valid whether the proof holds
    /// @return beta the VRF output, zero when the proof does not hold
    function verify(PlainSecp256k1.Point memory y, bytes memory alpha, bytes calldata proof) internal view returns (bool valid, bytes32 beta) {
        if (!y.isOnCurve()) return (false, 0);
        (bool wellFormed, Proof memory parts) = decode(proof);
        if (!wellFormed) return (false, 0);
        (bool encoded, PlainSecp256k1.Point memory h) = encodeToCurve(y, alpha);
        if (!encoded || !_holds(y, h, parts)) return (false, 0);
        return (true, output(parts.gamma));
    }

    /// @dev RFC 9381 §5.4.4.
    function decode(bytes calldata proof) internal view returns (bool wellFormed, Proof memory parts) {
        if (proof.length != PROOF_LENGTH) return (false, parts);
        bytes1 prefix = proof[0];
        if (prefix != 0x02 && prefix != 0x03) return (false, parts);
        (wellFormed, parts.gamma) = PlainSecp256k1.lift(uint256(bytes32(proof[1:33])), prefix == 0x03);
        parts.c = uint128(bytes16(proof[33:49]));
        parts.s = uint256(bytes32(proof[49:81]));
        wellFormed = wellFormed && parts.s < Secp256k1.N;
    }

    /// @dev RFC 9381 §5.4.1.1.
    /// @return found false when none of 256 counters gives a point, which happens to one input in 2^256
    function encodeToCurve(PlainSecp256k1.Point memory y, bytes memory alpha) internal view returns (bool found, PlainSecp256k1.Point memory h) {
        bytes memory prefix = abi.encodePacked(SUITE, bytes1(0x01), y.compress(), alpha);
        // At most 256 turns; two on average.
        for (uint256 counter = 0; counter < 256 && !found; ++counter) {
            (found, h) = PlainSecp256k1.lift(uint256(sha256(abi.encodePacked(prefix, uint8(counter), bytes1(0)))), false);
        }
    }

    /// @dev RFC 9381 §5.3, steps 4 to 8: U = s·B - c·Y, V = s·H - c·Gamma, and c is their challenge.
    function _holds(PlainSecp256k1.Point memory y, PlainSecp256k1.Point memory h, Proof memory proof) private view returns (bool) {
        (bool finiteU, PlainSecp256k1.Point memory u) = PlainSecp256k1.combine(proof.s, PlainSecp256k1.generator(), proof.c, y.negate());
        if (!finiteU) return false;
        (bool finiteV, PlainSecp256k1.Point memory v) = PlainSecp256k1.combine(proof.s, h, proof.c, proof.gamma.negate());
        return finiteV && challenge([y, h, proof.gamma, u, v]) == proof.c;
    }

    /// @dev RFC 9381 §5.4.3, of the points Y, H, Gamma, U, V.
    function challenge(PlainSecp256k1.Point[5] memory points) internal pure returns (uint128) {
        bytes memory text = abi.encodePacked(SUITE, bytes1(0x02));
        for (uint256 i = 0; i < 5; ++i) {
            text = abi.encodePacked(text, points[i].compress());
        }
        return uint128(bytes16(sha256(abi.encodePacked(text, bytes1(0)))));
    }

    /// @dev RFC 9381 §5.2.
    function output(PlainSecp256k1.Point memory gamma) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(SUITE, bytes1(0x03), gamma.compress(), bytes1(0)));
    }
}
