// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ecvrf} from "../../libraries/Ecvrf.sol";
import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {TestBase} from "../support/TestBase.sol";
import {EcvrfHarness} from "./EcvrfHarness.sol";

contract EcvrfTest is TestBase {
    using Secp256k1 for Secp256k1.Point;

    uint256 private constant SECRET = 0xA11CE;
    bytes private constant ALPHA = "alpha";

    EcvrfHarness private vrf;
    uint256 private keyX;
    uint256 private keyY;
    bytes private proof;

    function setUp() public {
        vrf = new EcvrfHarness();
        (keyX, keyY) = vrf.publicKey(SECRET);
        proof = vrf.prove(SECRET, ALPHA);
    }

    // ---- the published vectors

    function test_EveryPublishedVectorIsProvenAndVerifiedToTheByte() public view {
        string memory json = vm.readFile("tests/vectors/ecvrf-secp256k1-sha256-tai.json");
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _path(".vectors", count, "")); ++count) {
            string memory label = vm.parseJsonString(json, _path(".vectors", count, ".label"));
            uint256 secret = uint256(_word(_hex(json, ".vectors", count, ".sk")));
            bytes memory key = _hex(json, ".vectors", count, ".pk");
            bytes memory alpha = _hex(json, ".vectors", count, ".alpha");
            bytes memory published = _hex(json, ".vectors", count, ".pi");
            (uint256 x, uint256 y) = vrf.publicKey(secret);
            assertEq(Secp256k1.compress(Secp256k1.Point(x, y)), key, label);
            assertEq(vrf.encodeToCurve(x, y, alpha), _hex(json, ".vectors", count, ".h"), label);
            assertEq(vrf.prove(secret, alpha), published, label);
            (bool valid, bytes32 beta) = vrf.verify(x, y, alpha, published);
            assertTrue(valid, label);
            assertEq(beta, _word(_hex(json, ".vectors", count, ".beta")), label);
        }
        assertEq(count, 26, "vectors in the file");
    }

    function test_EveryPublishedNegativeVectorIsRefused() public view {
        string memory json = vm.readFile("tests/vectors/ecvrf-secp256k1-sha256-tai.json");
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _path(".negative_vectors", count, "")); ++count) {
            bytes memory key = _hex(json, ".negative_vectors", count, ".pk");
            (bool found, Secp256k1.Point memory y) = Secp256k1.lift(uint256(_tail(key)), key[0] == 0x03);
            assertTrue(found, "key");
            (bool valid, bytes32 beta) =
                vrf.verify(y.x, y.y, _hex(json, ".negative_vectors", count, ".alpha"), _hex(json, ".negative_vectors", count, ".pi"));
            assertFalse(valid, vm.parseJsonString(json, _path(".negative_vectors", count, ".description")));
            assertEq(beta, bytes32(0), "no output without a proof");
        }
        assertEq(count, 8, "vectors in the file");
    }

    // ---- laws

    function testFuzz_WhatIsProvenVerifies(uint256 secret, bytes calldata alpha) public view {
        secret = bound(secret, 1, Secp256k1.N - 1);
        (uint256 x, uint256 y) = vrf.publicKey(secret);
        (bool valid, bytes32 beta) = vrf.verify(x, y, alpha, vrf.prove(secret, alpha));
        assertTrue(valid, "proof");
        assertNotEq(beta, bytes32(0), "output");
    }

    function testFuzz_TheOutputDoesNotDependOnTheNonce(uint256 k) public view {
        // A hostile prover may take any nonce: it gets other proofs, and the same output.
        k = bound(k, 1, Secp256k1.N - 1);
        (bool found, Secp256k1.Point memory h) = Ecvrf.encodeToCurve(Secp256k1.Point(keyX, keyY), ALPHA);
        assertTrue(found, "point");
        bytes memory other = EcvrfProver.proveWithNonce(SECRET, Secp256k1.Point(keyX, keyY), h, k);
        (bool valid, bytes32 beta) = vrf.verify(keyX, keyY, ALPHA, other);
        (, bytes32 usual) = vrf.verify(keyX, keyY, ALPHA, proof);
        assertTrue(valid, "proof");
        assertEq(beta, usual, "output");
    }

    function testFuzz_AFlippedBitIsRefused(uint256 which) public view {
        which = bound(which, 0, 81 * 8 - 1);
        bytes memory flipped = proof;
        flipped[which / 8] ^= bytes1(uint8(1 << (which % 8)));
        _assertRefused(keyX, keyY, ALPHA, flipped, "flipped bit");
    }

    function testFuzz_RandomScalarsAreRefused(uint128 c, uint256 s) public view {
        bytes memory forged = abi.encodePacked(_gamma(), c, s);
        vm.assume(keccak256(forged) != keccak256(proof));
        _assertRefused(keyX, keyY, ALPHA, forged, "forged scalars");
    }

    function testFuzz_AnotherInputIsRefused(bytes calldata alpha) public view {
        vm.assume(keccak256(alpha) != keccak256(ALPHA));
        _assertRefused(keyX, keyY, alpha, proof, "another input");
    }

    function testFuzz_AnotherKeyIsRefused(uint256 secret) public view {
        secret = bound(secret, 1, Secp256k1.N - 1);
        vm.assume(secret != SECRET);
        (uint256 x, uint256 y) = vrf.publicKey(secret);
        _assertRefused(x, y, ALPHA, proof, "another key");
    }

    function testFuzz_RandomBytesAreRefusedWithoutARevert(bytes calldata junk) public view {
        _assertRefused(keyX, keyY, ALPHA, junk, "random bytes");
    }

    // ---- malformed

    function test_EveryOtherLengthIsRefused() public view {
        bytes memory twice = abi.encodePacked(proof, proof);
        for (uint256 length = 0; length < 100; ++length) {
            if (length != 81) _assertRefused(keyX, keyY, ALPHA, _head(twice, length), vm.toString(length));
        }
    }

    function test_GammaHasToBeCanonicalAndOnTheCurve() public view {
        bytes memory scalars = _scalars();
        // 5³ + 7 = 132 is no square, so no point has x = 5. x = 1 has a point; P + 1 is the same x, written above P.
        (bool found,) = Secp256k1.lift(5, false);
        assertFalse(found, "x = 5");
        (found,) = Secp256k1.lift(1, false);
        assertTrue(found, "x = 1");
        uint256[5] memory bad = [uint256(5), Secp256k1.P, Secp256k1.P + 1, Secp256k1.P + 2, type(uint256).max];
        for (uint256 i = 0; i < bad.length; ++i) {
            _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(bytes1(0x02), bad[i], scalars), "Gamma");
        }
    }

    function test_GammaHasToBeCompressed() public view {
        for (uint256 prefix = 0; prefix < 256; ++prefix) {
            if (prefix == uint8(proof[0])) continue;
            bytes memory changed = proof;
            changed[0] = bytes1(uint8(prefix));
            _assertRefused(keyX, keyY, ALPHA, changed, vm.toString(prefix));
        }
    }

    function test_SHasNoSecondFormAboveTheOrder() public view {
        // A proof with an s so small that s + N still fits a word is made by solving for the nonce: k = s - c·x has to
        // give this very c, which nobody can. So the bound is tested with s = N and its neighbours, and s = 0 besides.
        uint256[4] memory above = [Secp256k1.N, Secp256k1.N + 1, Secp256k1.P, type(uint256).max];
        for (uint256 i = 0; i < above.length; ++i) {
            bytes memory changed = abi.encodePacked(_head(proof, 49), above[i]);
            bool wellFormed = this.decode(changed);
            assertFalse(wellFormed, "s above the order");
            _assertRefused(keyX, keyY, ALPHA, changed, "s above the order");
        }
        bool fine = this.decode(abi.encodePacked(_head(proof, 49), Secp256k1.N - 1));
        assertTrue(fine, "the greatest s is well-formed");
    }

    function test_PointsAtInfinityAreRefused() public view {
        // Nonce 0: U and V are infinity, which SEC1 writes as the byte 00, and the equation holds for c over those.
        (, Secp256k1.Point memory h) = Ecvrf.encodeToCurve(Secp256k1.Point(keyX, keyY), ALPHA);
        bytes memory y = Secp256k1.compress(Secp256k1.Point(keyX, keyY));
        uint128 c = uint128(bytes16(sha256(abi.encodePacked(hex"fe02", y, h.compress(), _gamma(), hex"0000", hex"00"))));
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), c, mulmod(c, SECRET, Secp256k1.N)), "infinity");
    }

    function test_DegenerateScalarsAreComputedWithAndRefused() public view {
        uint128 c = uint128(bytes16(_slice(proof, 33)));
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), uint128(0), uint256(0)), "c = s = 0");
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), uint128(0), uint256(1)), "c = 0");
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), c, uint256(0)), "s = 0");
        // s·B = -c·Y: the last addition meets two equal points.
        uint256 equal = Secp256k1.N - mulmod(c, SECRET, Secp256k1.N);
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), c, equal), "equal addends");
    }

    function test_AKeyThatIsNoPointIsRefused() public view {
        _assertRefused(0, 0, ALPHA, proof, "origin");
        _assertRefused(keyX, keyY + 1, ALPHA, proof, "off the curve");
        _assertRefused(keyX, 0, ALPHA, proof, "y = 0");
        _assertRefused(keyX, Secp256k1.P - keyY, ALPHA, proof, "the negative key");
        _assertRefused(Secp256k1.P + 1, keyY, ALPHA, proof, "x above the prime");
        // x = 1 has a point; the same point with x or y above the prime is not canonical.
        (, Secp256k1.Point memory one) = Secp256k1.lift(1, false);
        assertTrue(one.isOnCurve(), "x = 1");
        assertFalse(Secp256k1.Point(Secp256k1.P + 1, one.y).isOnCurve(), "x = P + 1");
    }

    // ---- gas

    function test_GasOfVerify() public {
        vrf.verify(keyX, keyY, ALPHA, proof);
        vm.snapshotGasLastCall("Ecvrf", "verify, first counter");
        uint256 worst = 0;
        bytes memory alpha;
        // The vector whose counter is 22.
        string memory json = vm.readFile("tests/vectors/ecvrf-secp256k1-sha256-tai.json");
        for (uint256 i = 0; i < 26; ++i) {
            if (vm.parseJsonUint(json, _path(".vectors", i, ".h_ctr")) > vm.parseJsonUint(json, _path(".vectors", worst, ".h_ctr"))) {
                worst = i;
            }
        }
        alpha = _hex(json, ".vectors", worst, ".alpha");
        (uint256 x, uint256 y) = vrf.publicKey(uint256(_word(_hex(json, ".vectors", worst, ".sk"))));
        vrf.verify(x, y, alpha, _hex(json, ".vectors", worst, ".pi"));
        vm.snapshotGasLastCall("Ecvrf", "verify, counter 22");
    }

    // ---- helpers

    function decode(bytes calldata text) external view returns (bool wellFormed) {
        (wellFormed,) = Ecvrf.decode(text);
    }

    function _assertRefused(uint256 x, uint256 y, bytes memory alpha, bytes memory text, string memory why) private view {
        (bool valid, bytes32 beta) = vrf.verify(x, y, alpha, text);
        assertFalse(valid, why);
        assertEq(beta, bytes32(0), "no output without a proof");
    }

    function _path(string memory list, uint256 index, string memory member) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]", member);
    }

    function _hex(string memory json, string memory list, uint256 index, string memory member) private pure returns (bytes memory) {
        return vm.parseBytes(string.concat("0x", vm.parseJsonString(json, _path(list, index, member))));
    }

    function _word(bytes memory text) private pure returns (bytes32) {
        require(text.length == 32, "not a word");
        return bytes32(text);
    }

    function _tail(bytes memory compressed) private view returns (bytes32) {
        return this.slice(compressed, 1);
    }

    function _slice(bytes memory text, uint256 from) private view returns (bytes32) {
        return this.slice(text, from);
    }

    function slice(bytes calldata text, uint256 from) external pure returns (bytes32) {
        return bytes32(text[from:from + 32]);
    }

    function _head(bytes memory text, uint256 length) private pure returns (bytes memory head) {
        head = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            head[i] = text[i];
        }
    }

    function _gamma() private view returns (bytes memory) {
        return _head(proof, 33);
    }

    function _scalars() private view returns (bytes memory) {
        return abi.encodePacked(_slice(proof, 33), bytes16(_slice(proof, 49) << 128));
    }
}
