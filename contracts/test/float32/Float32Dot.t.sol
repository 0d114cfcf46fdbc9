// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../../libraries/Float32.sol";
import {Accumulator, Float32Dot} from "../../libraries/Float32Dot.sol";
import {TestBase} from "../support/TestBase.sol";
import {Operands} from "./Operands.sol";

contract Float32DotTest is TestBase {
    using Operands for uint256;

    uint32 private constant SIGN = Operands.SIGN;
    uint32 private constant INF = Float32.INFINITY;
    uint32 private constant LEAST = Operands.LEAST;

    function test_TheEmptySumIsWhereItStarts() public pure {
        assertEq(uint256(Float32Dot.dot(0, "", "")), 0, "+0");
        assertEq(uint256(Float32Dot.dot(SIGN, "", "")), SIGN, "-0");
    }

    function test_ASumTakesItsTermsInTurn() public pure {
        // 2^24 + 1 + 1 is 2^24 from the left, and 2^24 + 2 from the right.
        bytes memory ones = words(Float32.ONE, Float32.ONE, Float32.ONE);
        assertEq(uint256(Float32Dot.dot(0, words(0x4b800000, Float32.ONE, Float32.ONE), ones)), 0x4b800000, "from the left");
        assertEq(uint256(Float32Dot.dot(0, words(Float32.ONE, Float32.ONE, 0x4b800000), ones)), 0x4b800001, "from the right");
    }

    function test_ASumGoesThroughEverySpecialValueAsFmaDoes() public pure {
        uint32[12] memory hard = [
            0,
            SIGN,
            LEAST,
            SIGN | LEAST,
            0x007fffff,
            Operands.LEAST_NORMAL,
            Float32.ONE,
            SIGN | Float32.ONE,
            Operands.GREATEST,
            INF,
            SIGN | INF,
            0xff800001
        ];
        for (uint256 i = 0; i < 12; ++i) {
            for (uint256 j = 0; j < 12; ++j) {
                for (uint256 k = 0; k < 12; ++k) {
                    bytes memory a = words(hard[i], Float32.ONE, hard[j]);
                    bytes memory b = words(hard[j], hard[k], hard[j]);
                    assertSame(hard[k], a, b);
                }
            }
        }
    }

    function test_ZeroFactorsChangeNothingButNegativeZero() public pure {
        bytes memory zeros = words(0, SIGN, 0);
        bytes memory some = words(Float32.ONE, Operands.GREATEST, SIGN | LEAST);
        assertEq(uint256(Float32Dot.dot(0x3fc00000, zeros, some)), 0x3fc00000, "1.5");
        assertEq(uint256(Float32Dot.dot(SIGN, zeros, some)), 0, "-0 + 0");
        assertEq(uint256(Float32Dot.dot(0x3fc00000, zeros, words(Float32.ONE, INF, Float32.ONE))), Float32.NAN, "0 times infinity");
    }

    function test_SumsRoundUpIntoTheNextBinadeAndOverflow() public pure {
        bytes memory one = abi.encodePacked(Float32.ONE);
        assertEq(uint256(Float32Dot.dot(0x4b7fffff, abi.encodePacked(Operands.HALF), one)), 0x4b800000, "2^24 - 1 + 1/2");
        assertEq(uint256(Float32Dot.dot(Operands.GREATEST, abi.encodePacked(uint32(0x72ffffff)), one)), Operands.GREATEST, "below");
        assertEq(uint256(Float32Dot.dot(Operands.GREATEST, abi.encodePacked(uint32(0x73000000)), one)), INF, "overflow");
        assertEq(uint256(Float32Dot.dot(0xff7fffff, abi.encodePacked(uint32(0xf3000000)), one)), SIGN | INF, "overflow below");
    }

    function testFuzz_ASumIsRepeatedFma(uint256[16] calldata left, uint256[16] calldata right, uint256 start) public pure {
        bytes memory a;
        bytes memory b;
        for (uint256 i = 0; i < 16; ++i) {
            a = abi.encodePacked(a, left[i].any());
            b = abi.encodePacked(b, right[i].any());
        }
        assertSame(start.any(), a, b);
    }

    function testFuzz_ASumOfOrdinaryNumbersIsRepeatedFma(uint256 seed) public pure {
        (bytes memory a, bytes memory b) = gaussians(seed, 24);
        assertSame(0, a, b);
    }

    function testFuzz_ASumMayBeLeftAndTakenUpAgain(uint256 seed, uint256 cut) public pure {
        (bytes memory a, bytes memory b) = gaussians(seed, 12);
        (bytes memory c, bytes memory d) = gaussians(~seed, bound(cut, 0, 12));
        Accumulator accumulator = Float32Dot.accumulate(Float32Dot.accumulate(Float32Dot.open(0), a, b), c, d);
        uint32 whole = Float32Dot.dot(0, bytes.concat(a, c), bytes.concat(b, d));
        assertEq(uint256(Float32Dot.close(accumulator)), whole, "in two parts");
        assertEq(uint256(Float32Dot.dot(Float32Dot.dot(0, a, b), c, d)), whole, "by way of a number");
    }

    function testFuzz_AnAccumulatorGivesBackItsNumber(uint256 p, uint32 bits) public pure {
        assertEq(uint256(Float32Dot.close(Float32Dot.open(p.any()))), p.any(), "of every kind");
        assertEq(uint256(Float32Dot.close(Float32Dot.open(bits))), bits, "any bits");
    }

    function test_OperandsThatDoNotPairUpAreRefused() public {
        vm.expectRevert(abi.encodeWithSelector(Float32Dot.Float32Dot_LengthsDiffer.selector, 8, 4));
        this.dot(new bytes(8), new bytes(4));
        vm.expectRevert(abi.encodeWithSelector(Float32Dot.Float32Dot_NotWholeNumbers.selector, 6));
        this.dot(new bytes(6), new bytes(6));
    }

    function dot(bytes calldata a, bytes calldata b) external pure returns (uint32) {
        return Float32Dot.dot(0, a, b);
    }

    function assertSame(uint32 initial, bytes memory a, bytes memory b) private pure {
        uint32 expected = initial;
        for (uint256 i = 0; i < a.length; i += 4) {
            expected = Float32.fma(word(a, i), word(b, i), expected);
        }
        assertEq(
            uint256(Float32Dot.dot(initial, a, b)), uint256(expected), string.concat("a sum that starts at ", vm.toString(uint256(initial)))
        );
    }

    function gaussians(uint256 seed, uint256 count) private pure returns (bytes memory a, bytes memory b) {
        for (uint256 i = 0; i < count; ++i) {
            unchecked {
                a = abi.encodePacked(a, (seed + 2 * i).gaussian());
                b = abi.encodePacked(b, (seed + 2 * i + 1).gaussian());
            }
        }
    }

    function words(uint32 x, uint32 y, uint32 z) private pure returns (bytes memory) {
        return abi.encodePacked(x, y, z);
    }

    function word(bytes memory all, uint256 start) private pure returns (uint32 one) {
        assembly ("memory-safe") {
            one := shr(224, mload(add(add(all, 32), start)))
        }
    }
}
