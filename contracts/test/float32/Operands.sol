// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../../libraries/Float32.sol";
import {Float32Integer} from "../../libraries/Float32Integer.sol";

/// @title Operands of binary32 for tests: hard ones out of fuzzed words, ordinary ones out of a counter.
library Operands {
    uint32 internal constant SIGN = 0x80000000;
    uint32 internal constant LEAST = 0x00000001; // 2^-149
    uint32 internal constant LEAST_NORMAL = 0x00800000; // 2^-126
    uint32 internal constant GREATEST = 0x7f7fffff;
    uint32 internal constant TWO = 0x40000000;
    uint32 internal constant HALF = 0x3f000000;

    /// @notice A number of any kind, each about as often.
    function any(uint256 word) internal pure returns (uint32) {
        uint256 kind = word % 8;
        uint256 bits = uint256(keccak256(abi.encode(word)));
        uint32 sign = uint32(bits & SIGN);
        if (kind == 0) return sign; // a zero
        if (kind == 1) return sign | uint32(bits & 0x007fffff); // subnormal
        if (kind == 2) return sign | uint32(0x7f000000 + (bits & 0x00ffffff)); // huge, infinite or no number
        if (kind == 3) return uint32(bits); // any
        if (kind == 4) return sign | uint32(LEAST_NORMAL + (bits & 0x03ffffff)); // tiny
        if (kind == 5) return sign | uint32((120 + (bits >> 40) % 16) << 23); // a power of two near 1
        return sign | uint32((120 + (bits >> 40) % 16) << 23) | uint32(bits & 0x007fffff); // near 1
    }

    /// @notice A finite number.
    function finite(uint256 word) internal pure returns (uint32) {
        uint32 number = any(word);
        return number & Float32.INFINITY == Float32.INFINITY ? number ^ 0x40000000 : number;
    }

    /// @notice About normally distributed, with mean 0 and variance 1: the sum of twelve uniform numbers less six.
    function gaussian(uint256 seed) internal pure returns (uint32) {
        uint256 bits = uint256(keccak256(abi.encode(seed)));
        int256 sum = -6 * 2 ** 20;
        for (uint256 i = 0; i < 12; ++i) {
            sum += int256((bits >> (20 * i)) & 0xfffff);
        }
        return Float32.mul(Float32Integer.fromInt(sum), 0x35800000); // 2^-20
    }
}
