// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {PlainEcvrf} from "./PlainEcvrf.sol";
import {PlainSecp256k1} from "./PlainSecp256k1.sol";

/// @title Makes VRF proofs inside a test (RFC 9381 §5.1, nonce by RFC 6979). Never for a real key: it would be public.
library EcvrfProver {
    using PlainSecp256k1 for PlainSecp256k1.Point;

    /// @dev Affine coordinates of the public key.
    /// @dev What a proof comes to: RFC 9381 §5.2.
    function outputOf(bytes memory proof) internal pure returns (bytes32) {
        bytes memory gamma = new bytes(33);
        for (uint256 i = 0; i < 33; ++i) {
            gamma[i] = proof[i];
        }
        return sha256(abi.encodePacked(hex"fe03", gamma, bytes1(0)));
    }

    function publicKey(uint256 secret) internal view returns (uint256 x, uint256 y) {
        PlainSecp256k1.Point memory key = multiply(secret, PlainSecp256k1.generator());
        return (key.x, key.y);
    }

    /// @return proof 81 bytes, the same for the same inputs
    function prove(uint256 secret, bytes memory alpha) internal view returns (bytes memory proof) {
        PlainSecp256k1.Point memory y = multiply(secret, PlainSecp256k1.generator());
        (bool found, PlainSecp256k1.Point memory h) = PlainEcvrf.encodeToCurve(y, alpha);
        require(found, "EcvrfProver: no point");
        return proveWithNonce(secret, y, h, nonce(secret, h.compress()));
    }

    /// @dev A proof with a nonce of the caller's choice, which only a hostile prover makes.
    function proveWithNonce(uint256 secret, PlainSecp256k1.Point memory y, PlainSecp256k1.Point memory h, uint256 k)
        internal
        view
        returns (bytes memory)
    {
        PlainSecp256k1.Point memory gamma = multiply(secret, h);
        uint128 c = PlainEcvrf.challenge([y, h, gamma, multiply(k, PlainSecp256k1.generator()), multiply(k, h)]);
        uint256 s = addmod(k, mulmod(c, secret, Secp256k1.N), Secp256k1.N);
        return abi.encodePacked(gamma.compress(), c, s);
    }

    /// @return The proof with its witness, as the chain takes it.
    function witnessed(uint256 secret, bytes memory alpha) internal view returns (bytes memory) {
        return witnessedWithNonce(secret, alpha, 0);
    }

    /// @dev The same with a nonce of the caller's choice; 0 for the usual one.
    function witnessedWithNonce(uint256 secret, bytes memory alpha, uint256 k) internal view returns (bytes memory) {
        PlainSecp256k1.Point memory y = multiply(secret, PlainSecp256k1.generator());
        (bool found, PlainSecp256k1.Point memory h) = PlainEcvrf.encodeToCurve(y, alpha);
        require(found, "EcvrfProver: no point");
        bytes memory proof = proveWithNonce(secret, y, h, k == 0 ? nonce(secret, h.compress()) : k);
        return abi.encodePacked(proof, witness(y, h, multiply(secret, h), _scalars(proof)), roots(y, alpha));
    }

    /// @dev The witness, without its roots, of a proof with this Gamma and the scalars [c, s], which need not hold.
    function witness(
        PlainSecp256k1.Point memory y,
        PlainSecp256k1.Point memory h,
        PlainSecp256k1.Point memory gamma,
        uint256[2] memory scalars
    ) internal view returns (bytes memory) {
        (bool finite, PlainSecp256k1.Point memory u) =
            PlainSecp256k1.combine(scalars[1], PlainSecp256k1.generator(), scalars[0], y.negate());
        require(finite, "EcvrfProver: infinity");
        PlainSecp256k1.Point memory sh = multiply(scalars[1], h);
        PlainSecp256k1.Point memory cGamma = multiply(scalars[0], gamma);
        uint256 inverse = Math.invModPrime(addmod(sh.x, Secp256k1.P - cGamma.x, Secp256k1.P), Secp256k1.P);
        return abi.encodePacked(u.x, u.y, sh.x, sh.y, cGamma.x, cGamma.y, inverse);
    }

    /// @dev The root for each candidate before the first that is a point.
    function roots(PlainSecp256k1.Point memory y, bytes memory alpha) internal view returns (bytes memory list) {
        for (uint256 counter = 0;; ++counter) {
            uint256 x = candidate(y, alpha, counter);
            if (x >= Secp256k1.P) continue;
            (bool found,) = PlainSecp256k1.lift(x, false);
            if (found) return list;
            list = abi.encodePacked(list, root(x));
        }
    }

    function candidate(PlainSecp256k1.Point memory y, bytes memory alpha, uint256 counter) internal pure returns (uint256) {
        return uint256(sha256(abi.encodePacked(bytes2(0xFE01), y.compress(), alpha, uint8(counter), bytes1(0))));
    }

    /// @dev The even root of x³ + 7, or of its negative, whichever has one.
    function root(uint256 x) internal view returns (uint256) {
        (bool found, PlainSecp256k1.Point memory a) = PlainSecp256k1.lift(x, false);
        if (found) return a.y;
        uint256 negative = Math.modExp(Secp256k1.P - Secp256k1.right(x), (Secp256k1.P + 1) / 4, Secp256k1.P);
        return negative & 1 == 1 ? Secp256k1.P - negative : negative;
    }

    function _scalars(bytes memory proof) private pure returns (uint256[2] memory scalars) {
        uint256 c;
        uint256 s;
        // Bytes 33 to 49 and 49 to 81, behind the length word.
        assembly ("memory-safe") {
            c := shr(128, mload(add(proof, 65)))
            s := mload(add(proof, 81))
        }
        return [c, s];
    }

    function multiply(uint256 scalar, PlainSecp256k1.Point memory a) internal view returns (PlainSecp256k1.Point memory product) {
        bool finite;
        (finite, product) = PlainSecp256k1.combine(scalar, a, 0, a);
        require(finite, "EcvrfProver: infinity");
    }

    /// @dev RFC 6979 §3.2 over SHA-256 of `message`.
    function nonce(uint256 secret, bytes memory message) internal pure returns (uint256) {
        bytes memory seed = abi.encodePacked(secret, uint256(sha256(message)) % Secp256k1.N);
        bytes32 k = 0;
        bytes32 v = 0x0101010101010101010101010101010101010101010101010101010101010101;
        k = _hmac(k, abi.encodePacked(v, bytes1(0x00), seed));
        v = _hmac(k, abi.encodePacked(v));
        k = _hmac(k, abi.encodePacked(v, bytes1(0x01), seed));
        v = _hmac(k, abi.encodePacked(v));
        v = _hmac(k, abi.encodePacked(v));
        require(v != 0 && uint256(v) < Secp256k1.N, "EcvrfProver: second nonce wanted"); // for one input in 2^127
        return uint256(v);
    }

    /// @dev HMAC-SHA256 with a 32-byte key (RFC 2104).
    function _hmac(bytes32 key, bytes memory message) private pure returns (bytes32) {
        bytes32 inner = 0x3636363636363636363636363636363636363636363636363636363636363636;
        bytes32 outer = 0x5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c;
        bytes32 digest = sha256(abi.encodePacked(key ^ inner, inner, message));
        return sha256(abi.encodePacked(key ^ outer, outer, digest));
    }
}
