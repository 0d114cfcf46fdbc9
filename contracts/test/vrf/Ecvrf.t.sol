// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {PlainEcvrf} from "../support/PlainEcvrf.sol";
import {PlainSecp256k1} from "../support/PlainSecp256k1.sol";
import {TestBase} from "../support/TestBase.sol";
import {EcvrfHarness} from "./EcvrfHarness.sol";

/// @title The deployed verifier, against the plain one: a proof with its witness holds if and only if the proof holds.
contract EcvrfTest is TestBase {
    using PlainSecp256k1 for PlainSecp256k1.Point;

    uint256 private constant SECRET = 0xA11CE;
    bytes private constant ALPHA = "alpha";
    /// @dev Of U, s·H, c·Gamma and the inverse; roots of refused candidates follow.
    uint256 private constant FIXED_WITNESS = 224;

    EcvrfHarness private vrf;
    uint256 private keyX;
    uint256 private keyY;
    bytes private proof; // 81 bytes
    bytes private witness; // what is left; ALPHA has rejected candidates

    function setUp() public {
        vrf = new EcvrfHarness();
        (keyX, keyY) = vrf.publicKey(SECRET);
        proof = vrf.prove(SECRET, ALPHA);
        bytes memory both = vrf.witnessed(SECRET, ALPHA);
        assertEq(_head(both, 81), proof, "a witnessed proof begins with the proof");
        witness = this.tail(both, 81);
    }

    // ---- the published vectors

    function test_EveryPublishedVectorIsProvenAndVerifiedToTheByte() public view {
        string memory json = _vectors();
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _path(".vectors", count, "")); ++count) {
            _assertVector(json, count, vm.parseJsonString(json, _path(".vectors", count, ".label")));
        }
        assertEq(count, 26, "vectors in the file");
    }

    function _assertVector(string memory json, uint256 index, string memory label) private view {
        uint256 secret = uint256(_word(_hex(json, ".vectors", index, ".sk")));
        bytes memory alpha = _hex(json, ".vectors", index, ".alpha");
        bytes memory published = _hex(json, ".vectors", index, ".pi");
        bytes32 output = _word(_hex(json, ".vectors", index, ".beta"));
        (uint256 x, uint256 y) = vrf.publicKey(secret);
        assertEq(PlainSecp256k1.compress(PlainSecp256k1.Point(x, y)), _hex(json, ".vectors", index, ".pk"), label);
        assertEq(vrf.encodeToCurve(x, y, alpha), _hex(json, ".vectors", index, ".h"), label);
        assertEq(vrf.prove(secret, alpha), published, label);

        bytes memory both = vrf.witnessed(secret, alpha);
        assertEq(_head(both, 81), published, label);
        assertEq(both.length, 81 + FIXED_WITNESS + 32 * vm.parseJsonUint(json, _path(".vectors", index, ".h_ctr")), label);
        (bool valid, bytes32 beta) = vrf.verify(x, y, alpha, both);
        assertTrue(valid && beta == output, label);
        (valid, beta) = vrf.verifyPlain(x, y, alpha, published);
        assertTrue(valid && beta == output, string.concat(label, ", plain"));
    }

    function test_EveryPublishedNegativeVectorIsRefused() public view {
        string memory json = _vectors();
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _path(".negative_vectors", count, "")); ++count) {
            bytes memory key = _hex(json, ".negative_vectors", count, ".pk");
            (bool found, PlainSecp256k1.Point memory y) = PlainSecp256k1.lift(uint256(_tail(key)), key[0] == 0x03);
            assertTrue(found, "key");
            bytes memory alpha = _hex(json, ".negative_vectors", count, ".alpha");
            string memory why = vm.parseJsonString(json, _path(".negative_vectors", count, ".description"));
            _assertSameVerdict(y.x, y.y, alpha, _hex(json, ".negative_vectors", count, ".pi"), false, why);
        }
        assertEq(count, 8, "vectors in the file");
    }

    // ---- laws

    function testFuzz_WhatIsProvenVerifies(uint256 secret, bytes memory alpha) public view {
        secret = bound(secret, 1, Secp256k1.N - 1);
        (uint256 x, uint256 y) = vrf.publicKey(secret);
        _assertSameVerdict(x, y, alpha, vrf.prove(secret, alpha), true, "proof");
    }

    function testFuzz_TheOutputDoesNotDependOnTheNonce(uint256 k) public view {
        // A hostile prover may take any nonce: it gets other proofs, and the same output.
        k = bound(k, 1, Secp256k1.N - 1);
        (, PlainSecp256k1.Point memory h) = PlainEcvrf.encodeToCurve(_key(), ALPHA);
        bytes memory other = EcvrfProver.proveWithNonce(SECRET, _key(), h, k);
        (bool valid, bytes32 beta) = vrf.verify(keyX, keyY, ALPHA, _withWitness(keyX, keyY, ALPHA, other));
        (, bytes32 usual) = vrf.verify(keyX, keyY, ALPHA, _both());
        assertTrue(valid, "proof");
        assertEq(beta, usual, "output");
    }

    function testFuzz_BothVerifiersSayTheSameOfDamagedProofs(uint256 which, uint128 c, uint256 s, uint256 other) public view {
        bytes memory damaged = proof;
        uint256 kind = which % 4;
        if (kind == 0) damaged[which / 4 % 81] ^= bytes1(uint8(1 << (which / 324 % 8)));
        if (kind == 1) damaged = abi.encodePacked(_head(proof, 33), c, bound(s, 0, Secp256k1.N));
        if (kind == 2) damaged = abi.encodePacked(_head(vrf.prove(bound(other, 1, 1 << 128), ALPHA), 33), _scalars());
        if (kind == 3) damaged = vrf.prove(bound(other, SECRET + 1, 1 << 128), ALPHA);
        vm.assume(keccak256(damaged) != keccak256(proof));
        _assertSameVerdict(keyX, keyY, ALPHA, damaged, false, vm.toString(kind));
    }

    function testFuzz_AnotherInputIsRefused(bytes calldata alpha) public view {
        vm.assume(keccak256(alpha) != keccak256(ALPHA));
        _assertSameVerdict(keyX, keyY, alpha, proof, false, "another input");
    }

    function testFuzz_AnotherKeyIsRefused(uint256 secret) public view {
        secret = bound(secret, 1, Secp256k1.N - 1);
        vm.assume(secret != SECRET);
        (uint256 x, uint256 y) = vrf.publicKey(secret);
        _assertSameVerdict(x, y, ALPHA, proof, false, "another key");
    }

    function testFuzz_RandomBytesAreRefusedWithoutARevert(bytes calldata junk) public view {
        _assertRefused(keyX, keyY, ALPHA, junk, "random bytes");
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(junk, _both()), "random bytes before a proof");
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(proof, keccak256(junk), this.tail(witness, 32)), "a random word");
    }

    // ---- one witness for a proof

    function test_EveryFlippedBitOfAProofAndOfItsWitnessIsRefused() public view {
        bytes memory both = _both();
        for (uint256 bit = 0; bit < 8 * both.length; ++bit) {
            both[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
            _assertRefused(keyX, keyY, ALPHA, both, vm.toString(bit));
            both[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        }
        (bool valid,) = vrf.verify(keyX, keyY, ALPHA, both);
        assertTrue(valid, "unharmed");
    }

    function test_TheNegativeOfAWitnessIsRefused() public view {
        bytes memory both = _both();
        // y of U, s·H and c·Gamma, the inverse, and every root: one sign each is right.
        uint256 roots = (witness.length - FIXED_WITNESS) / 32;
        assertGt(roots, 0, "candidates were refused");
        for (uint256 i = 0; i < 4 + roots; ++i) {
            uint256 place = i < 3 ? 113 + 64 * i : 81 + 192 + 32 * (i - 3);
            uint256 value = uint256(_slice(both, place));
            _assertRefused(keyX, keyY, ALPHA, _replaced(both, place, Secp256k1.P - value), vm.toString(place));
            _assertRefused(keyX, keyY, ALPHA, _replaced(both, place, 0), vm.toString(place));
            unchecked {
                _assertRefused(keyX, keyY, ALPHA, _replaced(both, place, value + Secp256k1.P), vm.toString(place));
            }
        }
    }

    function test_WitnessesOfAnotherProofAreRefused() public view {
        bytes memory both = _both();
        bytes memory others = EcvrfProver.witnessed(SECRET + 1, ALPHA);
        for (uint256 place = 81; place < 81 + FIXED_WITNESS; place += 32) {
            _assertRefused(keyX, keyY, ALPHA, _replaced(both, place, uint256(_slice(others, place))), vm.toString(place));
        }
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(proof, this.tail(others, 81)), "all of them");
    }

    /// @dev A prover that could choose among candidates could choose among outputs.
    function test_ACandidateCannotBePassedOver() public view {
        (, PlainSecp256k1.Point memory first) = PlainEcvrf.encodeToCurve(_key(), ALPHA);
        PlainSecp256k1.Point memory later;
        bytes memory list = abi.encodePacked(EcvrfProver.roots(_key(), ALPHA), first.y);
        uint256 counter = list.length / 32;
        uint256 passed = 81 + FIXED_WITNESS + list.length - 32;
        // From the candidate behind the first point to the next point.
        for (bool found = false; !found; ++counter) {
            uint256 x = EcvrfProver.candidate(_key(), ALPHA, counter);
            (found, later) = PlainSecp256k1.lift(x, false);
            if (!found) list = abi.encodePacked(list, EcvrfProver.root(x));
        }
        bytes memory other = EcvrfProver.proveWithNonce(SECRET, _key(), later, 7);
        bytes memory claimed = abi.encodePacked(other, _head(_witnessOver(later, other), FIXED_WITNESS), list);
        _assertRefused(keyX, keyY, ALPHA, claimed, "every candidate's root");
        _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(_head(claimed, passed), this.tail(claimed, passed + 32)), "one left out");
        _assertRefused(keyX, keyY, ALPHA, _replaced(claimed, passed, EcvrfProver.root(5)), "another number's root");
        _assertRefused(keyX, keyY, ALPHA, _head(claimed, claimed.length - 32), "the last left out");
    }

    /// @dev A proof over a candidate that is no point: nobody can multiply it, and the witness of another point does not help.
    function test_ARefusedCandidateCannotBeTaken() public view {
        bytes memory both = _both();
        for (uint256 length = 81 + FIXED_WITNESS; length < both.length; length += 32) {
            _assertRefused(keyX, keyY, ALPHA, _head(both, length), vm.toString(length));
        }
    }

    // ---- malformed

    function test_EveryOtherLengthIsRefused() public view {
        bytes memory both = _both();
        bytes memory twice = abi.encodePacked(both, both);
        for (uint256 length = 0; length < both.length + 100; ++length) {
            if (length != both.length) _assertRefused(keyX, keyY, ALPHA, _head(twice, length), vm.toString(length));
        }
        _assertRefused(keyX, keyY, ALPHA, proof, "no witness");
    }

    function test_GammaHasToBeCanonicalAndOnTheCurve() public view {
        // 5³ + 7 = 132 is no square, so no point has x = 5. x = 1 has a point; P + 1 is the same x, written above P.
        (bool found,) = PlainSecp256k1.lift(5, false);
        assertFalse(found, "x = 5");
        (found,) = PlainSecp256k1.lift(1, false);
        assertTrue(found, "x = 1");
        uint256[5] memory bad = [uint256(5), Secp256k1.P, Secp256k1.P + 1, Secp256k1.P + 2, type(uint256).max];
        for (uint256 i = 0; i < bad.length; ++i) {
            bytes memory changed = abi.encodePacked(bytes1(0x02), bad[i], _scalars());
            _assertSameVerdict(keyX, keyY, ALPHA, changed, false, "Gamma");
            _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(changed, witness), "Gamma");
        }
    }

    function test_GammaHasToBeCompressed() public view {
        bytes memory both = _both();
        for (uint256 prefix = 0; prefix < 256; ++prefix) {
            if (prefix == uint8(proof[0])) continue;
            both[0] = bytes1(uint8(prefix));
            _assertRefused(keyX, keyY, ALPHA, both, vm.toString(prefix));
        }
    }

    function test_SHasNoSecondFormAboveTheOrder() public view {
        // A proof with an s so small that s + N still fits a word is made by solving for the nonce: k = s - c·x has to
        // give this very c, which nobody can. So the bound is tested with s = N and its neighbours, and s = 0 besides.
        uint256[4] memory above = [Secp256k1.N, Secp256k1.N + 1, Secp256k1.P, type(uint256).max];
        for (uint256 i = 0; i < above.length; ++i) {
            bytes memory changed = abi.encodePacked(_head(proof, 49), above[i]);
            assertFalse(this.decode(changed), "s above the order");
            _assertRefused(keyX, keyY, ALPHA, abi.encodePacked(changed, witness), "s above the order");
        }
        assertTrue(this.decode(abi.encodePacked(_head(proof, 49), Secp256k1.N - 1)), "the greatest s is well-formed");
    }

    function test_PointsAtInfinityAreRefused() public view {
        // Nonce 0: U and V are infinity, which SEC1 writes as the byte 00, and the equation holds for c over those.
        (, PlainSecp256k1.Point memory h) = PlainEcvrf.encodeToCurve(_key(), ALPHA);
        bytes memory y = _key().compress();
        uint128 c = uint128(bytes16(sha256(abi.encodePacked(hex"fe02", y, h.compress(), _gamma(), hex"0000", hex"00"))));
        bytes memory degenerate = abi.encodePacked(_gamma(), c, mulmod(c, SECRET, Secp256k1.N));
        _assertSameVerdict(keyX, keyY, ALPHA, degenerate, false, "infinity");
        // s·H = c·Gamma: no inverse, and no address for U.
        bytes memory claimed = abi.encodePacked(degenerate, witness);
        _assertRefused(keyX, keyY, ALPHA, claimed, "another's witness");
        for (uint256 place = 81; place < 305; place += 32) {
            claimed = _replaced(claimed, place, 0);
        }
        _assertRefused(keyX, keyY, ALPHA, claimed, "zeros");
    }

    function test_DegenerateScalarsAreRefusedByBothVerifiers() public view {
        uint128 c = uint128(bytes16(_slice(proof, 33)));
        _assertSameVerdict(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), uint128(0), uint256(0)), false, "c = s = 0");
        _assertSameVerdict(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), uint128(0), uint256(1)), false, "c = 0");
        _assertSameVerdict(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), c, uint256(0)), false, "s = 0");
        // s·B = -c·Y, and s·H = -c·Gamma: the last additions meet equal points, for which an inverse does not exist.
        uint256 equal = Secp256k1.N - mulmod(c, SECRET, Secp256k1.N);
        _assertSameVerdict(keyX, keyY, ALPHA, abi.encodePacked(_gamma(), c, equal), false, "equal addends");
    }

    function test_AKeyThatIsNoPointIsRefused() public view {
        bytes memory both = _both();
        _assertRefused(0, 0, ALPHA, both, "origin");
        _assertRefused(keyX, keyY + 1, ALPHA, both, "off the curve");
        _assertRefused(keyX, 0, ALPHA, both, "y = 0");
        _assertRefused(keyX, Secp256k1.P - keyY, ALPHA, both, "the negative key");
        _assertRefused(Secp256k1.P + 1, keyY, ALPHA, both, "x above the prime");
        // x = 1 has a point; the same point with x or y above the prime is not canonical.
        (, PlainSecp256k1.Point memory one) = PlainSecp256k1.lift(1, false);
        assertTrue(one.isOnCurve(), "x = 1");
        assertFalse(Secp256k1.isOnCurve(Secp256k1.P + 1, one.y), "x = P + 1");
    }

    /// @dev Such a point exists, but nobody has its logarithm; an `ecrecover` gives nothing for it, and nothing is refused.
    function test_AKeyWhoseXIsAboveTheOrderIsRefusedWithoutARevert() public view {
        uint256 x = Secp256k1.N;
        (bool found, PlainSecp256k1.Point memory y) = PlainSecp256k1.lift(x, false);
        while (!found) (found, y) = PlainSecp256k1.lift(++x, false);
        bytes memory claimed = abi.encodePacked(_head(_both(), 81 + FIXED_WITNESS), EcvrfProver.roots(y, ALPHA));
        _assertRefused(y.x, y.y, ALPHA, claimed, "a key above the order");
        _assertRefused(y.x, y.y, ALPHA, _replaced(_replaced(claimed, 81, 0), 113, 0), "a key above the order, zeros for U");
    }

    // ---- gas

    function test_GasOfVerify() public {
        bool[5] memory seen;
        uint256 left = seen.length;
        // An input for each number of refused candidates: what the verifier alone costs, and what a further candidate does.
        for (uint256 i = 0; left > 0; ++i) {
            bytes32 alpha = keccak256(abi.encode(i));
            uint256 counter = EcvrfProver.roots(_key(), abi.encodePacked(alpha)).length / 32;
            if (counter >= seen.length || seen[counter]) continue;
            (seen[counter], left) = (true, left - 1);
            uint256 gas = vrf.gasOfVerify(keyX, keyY, alpha, vrf.witnessed(SECRET, abi.encodePacked(alpha)));
            vm.snapshotValue("Ecvrf", string.concat("verify, execution, counter ", vm.toString(counter)), gas);
        }
        vrf.verify(keyX, keyY, "first candidate", vrf.witnessed(SECRET, "first candidate"));
        vm.snapshotGasLastCall("Ecvrf", "verify, call, counter 0");
        vrf.verifyPlain(keyX, keyY, "first candidate", vrf.prove(SECRET, "first candidate"));
        vm.snapshotGasLastCall("Ecvrf", "plain verifier, call, counter 0");
    }

    function test_GasOfTheVectorWithTheHighestCounter() public {
        string memory json = _vectors();
        uint256 worst = 0;
        for (uint256 i = 0; i < 26; ++i) {
            if (vm.parseJsonUint(json, _path(".vectors", i, ".h_ctr")) > vm.parseJsonUint(json, _path(".vectors", worst, ".h_ctr"))) {
                worst = i;
            }
        }
        uint256 secret = uint256(_word(_hex(json, ".vectors", worst, ".sk")));
        bytes memory alpha = _hex(json, ".vectors", worst, ".alpha");
        (uint256 x, uint256 y) = vrf.publicKey(secret);
        vrf.verify(x, y, alpha, vrf.witnessed(secret, alpha));
        vm.snapshotGasLastCall("Ecvrf", "verify, call, counter 22");
    }

    // ---- helpers

    function decode(bytes calldata text) external view returns (bool wellFormed) {
        (wellFormed,) = PlainEcvrf.decode(text);
    }

    function lift(bytes calldata text) external view returns (bool, PlainSecp256k1.Point memory) {
        return PlainSecp256k1.lift(uint256(bytes32(text[1:33])), text[0] == 0x03);
    }

    function _vectors() private view returns (string memory) {
        return vm.readFile("tests/vectors/ecvrf-secp256k1-sha256-tai.json");
    }

    function _key() private view returns (PlainSecp256k1.Point memory) {
        return PlainSecp256k1.Point(keyX, keyY);
    }

    function _both() private view returns (bytes memory) {
        return abi.encodePacked(proof, witness);
    }

    /// @dev The proof with a witness that is right for it, whether it holds or not. Where there is none: a sound proof's.
    function _withWitness(uint256 x, uint256 y, bytes memory alpha, bytes memory text) private view returns (bytes memory) {
        try this.witnessOf(x, y, alpha, text) returns (bytes memory right) {
            return abi.encodePacked(text, right);
        } catch {
            return abi.encodePacked(text, witness);
        }
    }

    function witnessOf(uint256 x, uint256 y, bytes memory alpha, bytes calldata text) external view returns (bytes memory) {
        (bool found, PlainSecp256k1.Point memory gamma) = this.lift(text[:33]);
        require(found, "no point");
        (, PlainSecp256k1.Point memory h) = PlainEcvrf.encodeToCurve(PlainSecp256k1.Point(x, y), alpha);
        uint256[2] memory scalars = [uint256(uint128(bytes16(text[33:49]))), uint256(bytes32(text[49:81]))];
        return abi.encodePacked(
            EcvrfProver.witness(PlainSecp256k1.Point(x, y), h, gamma, scalars), EcvrfProver.roots(PlainSecp256k1.Point(x, y), alpha)
        );
    }

    /// @dev The witness of a proof over another point than the input's own, without roots.
    function _witnessOver(PlainSecp256k1.Point memory h, bytes memory text) private view returns (bytes memory) {
        (, PlainSecp256k1.Point memory gamma) = this.lift(text);
        uint256[2] memory scalars = [uint256(uint128(bytes16(_slice(text, 33)))), uint256(_slice(text, 49))];
        return EcvrfProver.witness(_key(), h, gamma, scalars);
    }

    /// @dev Both verifiers refuse or take the proof alike; the deployed one gets the witness that is right for it.
    function _assertSameVerdict(uint256 x, uint256 y, bytes memory alpha, bytes memory text, bool want, string memory why) private view {
        (bool plain, bytes32 output) = vrf.verifyPlain(x, y, alpha, text);
        assertEq(plain, want, string.concat(why, ", plain"));
        (bool valid, bytes32 beta) = vrf.verify(x, y, alpha, _withWitness(x, y, alpha, text));
        assertEq(valid, want, why);
        assertEq(beta, output, "output");
        assertEq(beta != 0, want, "no output without a proof");
    }

    function _assertRefused(uint256 x, uint256 y, bytes memory alpha, bytes memory both, string memory why) private view {
        (bool valid, bytes32 beta) = vrf.verify(x, y, alpha, both);
        assertFalse(valid, why);
        assertEq(beta, bytes32(0), "no output without a proof");
    }

    function _replaced(bytes memory text, uint256 place, uint256 value) private view returns (bytes memory) {
        return abi.encodePacked(_head(text, place), value, this.tail(text, place + 32));
    }

    function tail(bytes calldata text, uint256 from) external pure returns (bytes memory) {
        return text[from:];
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
