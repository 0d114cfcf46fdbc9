// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ecvrf} from "../../libraries/Ecvrf.sol";
import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {PlainEcvrf} from "../support/PlainEcvrf.sol";
import {PlainSecp256k1} from "../support/PlainSecp256k1.sol";

/// @title Both verifiers and the test prover behind external functions: proofs are calldata, and gas can be measured.
contract EcvrfHarness {
    /// @dev What is deployed. The key is checked as at registration.
    function verify(uint256 keyX, uint256 keyY, bytes calldata alpha, bytes calldata proof) external view returns (bool, bytes32) {
        if (!Secp256k1.isOnCurve(keyX, keyY)) return (false, 0);
        return Ecvrf.verify(keyY & 1 == 1, keyX, alpha, proof);
    }

    /// @return used what the verifier alone costs, without the call, for an input of 32 bytes
    function gasOfVerify(uint256 keyX, uint256 keyY, bytes32 alpha, bytes calldata proof) external view returns (uint256 used) {
        bytes memory text = abi.encodePacked(alpha);
        uint256 before = gasleft();
        (bool valid,) = Ecvrf.verify(keyY & 1 == 1, keyX, text, proof);
        used = before - gasleft();
        require(valid, "EcvrfHarness: no proof");
    }

    /// @dev The oracle: the RFC's own arithmetic, for a proof of 81 bytes.
    function verifyPlain(uint256 keyX, uint256 keyY, bytes calldata alpha, bytes calldata proof) external view returns (bool, bytes32) {
        return PlainEcvrf.verify(PlainSecp256k1.Point(keyX, keyY), alpha, proof);
    }

    function encodeToCurve(uint256 keyX, uint256 keyY, bytes calldata alpha) external view returns (bytes memory) {
        (bool found, PlainSecp256k1.Point memory h) = PlainEcvrf.encodeToCurve(PlainSecp256k1.Point(keyX, keyY), alpha);
        return found ? PlainSecp256k1.compress(h) : bytes("");
    }

    function publicKey(uint256 secret) external view returns (uint256 x, uint256 y) {
        return EcvrfProver.publicKey(secret);
    }

    function prove(uint256 secret, bytes calldata alpha) external view returns (bytes memory) {
        return EcvrfProver.prove(secret, alpha);
    }

    function witnessed(uint256 secret, bytes calldata alpha) external view returns (bytes memory) {
        return EcvrfProver.witnessed(secret, alpha);
    }
}
