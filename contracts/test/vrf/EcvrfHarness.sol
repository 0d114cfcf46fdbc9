// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ecvrf} from "../../libraries/Ecvrf.sol";
import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";

/// @title The verifier and the test prover behind external functions: proofs are calldata, and gas can be measured.
contract EcvrfHarness {
    function verify(uint256 keyX, uint256 keyY, bytes calldata alpha, bytes calldata proof) external view returns (bool, bytes32) {
        return Ecvrf.verify(Secp256k1.Point(keyX, keyY), alpha, proof);
    }

    function encodeToCurve(uint256 keyX, uint256 keyY, bytes calldata alpha) external view returns (bytes memory) {
        (bool found, Secp256k1.Point memory h) = Ecvrf.encodeToCurve(Secp256k1.Point(keyX, keyY), alpha);
        return found ? Secp256k1.compress(h) : bytes("");
    }

    function publicKey(uint256 secret) external view returns (uint256 x, uint256 y) {
        return EcvrfProver.publicKey(secret);
    }

    function prove(uint256 secret, bytes calldata alpha) external view returns (bytes memory) {
        return EcvrfProver.prove(secret, alpha);
    }
}
