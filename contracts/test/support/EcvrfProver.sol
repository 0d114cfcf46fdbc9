// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ecvrf} from "../../libraries/Ecvrf.sol";
import {Secp256k1} from "../../libraries/Secp256k1.sol";

/// @title Makes VRF proofs inside a test (RFC 9381 §5.1, nonce by RFC 6979). Never for a real key: it would be public.
library EcvrfProver {
    using Secp256k1 for Secp256k1.Point;

    /// @dev Affine coordinates of the public key.
    function publicKey(uint256 secret) internal view returns (uint256 x, uint256 y) {
        Secp256k1.Point memory key = multiply(secret, Secp256k1.generator());
        return (key.x, key.y);
    }

    /// @return proof 81 bytes, the same for the same inputs
    function prove(uint256 secret, bytes memory alpha) internal view returns (bytes memory proof) {
        Secp256k1.Point memory y = multiply(secret, Secp256k1.generator());
        (bool found, Secp256k1.Point memory h) = Ecvrf.encodeToCurve(y, alpha);
        require(found, "EcvrfProver: no point");
        return proveWithNonce(secret, y, h, nonce(secret, h.compress()));
    }

    /// @dev A proof with a nonce of the caller's choice, which only a hostile prover makes.
    function proveWithNonce(uint256 secret, Secp256k1.Point memory y, Secp256k1.Point memory h, uint256 k)
        internal
        view
        returns (bytes memory)
    {
        Secp256k1.Point memory gamma = multiply(secret, h);
        uint128 c = Ecvrf.challenge([y, h, gamma, multiply(k, Secp256k1.generator()), multiply(k, h)]);
        uint256 s = addmod(k, mulmod(c, secret, Secp256k1.N), Secp256k1.N);
        return abi.encodePacked(gamma.compress(), c, s);
    }

    function multiply(uint256 scalar, Secp256k1.Point memory a) internal view returns (Secp256k1.Point memory product) {
        bool finite;
        (finite, product) = Secp256k1.combine(scalar, a, 0, a);
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
