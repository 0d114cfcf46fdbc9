// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../../libraries/Float32.sol";
import {Float32Dot} from "../../libraries/Float32Dot.sol";
import {Float32Integer} from "../../libraries/Float32Integer.sol";

/// @title binary32 in bulk: what tests/differential compares with the C library and the engine.
/// @dev Operands and results are big-endian and packed: 4 bytes each, 8 where they are 64-bit integers. One call, thousands of cases.
contract Float32Harness {
    function fma(bytes calldata abc) external pure returns (bytes memory results) {
        uint256 count = abc.length / 12;
        results = new bytes(4 * count);
        for (uint256 i = 0; i < count; ++i) {
            _put(results, i, Float32.fma(_at(abc, 3 * i), _at(abc, 3 * i + 1), _at(abc, 3 * i + 2)));
        }
    }

    function add(bytes calldata ab) external pure returns (bytes memory) {
        return _binary(ab, Float32.add);
    }

    function sub(bytes calldata ab) external pure returns (bytes memory) {
        return _binary(ab, Float32.sub);
    }

    function mul(bytes calldata ab) external pure returns (bytes memory) {
        return _binary(ab, Float32.mul);
    }

    function div(bytes calldata ab) external pure returns (bytes memory) {
        return _binary(ab, Float32.div);
    }

    /// @notice Bit 0: unordered, 1: <, 2: <=, 3: =.
    function compare(bytes calldata ab) external pure returns (bytes memory) {
        return _binary(ab, _compare);
    }

    function sqrt(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, Float32.sqrt);
    }

    function truncate(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, Float32Integer.truncate);
    }

    function floor(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, Float32Integer.floor);
    }

    function ceil(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, Float32Integer.ceil);
    }

    function round(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, Float32Integer.round);
    }

    function toInt32(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, _toInt32);
    }

    function toUint32(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, Float32Integer.toUint32);
    }

    function toInt64(bytes calldata a) external pure returns (bytes memory) {
        return _toWide(a, _toInt64);
    }

    function toUint64(bytes calldata a) external pure returns (bytes memory) {
        return _toWide(a, Float32Integer.toUint64);
    }

    function fromInt32(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, _fromInt32);
    }

    function fromUint32(bytes calldata a) external pure returns (bytes memory) {
        return _unary(a, _fromUint32);
    }

    function fromInt64(bytes calldata a) external pure returns (bytes memory) {
        return _fromWide(a, _fromInt64);
    }

    function fromUint64(bytes calldata a) external pure returns (bytes memory) {
        return _fromWide(a, _fromUint64);
    }

    /// @notice Sums of products of as many pairs each, and the gas of each.
    function dot(bytes calldata initial, bytes calldata a, bytes calldata b)
        external
        view
        returns (bytes memory results, uint256[] memory gas)
    {
        results = new bytes(initial.length);
        gas = new uint256[](initial.length / 4);
        for (uint256 i = 0; i < gas.length; ++i) {
            bytes memory left = _share(a, i, gas.length);
            bytes memory right = _share(b, i, gas.length);
            uint256 before = gasleft();
            uint32 result = Float32Dot.dot(_at(initial, i), left, right);
            gas[i] = before - gasleft();
            _put(results, i, result);
        }
    }

    function _share(bytes calldata all, uint256 i, uint256 count) private pure returns (bytes memory) {
        uint256 length = all.length / count;
        return all[length * i:length * (i + 1)];
    }

    // ---- loops

    function _unary(bytes calldata a, function(uint32) internal pure returns (uint32) f) private pure returns (bytes memory results) {
        uint256 count = a.length / 4;
        results = new bytes(4 * count);
        for (uint256 i = 0; i < count; ++i) {
            _put(results, i, f(_at(a, i)));
        }
    }

    function _binary(bytes calldata ab, function(uint32, uint32) internal pure returns (uint32) f)
        private
        pure
        returns (bytes memory results)
    {
        uint256 count = ab.length / 8;
        results = new bytes(4 * count);
        for (uint256 i = 0; i < count; ++i) {
            _put(results, i, f(_at(ab, 2 * i), _at(ab, 2 * i + 1)));
        }
    }

    function _toWide(bytes calldata a, function(uint32) internal pure returns (uint64) f) private pure returns (bytes memory results) {
        uint256 count = a.length / 4;
        results = new bytes(8 * count);
        for (uint256 i = 0; i < count; ++i) {
            uint64 wide = f(_at(a, i));
            _put(results, 2 * i, uint32(wide >> 32));
            _put(results, 2 * i + 1, uint32(wide));
        }
    }

    function _fromWide(bytes calldata a, function(uint64) internal pure returns (uint32) f) private pure returns (bytes memory results) {
        uint256 count = a.length / 8;
        results = new bytes(4 * count);
        for (uint256 i = 0; i < count; ++i) {
            _put(results, i, f(uint64(bytes8(a[8 * i:8 * i + 8]))));
        }
    }

    function _at(bytes calldata words, uint256 i) private pure returns (uint32) {
        unchecked {
            return uint32(bytes4(words[4 * i:4 * i + 4]));
        }
    }

    function _put(bytes memory words, uint256 i, uint32 word) private pure {
        // Bytes one by one would cost more than what is tested.
        assembly ("memory-safe") {
            let place := add(add(words, 32), mul(4, i))
            let rest := and(mload(place), shr(32, not(0)))
            mstore(place, or(shl(224, word), rest))
        }
    }

    // ---- one type for all

    function _compare(uint32 a, uint32 b) private pure returns (uint32 bits) {
        if (Float32.unordered(a, b)) bits |= 1;
        if (Float32.lt(a, b)) bits |= 2;
        if (Float32.le(a, b)) bits |= 4;
        if (Float32.eq(a, b)) bits |= 8;
    }

    function _toInt32(uint32 a) private pure returns (uint32) {
        return uint32(Float32Integer.toInt32(a));
    }

    function _toInt64(uint32 a) private pure returns (uint64) {
        return uint64(Float32Integer.toInt64(a));
    }

    function _fromInt32(uint32 a) private pure returns (uint32) {
        return Float32Integer.fromInt(int32(a));
    }

    function _fromUint32(uint32 a) private pure returns (uint32) {
        return Float32Integer.fromUint(a);
    }

    function _fromInt64(uint64 a) private pure returns (uint32) {
        return Float32Integer.fromInt(int64(a));
    }

    function _fromUint64(uint64 a) private pure returns (uint32) {
        return Float32Integer.fromUint(a);
    }
}
