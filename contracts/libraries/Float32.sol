// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {HighestBit} from "./HighestBit.sol";

/// @title IEEE 754 binary32 in integers: the arithmetic of docs/arithmetic.md §1, bit for bit.
///
/// @dev A number is its 32 bits, as a `uint32`: sign (1), biased exponent (8), fraction (23).
///
///      What is guaranteed               | how
///      ---------------------------------|--------------------------------------------------------------------------
///      one rounding, nearest, ties even | every result is an exact integer, or one whose last bit stands for all that
///                                       | was cut off (a *sticky bit*), before `encode` rounds it
///      subnormal numbers are numbers    | `encode` never keeps a bit below 2^-149; operands are taken as they are
///      signed zeros, IEEE 754-2019 §6.3 | an exact sum of zero is +0, unless all its terms are -0; an underflow keeps its sign
///      one NaN, 0x7fc00000              | every operation returns it for every NaN
///      overflow is an infinity          | no traps, no flags, nothing reverts
///      comparisons with a NaN are false | -0 equals +0
///
///      Sources: IEEE 754-2019 §4.3.1, §5.4.1, §5.11, §6.1 to §6.3; Muller et al., Handbook of Floating-Point Arithmetic,
///      2nd ed., §7 (sticky bits, division and square root with remainders).
///
///      Words used below: a finite number is m · 2^(e - 150) with its *significand* m < 2^24 and its biased *exponent*
///      e >= 1; it is normal if m >= 2^23. Integers are `uint256` throughout and wrap on purpose: exponents below zero are
///      two's complement. Gas: docs/gas.md.
library Float32 {
    uint32 internal constant NAN = 0x7fc00000;
    uint32 internal constant INFINITY = 0x7f800000;
    uint32 internal constant ONE = 0x3f800000;
    uint32 internal constant NEGATIVE_ZERO = 0x80000000;

    uint256 private constant SIGN = 0x80000000;
    uint256 private constant MAGNITUDE = 0x7fffffff;
    uint256 private constant EXPONENT = 0x7f800000;
    uint256 private constant FRACTION = 0x007fffff;
    uint256 private constant HIDDEN = 0x00800000;

    // ---- arithmetic

    /// @notice a · b + c, rounded once.
    function fma(uint32 a, uint32 b, uint32 c) internal pure returns (uint32) {
        unchecked {
            uint256 x = a;
            uint256 y = b;
            uint256 z = c;
            if (_normal(x) * _normal(y) * _normal(z) == 0) return _fmaOfAny(x, y, z);
            return _fuse(
                _signed(x ^ y, ((x & FRACTION) | HIDDEN) * ((y & FRACTION) | HIDDEN)),
                ((x & EXPONENT) + (y & EXPONENT)) >> 23,
                _signed(z, (z & FRACTION) | HIDDEN),
                (z & EXPONENT) >> 23
            );
        }
    }

    /// @notice a + b. The same as fma(a, 1, b), whose product is exact.
    function add(uint32 a, uint32 b) internal pure returns (uint32) {
        unchecked {
            uint256 x = a;
            uint256 y = b;
            if (_normal(x) * _normal(y) == 0) return _fmaOfAny(x, ONE, y);
            // The significand of 1 is 2^23, its exponent 127.
            return _fuse(
                _signed(x, ((x & FRACTION) | HIDDEN) << 23),
                ((x & EXPONENT) >> 23) + 127,
                _signed(y, (y & FRACTION) | HIDDEN),
                (y & EXPONENT) >> 23
            );
        }
    }

    /// @notice a - b.
    function sub(uint32 a, uint32 b) internal pure returns (uint32) {
        return add(a, b ^ NEGATIVE_ZERO);
    }

    /// @notice a · b. The same as fma(a, b, -0): -0 is the zero that adds nothing, not even a sign.
    function mul(uint32 a, uint32 b) internal pure returns (uint32) {
        unchecked {
            uint256 x = a;
            uint256 y = b;
            if (_normal(x) * _normal(y) == 0) return _fmaOfAny(x, y, NEGATIVE_ZERO);
            uint256 product = ((x & FRACTION) | HIDDEN) * ((y & FRACTION) | HIDDEN);
            // 2^46 <= product < 2^48, so its highest bit is bit 46 or 47.
            return encode((x ^ y) & SIGN, product, (((x & EXPONENT) + (y & EXPONENT)) >> 23) - 151, 46 + (product >> 47));
        }
    }

    /// @notice a / b.
    function div(uint32 a, uint32 b) internal pure returns (uint32) {
        unchecked {
            uint256 x = uint256(a) & MAGNITUDE;
            uint256 y = uint256(b) & MAGNITUDE;
            uint256 sign = uint256(a ^ b) & SIGN;
            if (x > EXPONENT || y > EXPONENT || (x == y && (x == 0 || x == EXPONENT))) return NAN;
            if (x == EXPONENT || y == 0) return uint32(sign | EXPONENT);
            if (y == EXPONENT || x == 0) return uint32(sign);
            (uint256 m, uint256 e) = _normalised(x);
            (uint256 n, uint256 f) = _normalised(y);
            // m/n is in (1/2, 2), so the quotient of m · 2^32 has its highest bit at 31 or 32: 32 bits at least, of which 24
            // stay. Whether the division left a remainder is all that rounding has to know of the rest, and goes below.
            // Multiplied back to see whether there was a remainder.
            // slither-disable-next-line divide-before-multiply
            uint256 quotient = (m << 32) / n;
            uint256 value = (quotient << 1) | SafeCast.toUint(quotient * n != m << 32);
            // The last bit of `value` is worth 2^(e - 150) / 2^(f - 150) / 2^33.
            return encode(sign, value, e - f + 149 - 33, 32 + (value >> 33));
        }
    }

    /// @notice The square root of a. Of -0 it is -0, of any other negative number NaN.
    function sqrt(uint32 a) internal pure returns (uint32) {
        unchecked {
            uint256 x = a;
            if (x & MAGNITUDE == 0) return a;
            if (x >= EXPONENT) return x == EXPONENT ? INFINITY : NAN;
            (uint256 m, uint256 e) = _normalised(x);
            // With s = 30 if e is even, else 29, m · 2^(e - 150) = radicand · 2^(e - 150 - s), an even power of two, and
            // 2^52 <= radicand < 2^54: the root has 27 bits.
            uint256 odd = e & 1;
            uint256 radicand = m << (30 - odd);
            // Newton's steps r -> (r + radicand / r) / 2 turn a relative error d into d^2 / (2 + 2d), so never below the
            // root. The chord of the square root over [1, 4], (x + 2) / 3, is off by at most 0.058: then 1.8e-3, 1.6e-6,
            // 2e-12, and rounding down costs at most 2^-26 on the way. The last is less than 2^-27: the floor of the root or one more.
            uint256 root = (radicand + (1 << 53)) / (3 << 26);
            root = (root + radicand / root) >> 1;
            root = (root + radicand / root) >> 1;
            root = (root + radicand / root) >> 1;
            if (root * root > radicand) --root;
            // 24 of the 27 bits stay. As in a division, a remainder is all that rounding has to know of the rest. The last bit of
            // the root is worth 2^((e - 150 - s) / 2), that of `value` half as much; 64 keeps what is halved from being negative.
            uint256 value = (root << 1) | SafeCast.toUint(root * root != radicand);
            return encode(0, value, ((e + 64 + odd) >> 1) + 26, 27);
        }
    }

    // ---- comparison

    /// @notice Whether a or b is a NaN.
    function unordered(uint32 a, uint32 b) internal pure returns (bool) {
        return a & MAGNITUDE > EXPONENT || b & MAGNITUDE > EXPONENT;
    }

    /// @notice a < b. False if one is a NaN.
    function lt(uint32 a, uint32 b) internal pure returns (bool) {
        return !unordered(a, b) && _rank(a) < _rank(b);
    }

    /// @notice a <= b. False if one is a NaN.
    function le(uint32 a, uint32 b) internal pure returns (bool) {
        return !unordered(a, b) && _rank(a) <= _rank(b);
    }

    /// @notice a = b, as numbers: -0 equals +0, and a NaN nothing.
    function eq(uint32 a, uint32 b) internal pure returns (bool) {
        return !unordered(a, b) && _rank(a) == _rank(b);
    }

    // ---- rounding

    /// @notice value · 2^(scale - 149), rounded to nearest, ties to even.
    /// @param sign 0 or 2^31
    /// @param value an exact integer, or one with a sticky last bit
    /// @param scale may be negative, in two's complement
    /// @param highest where the highest bit of `value` is, more than 23
    function encode(uint256 sign, uint256 value, uint256 scale, uint256 highest) internal pure returns (uint32) {
        unchecked {
            // 24 bits stay, and then the exponent field less one is `field`; but no bit below 2^-149 may stay: where the field
            // would be negative the number is subnormal, and as many bits more are dropped.
            uint256 drop = highest - 23;
            uint256 field = scale + drop;
            if (field >> 255 != 0) {
                drop -= field;
                field = 0;
            }
            // With value = q · 2^drop + r, the addend carries into q if r is more than half of 2^drop, or half and q odd.
            // At least one bit is dropped, so a sticky last bit is never the half itself unless nothing else was cut off.
            uint256 rounded = (value + (1 << (drop - 1)) - 1 + ((value >> drop) & 1)) >> drop;
            // The hidden bit of `rounded` adds the missing one to the field, a subnormal number has none, and a carry out of
            // the fraction goes where it belongs. Past the greatest number comes the pattern of infinity.
            uint256 bits = (field << 23) + rounded;
            if (bits > EXPONENT) bits = EXPONENT;
            return uint32(sign | bits);
        }
    }

    /// @dev The sum of a product of two significands, whose last bit is worth 2^(exponents - 300), and a significand, whose last
    ///      bit is worth 2^(exponent - 150). Neither is zero; both are signed.
    function _fuse(uint256 product, uint256 exponents, uint256 addend, uint256 exponent) private pure returns (uint32) {
        unchecked {
            uint256 sum;
            uint256 scale;
            uint256 lowest;
            // The addend stands at bit 128, and the product at bit `shift` of the same word.
            uint256 shift = exponents - exponent - 22;
            if (shift <= 200) {
                // |product| < 2^48 and |addend| < 2^24: less than 2^249 in all, and exact. A sum much smaller than its terms is a
                // multiple of 2^80, since they can only cancel where both are above it: more than 23 bits always.
                sum = (product << shift) + (addend << 128);
                scale = exponent - 129;
                // Of normal operands that do not cancel, the greater has its highest bit at 151, or at 46 or 47 + shift.
                lowest = shift > 105 ? shift + 44 : 149;
            } else if (shift >> 255 == 0) {
                // The last bit of the product is worth more than 2^72 times that of the addend, which is less than 2^-48 of it.
                // Any number strictly between 0 and the last place of a word rounds it the same: 32 more bits below the product,
                // and one unit there instead. Of at least 33 bits 24 stay, so that roundings change at multiples of 2^8 units.
                sum = (product << 32) + _unit(addend);
                scale = exponents - 183;
                lowest = 76;
            } else {
                // The same the other way round: the product is less than 2^-80 of the addend's last bit.
                sum = (addend << 32) + _unit(product);
                scale = exponent - 33;
                lowest = 53;
            }
            if (sum == 0) return 0;
            uint256 negative = sum >> 255;
            uint256 value = (sum ^ (0 - negative)) + negative;
            return encode(negative << 31, value, scale, HighestBit.near(value, lowest));
        }
    }

    /// @dev fma of any three numbers: what is not a number, infinities and zeros are decided here.
    function _fmaOfAny(uint256 x, uint256 y, uint256 z) private pure returns (uint32) {
        unchecked {
            uint256 a = x & MAGNITUDE;
            uint256 b = y & MAGNITUDE;
            uint256 c = z & MAGNITUDE;
            uint256 sign = (x ^ y) & SIGN;
            if (a > EXPONENT || b > EXPONENT || c > EXPONENT) return NAN;
            if (a == EXPONENT || b == EXPONENT) {
                if (a == 0 || b == 0 || (c == EXPONENT && sign != z & SIGN)) return NAN;
                return uint32(sign | EXPONENT);
            }
            if (c == EXPONENT) return uint32(z);
            if (a == 0 || b == 0) return uint32(c == 0 ? sign & z : z);
            (uint256 m, uint256 e) = _unpacked(a);
            (uint256 n, uint256 f) = _unpacked(b);
            if (c == 0) {
                // 24 zeros below, for a product may have a single bit.
                uint256 value = (m * n) << 24;
                return encode(sign, value, e + f - 175, HighestBit.find(value));
            }
            (uint256 k, uint256 g) = _unpacked(c);
            return _fuse(_signed(sign, m * n), e + f, _signed(z, k), g);
        }
    }

    // ---- parts of numbers

    /// @dev Not zero if the number is normal. The field plus one, modulo 256, is 0 or 1 for the two fields that stand for
    ///      something else, 255 and 0: then its upper seven bits are zero.
    function _normal(uint256 x) private pure returns (uint256) {
        unchecked {
            return (x + HIDDEN) & 0x7f000000;
        }
    }

    /// @dev Significand and exponent of the finite magnitude x.
    function _unpacked(uint256 x) private pure returns (uint256 significand, uint256 exponent) {
        exponent = x >> 23;
        significand = x & FRACTION;
        if (exponent == 0) exponent = 1;
        else significand |= HIDDEN;
    }

    /// @dev The same with 24 bits in the significand, and an exponent that may be less than one, even negative. Not of zero.
    function _normalised(uint256 x) private pure returns (uint256 significand, uint256 exponent) {
        unchecked {
            (significand, exponent) = _unpacked(x);
            if (significand < HIDDEN) {
                uint256 missing = 23 - HighestBit.find(significand);
                significand <<= missing;
                exponent -= missing;
            }
        }
    }

    /// @dev `magnitude` with the sign in bit 31 of `source`, in two's complement.
    function _signed(uint256 source, uint256 magnitude) private pure returns (uint256) {
        unchecked {
            uint256 negative = source >> 31;
            return (magnitude ^ (0 - negative)) + negative;
        }
    }

    /// @dev 1 or -1, of the sign of a word in two's complement.
    function _unit(uint256 word) private pure returns (uint256) {
        unchecked {
            return (0 - (word >> 255)) | 1;
        }
    }

    /// @dev A number's place among all numbers: the same for both zeros.
    function _rank(uint256 x) private pure returns (int256) {
        int256 magnitude = int256(x & MAGNITUDE);
        return x & SIGN == 0 ? magnitude : -magnitude;
    }
}
