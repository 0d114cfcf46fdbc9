// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {HighestBit} from "./HighestBit.sol";

/// @dev The accumulator of a sum of products between two steps: a number of binary32, unpacked. As an `int256`,
///
///        value in [-2^254, 2^254)        the number value · 2^-126, in fixed point; 0 is +0
///        2^254 + bits                    any other number, as its 32 bits: infinities, NaNs, -0, and what is not a
///                                        multiple of 2^-126
type Accumulator is int256;

/// @title Sums of products in binary32: acc = fma(a[i], b[i], acc) for i ascending (docs/arithmetic.md §2), for less.
/// @dev What costs most in a fused multiply-add of 32-bit patterns is to find the highest bit of the sum, and to pack the
///      result only to unpack it in the next step. Here the accumulator stays in fixed point, and the place where it is rounded is
///      kept until the sum leaves its binade. Where a step does not fit (see `accumulate`), it is Float32.fma: the result is that
///      of repeated fma for all operands, and most steps cost half of it. Gas: docs/gas.md.
library Float32Dot {
    uint256 private constant EXPONENT = 0x7f800000;
    uint256 private constant FRACTION = 0x007fffff;
    uint256 private constant HIDDEN = 0x00800000;
    uint256 private constant MAGNITUDE = 0x7fffffff;

    int256 private constant PACKED = 1 << 254;
    /// @dev The biased exponent of numbers whose last bit is worth 2^-126: fixed point starts there.
    uint256 private constant LEAST_EXPONENT = 24;
    /// @dev Shifts by less than this keep a product of two significands, less than 2^48, below 2^254.
    uint256 private constant ROOM = 207;
    /// @dev A place at which no sum is found to be in its binade.
    uint256 private constant NOWHERE = 255;

    error Float32Dot_LengthsDiffer(uint256 a, uint256 b);
    error Float32Dot_NotWholeNumbers(uint256 length);

    /// @notice The sum of products that starts at `initial` instead of +0.
    /// @param a the left operands: four bytes each, big-endian, one behind the other
    /// @param b the right operands, as many
    function dot(uint32 initial, bytes memory a, bytes memory b) internal pure returns (uint32) {
        return close(accumulate(open(initial), a, b));
    }

    /// @notice The accumulator of a number. A NaN becomes the canonical one only with the first step.
    function open(uint32 number) internal pure returns (Accumulator) {
        unchecked {
            uint256 exponent = (number & EXPONENT) >> 23;
            if (number == 0) return Accumulator.wrap(0);
            if (exponent < LEAST_EXPONENT || exponent == 255) return Accumulator.wrap(PACKED + int256(uint256(number)));
            // Less than 2^24 · 2^230.
            int256 magnitude = int256(((number & FRACTION) | HIDDEN) << (exponent - LEAST_EXPONENT));
            return Accumulator.wrap(number >> 31 == 0 ? magnitude : -magnitude);
        }
    }

    /// @notice The number of an accumulator.
    function close(Accumulator accumulator) internal pure returns (uint32) {
        unchecked {
            int256 value = Accumulator.unwrap(accumulator);
            if (value >= PACKED) return uint32(uint256(value));
            if (value == 0) return 0;
            uint256 magnitude = uint256(value < 0 ? -value : value);
            uint256 highest = HighestBit.find(magnitude);
            // 24 bits at most are not zero. 2^0 in fixed point has the biased exponent 1, and the hidden bit adds that one.
            uint256 significand = highest > 23 ? magnitude >> (highest - 23) : magnitude << (23 - highest);
            return uint32((value < 0 ? 0x80000000 : 0) | (highest << 23) + significand);
        }
    }

    /// @notice acc = fma(a[i], b[i], acc) for each i in turn.
    /// @param a the left operands: four bytes each, big-endian, one behind the other
    /// @param b the right operands, as many
    function accumulate(Accumulator accumulator, bytes memory a, bytes memory b) internal pure returns (Accumulator) {
        require(a.length == b.length, Float32Dot_LengthsDiffer(a.length, b.length));
        require(a.length % 4 == 0, Float32Dot_NotWholeNumbers(a.length));
        uint256 from;
        uint256 apart;
        assembly ("memory-safe") {
            from := add(a, 32)
            apart := sub(b, a)
        }
        unchecked {
            return _accumulate(accumulator, from, from + a.length, apart);
        }
    }

    /// @dev A step in fixed point is taken if the accumulator is in fixed point and both operands are normal, and their product
    ///      a multiple of 2^-126 and less than 2^128; or if the product is zero. Every other step is fma's.
    ///
    ///      In fixed point the sum is exact: |accumulator| and |product| are less than 2^254. Rounding drops the `place` lowest of
    ///      `place` + 24 bits, to nearest, ties to even, and works on two's complement as on magnitudes: with
    ///      sum = q · 2^place + r, 0 <= r, adding 2^(place - 1) - 1 + (q odd) carries into q if r is more than half of 2^place,
    ///      or half and q odd. Which place, says the highest bit of |sum|. For a negative sum, |sum| - 1 is looked at, the
    ///      complement: the two have different highest bits only if |sum| is a power of two, and that is exact at either place.
    ///
    ///      A sum of exactly zero is +0, as it must be: of the terms, the accumulator is never -0 in fixed point.
    /// @param from where in memory the left operands start, `to` where they end
    /// @param apart how far behind each left operand the right one is
    function _accumulate(Accumulator accumulator, uint256 from, uint256 to, uint256 apart) private pure returns (Accumulator) {
        unchecked {
            int256 value = Accumulator.unwrap(accumulator);
            uint256 room = value < PACKED ? ROOM : 0; // no shift is less than 0: every step is fma's
            uint256 place = NOWHERE;
            // One turn for each pair of operands.
            for (; from != to; from += 4) {
                uint256 x;
                uint256 y;
                // A word from any byte: Solidity would take four bytes one by one, each with a check of its index.
                assembly ("memory-safe") {
                    x := shr(224, mload(from))
                    y := shr(224, mload(add(from, apart)))
                }
                uint256 shift = (((x & EXPONENT) + (y & EXPONENT)) >> 23) - 174; // 300 - 126, as Float32 counts
                if (shift < room && ((x + HIDDEN) & 0x7f000000) * ((y + HIDDEN) & 0x7f000000) != 0) {
                    uint256 negative = (x ^ y) >> 31;
                    uint256 product = ((x & FRACTION) | HIDDEN) * ((y & FRACTION) | HIDDEN);
                    int256 sum = value + int256(((product ^ (0 - negative)) + negative) << shift);
                    int256 kept = sum >> place;
                    if (uint256(kept ^ (kept >> 255)) >> 23 == 1) {
                        value = ((sum + int256(((1 << (place - 1)) - 1)) + (kept & 1)) >> place) << place;
                        continue;
                    }
                    uint256 highest = HighestBit.near(uint256(sum ^ (sum >> 255)) | 1, place == NOWHERE ? shift + 44 : place + 20);
                    if (highest < 24) {
                        // Nothing to round: a multiple of 2^-126 with 24 bits.
                        place = NOWHERE;
                        value = sum;
                        continue;
                    }
                    // Sums of 2^127 and more may overflow: those are fma's.
                    if (highest < 253) {
                        place = highest - 23;
                        value = ((sum + int256(((1 << (place - 1)) - 1)) + ((sum >> place) & 1)) >> place) << place;
                        continue;
                    }
                } else if (room != 0 && (x & MAGNITUDE == 0 || y & MAGNITUDE == 0) && x & EXPONENT != EXPONENT && y & EXPONENT != EXPONENT)
                {
                    continue; // a zero of either sign changes no number, and not +0
                }
                value = Accumulator.unwrap(open(Float32.fma(uint32(x), uint32(y), close(Accumulator.wrap(value)))));
                room = value < PACKED ? ROOM : 0;
                place = NOWHERE;
            }
            return Accumulator.wrap(value);
        }
    }
}
