// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {HighestBit} from "./HighestBit.sol";

/// @title Between binary32 and integers, and whole numbers in binary32: the operators Cast, Floor, Ceil and Round.
/// @dev To a float: rounded once, to nearest even. From a float: rounded to zero, beyond the range the nearest end of it, and
///      a NaN is 0. A number rounded to a whole one keeps its sign, also where it becomes zero. See Float32.
library Float32Integer {
    uint256 private constant SIGN = 0x80000000;
    uint256 private constant MAGNITUDE = 0x7fffffff;
    uint256 private constant INFINITY = 0x7f800000;

    // Biased exponents of 1/2, of 1, and of 2^23, from which on all numbers are whole.
    uint256 private constant OF_HALF = 126;
    uint256 private constant OF_ONE = 127;
    uint256 private constant OF_WHOLE = 150;

    // ---- integers to binary32

    /// @notice An unsigned integer of any width. 2^128 - 2^103 and more are infinity.
    function fromUint(uint256 value) internal pure returns (uint32) {
        return _encode(0, value);
    }

    /// @notice A signed integer of any width. Zero is +0.
    function fromInt(int256 value) internal pure returns (uint32) {
        unchecked {
            // The least integer is its own negative, and that word, unsigned, is its magnitude.
            return value < 0 ? _encode(SIGN, uint256(-value)) : _encode(0, uint256(value));
        }
    }

    // ---- binary32 to integers

    /// @notice Rounded to zero, within 32 bits; a NaN is 0.
    function toInt32(uint32 x) internal pure returns (int32) {
        return int32(_within(x, type(int32).min, type(int32).max));
    }

    /// @notice Rounded to zero, within 64 bits; a NaN is 0.
    function toInt64(uint32 x) internal pure returns (int64) {
        return int64(_within(x, type(int64).min, type(int64).max));
    }

    /// @notice Rounded to zero, negative numbers to 0, within 32 bits; a NaN is 0.
    function toUint32(uint32 x) internal pure returns (uint32) {
        return uint32(uint256(_within(x, 0, int256(uint256(type(uint32).max)))));
    }

    /// @notice Rounded to zero, negative numbers to 0, within 64 bits; a NaN is 0.
    function toUint64(uint32 x) internal pure returns (uint64) {
        return uint64(uint256(_within(x, 0, int256(uint256(type(uint64).max)))));
    }

    // ---- whole numbers in binary32

    /// @notice The next whole number towards zero.
    function truncate(uint32 x) internal pure returns (uint32) {
        return _whole(x, false);
    }

    /// @notice The next whole number below.
    function floor(uint32 x) internal pure returns (uint32) {
        return _whole(x, x & SIGN != 0);
    }

    /// @notice The next whole number above.
    function ceil(uint32 x) internal pure returns (uint32) {
        return _whole(x, x & SIGN == 0);
    }

    /// @notice The nearest whole number, halves to even.
    function round(uint32 x) internal pure returns (uint32) {
        unchecked {
            (uint256 sign, uint256 magnitude, uint256 exponent) = _parts(x);
            if (exponent >= OF_WHOLE) return _canonical(x);
            if (exponent < OF_HALF) return uint32(sign);
            // 1/2 itself is a tie, and zero is even.
            if (exponent == OF_HALF) return uint32(magnitude == OF_HALF << 23 ? sign : sign | Float32.ONE);
            // As in Float32.encode, on the whole pattern: a carry out of the fraction goes to the exponent. The last whole bit
            // of 1 to 2 is the hidden one, and the last bit of its exponent, 127, happens to be the same.
            uint256 drop = OF_WHOLE - exponent;
            uint256 rounded = (magnitude + (1 << (drop - 1)) - 1 + ((magnitude >> drop) & 1)) >> drop;
            return uint32(sign | (rounded << drop));
        }
    }

    // ---- parts

    function _encode(uint256 sign, uint256 value) private pure returns (uint32) {
        unchecked {
            if (value == 0) return 0;
            uint256 highest = HighestBit.find(value);
            // The value is an integer times 2^(149 - 149). Float32.encode drops at least one bit: give it enough.
            if (highest > 23) return Float32.encode(sign, value, 149, highest);
            return Float32.encode(sign, value << 24, 125, highest + 24);
        }
    }

    /// @dev The whole part of x between two ends.
    function _within(uint32 x, int256 least, int256 most) private pure returns (int256) {
        unchecked {
            (uint256 sign, uint256 magnitude, uint256 exponent) = _parts(x);
            if (magnitude > INFINITY || exponent < OF_ONE) return 0;
            uint256 significand = (magnitude & 0x007fffff) | 0x00800000;
            // At most 2^24 · 2^105: infinity counts as 2^128, which is beyond all ends.
            int256 whole = int256(exponent < OF_WHOLE ? significand >> (OF_WHOLE - exponent) : significand << (exponent - OF_WHOLE));
            if (sign != 0) whole = -whole;
            return whole < least ? least : whole > most ? most : whole;
        }
    }

    /// @dev The whole number next to x, on the side of zero or on the other one.
    function _whole(uint32 x, bool away) private pure returns (uint32) {
        unchecked {
            (uint256 sign, uint256 magnitude, uint256 exponent) = _parts(x);
            if (exponent >= OF_WHOLE) return _canonical(x);
            if (exponent < OF_ONE) return uint32(away && magnitude != 0 ? sign | Float32.ONE : sign);
            uint256 fraction = (1 << (OF_WHOLE - exponent)) - 1;
            // A carry out of the fraction goes to the exponent, where it belongs.
            return uint32(sign | ((away ? magnitude + fraction : magnitude) & ~fraction));
        }
    }

    function _canonical(uint32 x) private pure returns (uint32) {
        return x & MAGNITUDE > INFINITY ? Float32.NAN : x;
    }

    function _parts(uint32 x) private pure returns (uint256 sign, uint256 magnitude, uint256 exponent) {
        sign = x & SIGN;
        magnitude = x & MAGNITUDE;
        exponent = magnitude >> 23;
    }
}
