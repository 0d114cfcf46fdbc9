// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../../libraries/Float32.sol";
import {TestBase} from "../support/TestBase.sol";
import {Operands} from "./Operands.sol";

/// @notice What IEEE 754 says of single cases. tests/differential/test_float32_agrees.py compares millions with the C library.
contract Float32Test is TestBase {
    uint32 private constant NAN = Float32.NAN;
    uint32 private constant INF = Float32.INFINITY;
    uint32 private constant SIGN = Operands.SIGN;
    uint32 private constant ONE = Float32.ONE;
    uint32 private constant TWO = Operands.TWO;
    uint32 private constant LEAST = Operands.LEAST;
    uint32 private constant GREATEST = Operands.GREATEST;

    function test_FmaRoundsOnce() public pure {
        // (1 + 2^-23)^2 = 1 + 2^-22 + 2^-46; rounded in between, the last term would be gone.
        equal(Float32.fma(0x3f800001, 0x3f800001, SIGN | 0x3f800002), 0x28800000, "2^-46");
    }

    function test_TiesGoToTheEvenNeighbour() public pure {
        uint32 half = 0x33800000; // 2^-24, half a unit in the last place of 1
        equal(Float32.add(ONE, half), ONE, "1 is even");
        equal(Float32.add(0x3f800001, half), 0x3f800002, "up to the even one");
        equal(Float32.add(ONE, half + 1), 0x3f800001, "more than half");
        equal(Float32.fma(half, 0x3f800001, ONE), 0x3f800001, "more than half by a part of a product");
        equal(Float32.fma(half, 0x3f7fffff, ONE), ONE, "less than half by as little");
    }

    function test_TheSmallestTermDecidesATieFromAnyDistance() public pure {
        // 2^24 + 1 is halfway, and so is the product (2^12 + 2^-12) * 2^12: then 2^-149 decides.
        uint32 a = 0x45800001; // 2^12 + 2^-11
        uint32 b = 0x45000000; // 2^11
        equal(Float32.fma(a, b, 0), 0x4b000001, "exact");
        uint32 big = 0x7e800001; // 2^126 * (1 + 2^-23)
        uint32 threeHalves = 0x3fc00000; // times 1.5 is halfway between two numbers
        equal(Float32.mul(big, threeHalves), 0x7ec00002, "up to the even one");
        equal(Float32.fma(big, threeHalves, SIGN | LEAST), 0x7ec00001, "a little less than halfway");
        equal(Float32.fma(big, threeHalves, LEAST), 0x7ec00002, "a little more");
        equal(Float32.fma(LEAST, SIGN | LEAST, ONE), ONE, "next to nothing changes nothing");
        equal(Float32.fma(LEAST, SIGN | LEAST, LEAST), LEAST, "not even the least number");
    }

    function test_SubnormalNumbersAreNumbers() public pure {
        equal(Float32.mul(Operands.LEAST_NORMAL, Operands.HALF), 0x00400000, "half of the least normal");
        equal(Float32.add(LEAST, LEAST), 0x00000002, "an exact sum");
        equal(Float32.sub(Operands.LEAST_NORMAL, LEAST), 0x007fffff, "below the least normal");
        equal(Float32.add(0x007fffff, LEAST), Operands.LEAST_NORMAL, "and back");
        equal(Float32.mul(LEAST, Operands.HALF), 0, "half of the least is a tie, and zero is even");
        equal(Float32.mul(0x00000003, Operands.HALF), 0x00000002, "1.5 units");
        equal(Float32.div(LEAST, TWO), 0, "divided too");
        equal(Float32.mul(0x00ffffff, Operands.HALF), Operands.LEAST_NORMAL, "rounded up into the normal numbers");
        equal(Float32.sqrt(LEAST), 0x1a3504f3, "2^-74.5");
    }

    function test_AnUnderflowKeepsItsSign() public pure {
        equal(Float32.mul(LEAST, SIGN | LEAST), SIGN, "-0");
        equal(Float32.fma(LEAST, SIGN | LEAST, 0), SIGN, "not an exact sum of zero");
        equal(Float32.div(SIGN | LEAST, GREATEST), SIGN, "-0 from a division");
    }

    function test_OverflowIsAnInfinity() public pure {
        equal(Float32.add(GREATEST, GREATEST), INF, "+");
        equal(Float32.mul(SIGN | GREATEST, TWO), SIGN | INF, "-");
        equal(Float32.div(GREATEST, Operands.HALF), INF, "quotient");
        equal(Float32.fma(GREATEST, TWO, SIGN | GREATEST), GREATEST, "a product beyond the range that comes back");
        equal(Float32.add(GREATEST, 0x72ffffff), GREATEST, "less than half a unit beyond the greatest");
        equal(Float32.add(GREATEST, 0x73000000), INF, "half a unit");
    }

    function test_AnExactSumOfZeroIsPositiveUnlessAllTermsAreNegativeZeros() public pure {
        equal(Float32.sub(ONE, ONE), 0, "1 - 1");
        equal(Float32.add(0, SIGN), 0, "+0 + -0");
        equal(Float32.add(SIGN, SIGN), SIGN, "-0 + -0");
        equal(Float32.sub(SIGN, 0), SIGN, "-0 - +0");
        equal(Float32.fma(SIGN, ONE, 0), 0, "-0 * 1 + +0");
        equal(Float32.fma(SIGN, ONE, SIGN), SIGN, "-0 * 1 + -0");
        equal(Float32.fma(TWO, Operands.HALF, SIGN | ONE), 0, "2 * 0.5 - 1");
    }

    function test_InvalidOperationsGiveTheNaN() public pure {
        equal(Float32.mul(INF, 0), NAN, "inf * 0");
        equal(Float32.fma(0, SIGN | INF, ONE), NAN, "0 * -inf + 1");
        equal(Float32.fma(0, INF, 0xffffffff), NAN, "0 * inf + NaN");
        equal(Float32.sub(INF, INF), NAN, "inf - inf");
        equal(Float32.fma(INF, SIGN | ONE, INF), NAN, "-inf + inf");
        equal(Float32.div(0, SIGN), NAN, "0 / 0");
        equal(Float32.div(INF, SIGN | INF), NAN, "inf / inf");
        equal(Float32.sqrt(SIGN | LEAST), NAN, "sqrt of a negative number");
        equal(Float32.sqrt(SIGN | INF), NAN, "sqrt of -inf");
    }

    function testFuzz_EveryNaNBecomesTheCanonicalOne(uint32 payload, uint256 other, uint256 third) public pure {
        uint32 nan = uint32(bound(payload & 0x7fffffff, INF + 1, 0x7fffffff)) | (payload & SIGN);
        uint32 x = Operands.any(other);
        uint32 y = Operands.any(third);
        equal(Float32.fma(nan, x, y), NAN, "first factor");
        equal(Float32.fma(x, nan, y), NAN, "second factor");
        equal(Float32.fma(x, y, nan), NAN, "addend");
        equal(Float32.add(nan, x), NAN, "+");
        equal(Float32.sub(x, nan), NAN, "-");
        equal(Float32.mul(nan, x), NAN, "*");
        equal(Float32.div(x, nan), NAN, "/");
        equal(Float32.sqrt(nan), NAN, "sqrt");
        assertTrue(Float32.unordered(nan, x) && Float32.unordered(x, nan), "unordered");
        assertFalse(Float32.eq(nan, nan) || Float32.lt(nan, x) || Float32.le(x, nan), "compares as false");
    }

    function test_InfinitiesComputeAsLimits() public pure {
        equal(Float32.fma(INF, SIGN | ONE, GREATEST), SIGN | INF, "product");
        equal(Float32.fma(GREATEST, GREATEST, SIGN | INF), SIGN | INF, "addend");
        equal(Float32.div(ONE, SIGN | INF), SIGN, "1 / -inf");
        equal(Float32.div(SIGN | ONE, 0), SIGN | INF, "-1 / 0");
        equal(Float32.div(INF, SIGN), SIGN | INF, "inf / -0");
        equal(Float32.sqrt(INF), INF, "sqrt");
    }

    function test_QuotientsAndRootsAreRoundedFromTheirRemainders() public pure {
        equal(Float32.div(ONE, 0x40400000), 0x3eaaaaab, "1/3");
        equal(Float32.div(0x40e00000, SIGN | TWO), SIGN | 0x40600000, "7 / -2, exact");
        equal(Float32.sqrt(TWO), 0x3fb504f3, "sqrt 2");
        equal(Float32.sqrt(0x41100000), 0x40400000, "sqrt 9, exact");
        equal(Float32.sqrt(0x3f7fffff), 0x3f7fffff, "just below 1");
        equal(Float32.sqrt(GREATEST), 0x5f7fffff, "of the greatest number");
        equal(Float32.sqrt(SIGN), SIGN, "-0");
    }

    function test_NumbersAreOrderedAsNumbers() public pure {
        uint32[8] memory ascending = [SIGN | INF, SIGN | GREATEST, SIGN | ONE, SIGN | LEAST, 0, LEAST, ONE, INF];
        for (uint256 i = 0; i < 8; ++i) {
            for (uint256 j = 0; j < 8; ++j) {
                assertEq(Float32.lt(ascending[i], ascending[j]), i < j, "<");
                assertEq(Float32.le(ascending[i], ascending[j]), i <= j, "<=");
                assertEq(Float32.eq(ascending[i], ascending[j]), i == j, "=");
            }
        }
        assertTrue(Float32.eq(0, SIGN) && Float32.le(SIGN, 0) && Float32.le(0, SIGN), "the zeros are equal");
        assertFalse(Float32.lt(SIGN, 0), "and none is less");
    }

    function equal(uint32 have, uint32 want, string memory why) private pure {
        assertEq(uint256(have), uint256(want), why);
    }
}
