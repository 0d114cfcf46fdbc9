// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Secp256k1} from "./Secp256k1.sol";

/// @title ECVRF-SECP256K1-SHA256-TAI (RFC 9381), verified with a witness of the prover.
///
/// @dev Suite byte 0xFE, SHA-256, cLen 16, qLen 32, ptLen 33, cofactor 1. The RFC registers no suite for secp256k1; this
///      is the one that other implementations use. The same in Python: aivm/vrf.py, which also makes the witnesses. The RFC's own
///      arithmetic, against which this is tested: contracts/test/support/PlainEcvrf.sol.
///
///      A *witnessed proof* is the RFC's proof of 81 bytes with the witness behind it: what is dear to compute and cheap to check.
///      All numbers are 32 bytes, big-endian.
///
///      offset | part of the proof     |  offset | part of the witness
///      -------|-----------------------|---------|---------------------------------------------------------------------
///           0 | Gamma, SEC1 compressed |      81 | x, y of U = s·B - c·Y
///          33 | c, 16 bytes           |     145 | x, y of s·H
///          49 | s                     |     209 | x, y of c·Gamma
///             |                       |     273 | the inverse of x(s·H) - x(c·Gamma) modulo P
///             |                       |     305 | for each candidate x of encode_to_curve that is below P and no point, in order:
///             |                       |         | the even root of -(x³ + 7)
///
///      RFC 9381                            | here                                        | deviation, and what it costs
///      ------------------------------------|---------------------------------------------|-----------------------------------------
///      §5.4.5 validate_key                 | the caller, once, when it takes the key     | none
///      §5.4.4 decode_proof                 | exact length; s below the order; prefix and | none: `ecrecover` takes no other prefix
///                                          | x of Gamma are given to an `ecrecover`      | and no x that is not on the curve
///      §5.4.1.1 encode_to_curve (TAI)      | salted with the key; counter 0 to 255; a    | none: of x³ + 7 and its negative exactly
///                                          | root of the negative shows that a candidate | one has a root, so no prover can pass
///                                          | is no point, an `ecrecover` that H is one   | over a candidate
///      §5.3 U = s·B - c·Y                  | one `ecrecover` gives the address of U, a   | equality of 160 bits, not 512. A false U,
///                                          | hash of it, to compare with the claimed U   | or a false V, costs 2^160 trials. The
///      §5.3 V = s·H - c·Gamma              | two `ecrecover` for the addresses of s·H    | RFC's own c of 128 bits is guessed with
///                                          | and c·Gamma, compared likewise; then the    | 2^128, so that the scheme is no weaker.
///                                          | difference, with the claimed inverse        | Coordinates are canonical if they match
///      Y, H or Gamma with x of N or more   | refused: `ecrecover` takes no such x        | a proof in 2^127 is lost, and nobody can
///                                          |                                             | find one
///      c = 0                               | refused: 0·Gamma has no address             | one proof in 2^128 is lost
///      s = 0; U or V at infinity           | refused                                     | no nonce of §5.4.2 leads there
///      s·H = -c·Gamma (V is a double)      | refused: there is no inverse                | needs the nonce -2·c·secret: 2^-256
///      §5.4.3 challenge_generation         | SHA-256 of five points, first 16 bytes      | none
///      §5.2 proof_to_hash                  | SHA-256 of Gamma                            | none
///
///      What is refused here and not by the RFC can make an operator fail to answer, never two outputs valid for one input. Roots and
///      inverse are canonical too: a proof has one witness.
///
///      Assembly, because it is measured: the same in Solidity (slices, encodePacked, the built-in sha256 and ecrecover) costs
///      17,700 gas and 950 for each further candidate; this 12,750 and 600 (contracts/snapshots/Ecvrf.json). 9,900 of those are
///      the precompiles' own. Memory behind the free pointer is scratch, and the pointer is not moved.
library Ecvrf {
    uint256 private constant PROOF_C = 33;
    uint256 private constant PROOF_S = 49;
    uint256 private constant WITNESS_U = 81;
    uint256 private constant WITNESS_SH = 145;
    uint256 private constant WITNESS_C_GAMMA = 209;
    uint256 private constant WITNESS_INVERSE = 273;
    uint256 private constant WITNESS_ROOTS = 305;

    uint256 private constant P = Secp256k1.P;
    uint256 private constant N = Secp256k1.N;

    /// @notice Checks a witnessed proof over `alpha` by the key whose x is `keyX`.
    /// @dev The key must have been checked to be on the curve. Never reverts for what the proof says.
    /// @param keyOdd whether y of the key is odd
    /// @param proof Gamma (33, SEC1 compressed) | c (16) | s (32) | witness
    /// @return valid whether the proof holds
    /// @return beta the VRF output, zero when the proof does not hold
    function verify(bool keyOdd, uint256 keyX, bytes memory alpha, bytes calldata proof) internal view returns (bool valid, bytes32 beta) {
        uint256 keyPrefix = keyOdd ? 3 : 2;
        uint256 start; // of the proof in the calldata: one word on the stack instead of two
        assembly ("memory-safe") {
            start := proof.offset
        }
        (bool encoded, uint256 hX) = _encodeToCurve(keyPrefix, keyX, alpha, start, proof.length);
        if (!encoded || !_areMultiples(keyPrefix, keyX, hX, start)) return (false, 0);
        (bool finite, uint256 vX, uint256 vY) = _difference(start);
        if (!finite || !_isChallenge(keyPrefix, keyX, hX, start, vX, vY)) return (false, 0);
        return (true, _output(start));
    }

    /// @notice The output that a proof would have, whether it holds or not: zero if it is shorter than Gamma.
    function outputOf(bytes calldata proof) internal view returns (bytes32) {
        uint256 start;
        assembly ("memory-safe") {
            start := proof.offset
        }
        return proof.length < PROOF_C ? bytes32(0) : _output(start);
    }

    /// @dev RFC 9381 §5.4.1.1. As many candidates are refused as there are roots, so the next one must be a point, and this
    ///      also fixes the length. That it is one shows when it is multiplied: a proof that stops too early fails there.
    /// @return found false too when 256 counters are not enough, which happens to one input in 2^256
    /// @return x of H, whose y is even
    function _encodeToCurve(uint256 keyPrefix, uint256 keyX, bytes memory alpha, uint256 start, uint256 length)
        private
        view
        returns (bool found, uint256 x)
    {
        if (length < WITNESS_ROOTS) return (false, 0);
        uint256 text; // FE 01, the key, alpha, the counter, 00
        uint256 size;
        assembly ("memory-safe") {
            text := mload(0x40)
            mstore(text, shl(240, 0xFE01))
            mstore8(add(text, 2), keyPrefix)
            mstore(add(text, 3), keyX)
            mcopy(add(text, 35), add(alpha, 32), mload(alpha))
            size := add(mload(alpha), 37)
            mstore8(add(text, sub(size, 1)), 0)
        }
        // Nothing overflows: positions are within the calldata, and what is subtracted from P is below it.
        unchecked {
            uint256 end = start + length;
            uint256 place = start + WITNESS_ROOTS;
            // At most 256 turns; two on average.
            for (uint256 counter = 0; counter < 256; ++counter) {
                assembly ("memory-safe") {
                    mstore8(add(text, sub(size, 2)), counter)
                    if iszero(staticcall(gas(), 2, text, size, 0, 32)) { revert(0, 0) }
                    x := mload(0)
                }
                if (x >= P) continue;
                if (place == end) return (true, x);
                uint256 root = _word(place);
                if (root >= P || root & 1 == 1 || mulmod(root, root, P) != P - Secp256k1.right(x)) break;
                place += 32;
            }
        }
        return (false, 0);
    }

    /// @dev Whether U, s·H and c·Gamma are what the witness says. `ecrecover(z, v, r, s)` is the address of s/r·R - z/r·B, where R is
    ///      the point whose x is r and whose y is odd if v is 28; where there is none, or r is N or more, it gives nothing.
    function _areMultiples(uint256 keyPrefix, uint256 keyX, uint256 hX, uint256 start) private view returns (bool) {
        // Nothing overflows: positions are within the calldata, and what is subtracted from N is below it.
        unchecked {
            uint256 c = _word(start + PROOF_C) >> 128;
            uint256 s = _word(start + PROOF_S);
            if (c == 0 || s == 0 || s >= N) return false;
            if (!_recovers(N - mulmod(s, keyX, N), keyPrefix, keyX, N - mulmod(c, keyX, N), start + WITNESS_U)) return false;
            if (!_recovers(0, 2, hX, mulmod(s, hX, N), start + WITNESS_SH)) return false;
            uint256 gammaX = _gammaX(start);
            return _recovers(0, _gammaPrefix(start), gammaX, mulmod(c, gammaX, N), start + WITNESS_C_GAMMA);
        }
    }

    /// @dev Whether `ecrecover` gives the address of the point at `place`. It gives nothing where there is no address, and that is
    ///      nobody's address.
    function _recovers(uint256 z, uint256 prefix, uint256 r, uint256 s, uint256 place) private view returns (bool same) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, z)
            mstore(add(free, 32), add(prefix, 25))
            mstore(add(free, 64), r)
            mstore(add(free, 96), s)
            mstore(0, 0)
            pop(staticcall(gas(), 1, free, 128, 0, 32))
            let recovered := mload(0)
            calldatacopy(free, place, 64)
            same := eq(recovered, and(keccak256(free, 64), 0xffffffffffffffffffffffffffffffffffffffff))
            same := and(same, iszero(iszero(recovered)))
        }
    }

    /// @dev V = s·H - c·Gamma, for two points that differ in x, which is what having the inverse shows.
    function _difference(uint256 start) private pure returns (bool finite, uint256 x, uint256 y) {
        // Nothing overflows: positions are within the calldata, and coordinates that have the right address are below P.
        unchecked {
            uint256 x1 = _word(start + WITNESS_SH);
            uint256 y1 = _word(start + WITNESS_SH + 32);
            uint256 x2 = _word(start + WITNESS_C_GAMMA);
            uint256 inverse = _word(start + WITNESS_INVERSE);
            if (inverse >= P || mulmod(addmod(x1, P - x2, P), inverse, P) != 1) return (false, 0, 0);
            uint256 slope = mulmod(addmod(y1, _word(start + WITNESS_C_GAMMA + 32), P), inverse, P);
            x = addmod(mulmod(slope, slope, P), P - addmod(x1, x2, P), P);
            y = addmod(mulmod(slope, addmod(x1, P - x, P), P), P - y1, P);
            return (true, x, y);
        }
    }

    /// @dev RFC 9381 §5.4.3: SHA-256 of FE 02, the points Y, H, Gamma, U and V, and 00. H has an even y.
    function _isChallenge(uint256 keyPrefix, uint256 keyX, uint256 hX, uint256 start, uint256 vX, uint256 vY)
        private
        view
        returns (bool same)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(240, 0xFE02))
            mstore8(add(free, 2), keyPrefix)
            mstore(add(free, 3), keyX)
            mstore8(add(free, 35), 2)
            mstore(add(free, 36), hX)
            calldatacopy(add(free, 68), start, 33)
            mstore8(add(free, 101), add(2, and(calldataload(add(start, add(WITNESS_U, 32))), 1)))
            mstore(add(free, 102), calldataload(add(start, WITNESS_U)))
            mstore8(add(free, 134), add(2, and(vY, 1)))
            mstore(add(free, 135), vX)
            mstore8(add(free, 167), 0)
            if iszero(staticcall(gas(), 2, free, 168, 0, 32)) { revert(0, 0) }
            same := eq(shr(128, mload(0)), shr(128, calldataload(add(start, PROOF_C))))
        }
    }

    /// @dev RFC 9381 §5.2: SHA-256 of FE 03, Gamma and 00.
    function _output(uint256 start) private view returns (bytes32 beta) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(240, 0xFE03))
            calldatacopy(add(free, 2), start, 33)
            mstore8(add(free, 35), 0)
            if iszero(staticcall(gas(), 2, free, 36, 0, 32)) { revert(0, 0) }
            beta := mload(0)
        }
    }

    function _gammaPrefix(uint256 start) private pure returns (uint256) {
        return _word(start) >> 248;
    }

    function _gammaX(uint256 start) private pure returns (uint256) {
        unchecked {
            return _word(start + 1);
        }
    }

    function _word(uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(place)
        }
    }
}
