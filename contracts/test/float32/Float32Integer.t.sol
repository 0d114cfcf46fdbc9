// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../../libraries/Float32.sol";
import {Float32Integer} from "../../libraries/Float32Integer.sol";
import {TestBase} from "../support/TestBase.sol";
import {Operands} from "./Operands.sol";

contract Float32IntegerTest is TestBase {
    using Operands for uint256;

    uint32 private constant SIGN = Operands.SIGN;
    uint32 private constant INF = Float32.INFINITY;
    uint32 private constant NAN = Float32.NAN;

    function test_IntegersAreRoundedToTheNearestEvenNumber() public pure {
        equal(Float32Integer.fromUint(0), 0, "0");
        equal(Float32Integer.fromInt(-1), SIGN | Float32.ONE, "-1");
        equal(Float32Integer.fromUint(0x1000001), 0x4b800000, "2^24 + 1, a tie");
        equal(Float32Integer.fromUint(0x1000003), 0x4b800002, "2^24 + 3, a tie");
        equal(Float32Integer.fromUint(0xffffff), 0x4b7fffff, "2^24 - 1, exact");
        equal(Float32Integer.fromUint(type(uint64).max), 0x5f800000, "2^64 - 1");
        equal(Float32Integer.fromInt(type(int64).min), SIGN | 0x5f000000, "-2^63");
        equal(Float32Integer.fromUint((1 << 128) - (1 << 103) - 1), Operands.GREATEST, "just below the half beyond the greatest");
        equal(Float32Integer.fromUint((1 << 128) - (1 << 103)), INF, "the half");
        equal(Float32Integer.fromInt(type(int256).min), SIGN | INF, "the least integer");
    }

    function test_NumbersBeyondTheRangeBecomeItsNearestEnd() public pure {
        assertEq(int256(Float32Integer.toInt32(0x4f000000)), type(int32).max, "2^31");
        assertEq(int256(Float32Integer.toInt32(0xcf000000)), type(int32).min, "-2^31");
        assertEq(int256(Float32Integer.toInt32(0xcf000001)), type(int32).min, "less than -2^31");
        assertEq(int256(Float32Integer.toInt64(INF)), type(int64).max, "infinity");
        assertEq(int256(Float32Integer.toInt64(SIGN | INF)), type(int64).min, "-infinity");
        assertEq(uint256(Float32Integer.toUint32(SIGN | Float32.ONE)), 0, "-1 without a sign");
        assertEq(uint256(Float32Integer.toUint32(0x4f800000)), type(uint32).max, "2^32");
        assertEq(uint256(Float32Integer.toUint64(0x5f800000)), type(uint64).max, "2^64");
        assertEq(uint256(Float32Integer.toUint64(0x5f7fffff)), 0xffffff0000000000, "just below");
        assertEq(int256(Float32Integer.toInt64(0xffc00001)), 0, "NaN");
        assertEq(uint256(Float32Integer.toUint32(NAN)), 0, "NaN");
    }

    function test_HalvesAreRoundedToEven() public pure {
        equal(Float32Integer.round(0x3f000000), 0, "0.5");
        equal(Float32Integer.round(0xbf000000), SIGN, "-0.5");
        equal(Float32Integer.round(0x3f000001), Float32.ONE, "more than 0.5");
        equal(Float32Integer.round(0x3fc00000), Operands.TWO, "1.5");
        equal(Float32Integer.round(0x40200000), Operands.TWO, "2.5");
        equal(Float32Integer.round(0x4affffff), 0x4b000000, "2^23 - 0.5");
        equal(Float32Integer.round(0x3effffff), 0, "less than 0.5");
    }

    function test_WholeNumbersKeepTheSignOfWhatTheyCameFrom() public pure {
        equal(Float32Integer.ceil(0xbf7fffff), SIGN, "ceil of a little more than -1");
        equal(Float32Integer.truncate(0xbf7fffff), SIGN, "truncated");
        equal(Float32Integer.floor(Operands.LEAST | SIGN), SIGN | Float32.ONE, "floor of the least number below zero");
        equal(Float32Integer.ceil(Operands.LEAST), Float32.ONE, "ceil of the least number");
        equal(Float32Integer.floor(SIGN), SIGN, "-0");
        equal(Float32Integer.floor(0x40200000), Operands.TWO, "floor(2.5)");
        equal(Float32Integer.ceil(0x3fffffff), Operands.TWO, "a carry into the exponent");
        equal(Float32Integer.floor(SIGN | INF), SIGN | INF, "infinity");
        equal(Float32Integer.round(0xff800001), NAN, "NaN");
    }

    function testFuzz_IntegersOf24BitsComeBack(int32 x) public pure {
        x = int32(int256(x) % 2 ** 24);
        assertEq(int256(Float32Integer.toInt32(Float32Integer.fromInt(x))), int256(x), "int32");
        assertEq(int256(Float32Integer.toInt64(Float32Integer.fromInt(x))), int256(x), "int64");
    }

    function testFuzz_AWholeNumberIsNextToItsOrigin(uint256 p) public pure {
        uint32 x = p.finite();
        uint32 below = Float32Integer.floor(x);
        uint32 above = Float32Integer.ceil(x);
        assertTrue(Float32.le(below, x) && Float32.le(x, above), "between floor and ceil");
        assertTrue(Float32.eq(below, above) || Float32.eq(Float32.sub(above, below), Float32.ONE), "which are one apart");
        equal(Float32Integer.truncate(x), x & SIGN == 0 ? below : above, "truncated towards zero");
        uint32 nearest = Float32Integer.round(x);
        assertTrue(nearest == below || nearest == above, "round gives one of them");
        assertTrue(Float32.le(Float32.sub(x, nearest) & 0x7fffffff, Operands.HALF), "half a unit away at most");
    }

    function testFuzz_TheWholePartFitsTheInteger(uint256 p) public pure {
        uint32 x = p.finite();
        if (Float32.lt(x & 0x7fffffff, 0x5f000000)) {
            uint32 back = Float32Integer.fromInt(Float32Integer.toInt64(x));
            assertTrue(Float32.eq(back, Float32Integer.truncate(x)), "by way of an integer");
        }
    }

    function equal(uint32 have, uint32 want, string memory why) private pure {
        assertEq(uint256(have), uint256(want), why);
    }
}
