// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../../libraries/Float32.sol";
import {TestBase} from "../support/TestBase.sol";
import {Operands} from "./Operands.sol";

/// @notice Laws of correctly rounded arithmetic, for operands of every kind.
contract Float32LawsTest is TestBase {
    using Operands for uint256;

    uint32 private constant SIGN = Operands.SIGN;

    function testFuzz_MulIsFmaWithNegativeZero(uint256 p, uint256 q) public pure {
        equal(Float32.mul(p.any(), q.any()), Float32.fma(p.any(), q.any(), SIGN), "mul");
    }

    function testFuzz_AddIsFmaWithOne(uint256 p, uint256 q) public pure {
        equal(Float32.add(p.any(), q.any()), Float32.fma(p.any(), Float32.ONE, q.any()), "left");
        equal(Float32.add(p.any(), q.any()), Float32.fma(Float32.ONE, p.any(), q.any()), "right");
    }

    function testFuzz_OperandsOfSumsAndProductsMayBeExchanged(uint256 p, uint256 q, uint256 r) public pure {
        equal(Float32.add(p.any(), q.any()), Float32.add(q.any(), p.any()), "add");
        equal(Float32.mul(p.any(), q.any()), Float32.mul(q.any(), p.any()), "mul");
        equal(Float32.fma(p.any(), q.any(), r.any()), Float32.fma(q.any(), p.any(), r.any()), "fma");
    }

    function testFuzz_RoundingIsTheSameOnBothSidesOfZero(uint256 p, uint256 q, uint256 r) public pure {
        uint32 one = Float32.fma(p.any(), q.any(), r.any());
        uint32 other = Float32.fma(p.any() ^ SIGN, q.any(), r.any() ^ SIGN);
        if (one == Float32.NAN || one == 0) {
            // A zero may be the exact sum of two opposite numbers, which is +0 from both sides.
            assertTrue(other == one || other == SIGN, "NaN or zero");
        } else {
            equal(other, one == SIGN ? other & SIGN | one & ~SIGN : one ^ SIGN, "negated");
        }
    }

    function testFuzz_ADifferenceOfNearNumbersIsExact(uint256 p, uint32 steps) public pure {
        // Sterbenz: x / 2 <= y <= 2 x. Up to 2^22 steps away from a normal number, this holds.
        uint32 x = p.finite() & 0x7fffffff;
        uint32 y = uint32(bound(steps, x > 1 << 22 ? x - (1 << 22) : x, x + (x < 0x7f000000 ? 1 << 22 : 0)));
        if (x < Operands.LEAST_NORMAL || y < Operands.LEAST_NORMAL) y = x;
        equal(Float32.add(Float32.sub(x, y), y), x, "back again");
        equal(Float32.sub(x, x), 0, "nothing left");
    }

    function testFuzz_RoundingKeepsTheOrder(uint256 p, uint256 q, uint256 r) public pure {
        uint32 low = p.finite();
        uint32 high = q.finite();
        if (Float32.lt(high, low)) (low, high) = (high, low);
        uint32 third = r.finite();
        assertTrue(Float32.le(Float32.add(low, third), Float32.add(high, third)), "sums");
        uint32 factor = third & 0x7fffffff;
        assertTrue(Float32.le(Float32.mul(low, factor), Float32.mul(high, factor)), "products");
        assertTrue(Float32.le(Float32.fma(low, factor, third), Float32.fma(high, factor, third)), "fused");
    }

    function testFuzz_ARootOfASquareIsTheNumber(uint256 p) public pure {
        // Not where the square over- or underflows: exponents within 2^-60 and 2^60.
        uint256 field = 67 + (p >> 32) % 121;
        uint32 x = uint32((field << 23) | (p & 0x007fffff));
        equal(Float32.sqrt(Float32.mul(x, x)), x, "sqrt(x * x)");
    }

    function testFuzz_AQuotientIsTheNearestNumber(uint256 p, uint256 q) public pure {
        uint32 x = uint32((67 + (p >> 32) % 121) << 23) | uint32(p & 0x007fffff);
        uint32 y = uint32((97 + (q >> 32) % 61) << 23) | uint32(q & 0x007fffff);
        uint32 quotient = Float32.div(x, y);
        // The remainder x - q · y is exact in fma; those of the neighbours are not smaller.
        uint32 least = Float32.fma(quotient ^ SIGN, y, x) & 0x7fffffff;
        assertTrue(Float32.le(least, Float32.fma((quotient + 1) ^ SIGN, y, x) & 0x7fffffff), "not the next");
        assertTrue(Float32.le(least, Float32.fma((quotient - 1) ^ SIGN, y, x) & 0x7fffffff), "not the one before");
    }

    function testFuzz_OneOfFourRelationsHolds(uint256 p, uint256 q) public pure {
        uint32 x = p.any();
        uint32 y = q.any();
        uint256 holding = count(Float32.lt(x, y)) + count(Float32.lt(y, x)) + count(Float32.eq(x, y)) + count(Float32.unordered(x, y));
        assertEq(holding, 1, "less, greater, equal or unordered");
        assertEq(Float32.le(x, y), Float32.lt(x, y) || Float32.eq(x, y), "<= is < or =");
    }

    function count(bool holds) private pure returns (uint256) {
        return holds ? 1 : 0;
    }

    function equal(uint32 have, uint32 want, string memory why) private pure {
        assertEq(uint256(have), uint256(want), why);
    }
}
