// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../../libraries/Float32.sol";
import {Float32Dot} from "../../libraries/Float32Dot.sol";
import {Float32Integer} from "../../libraries/Float32Integer.sol";
import {TestBase} from "../support/TestBase.sol";
import {Operands} from "./Operands.sol";

/// @notice Gas of one operation within a contract, its call and return included, as the mean over many operands; and of a whole
///         transaction. docs/gas.md says what the operands are.
contract Float32GasTest is TestBase {
    using Operands for uint256;

    string private constant GROUP = "Float32";
    uint256 private constant COUNT = 256;

    function test_GasOfFma() public {
        (uint256 mean, uint256 greatest) = measureFma(Operands.gaussian);
        vm.snapshotValue(GROUP, "fma, gaussian", mean);
        (mean, greatest) = measureFma(Operands.any);
        vm.snapshotValue(GROUP, "fma, hard operands", mean);
        vm.snapshotValue(GROUP, "fma, hard operands, the worst", greatest);
    }

    function test_GasOfOperationsOnTwoNumbers() public {
        vm.snapshotValue(GROUP, "add, gaussian", measureBinary(Float32.add));
        vm.snapshotValue(GROUP, "sub, gaussian", measureBinary(Float32.sub));
        vm.snapshotValue(GROUP, "mul, gaussian", measureBinary(Float32.mul));
        vm.snapshotValue(GROUP, "div, gaussian", measureBinary(Float32.div));
        vm.snapshotValue(GROUP, "lt, gaussian", measureBinary(less));
    }

    function test_GasOfOperationsOnOneNumber() public {
        vm.snapshotValue(GROUP, "sqrt, gaussian", measureUnary(rootOfMagnitude));
        vm.snapshotValue(GROUP, "round, gaussian", measureUnary(Float32Integer.round));
        vm.snapshotValue(GROUP, "toInt64, gaussian", measureUnary(toInteger));
        vm.snapshotValue(GROUP, "fromUint, 32 bits", measureUnary(fromBits));
    }

    function test_GasOfSumsOfProducts() public {
        vm.snapshotValue(GROUP, "dot of 8 gaussian pairs, a pair", measureDot(8, Operands.gaussian, Operands.gaussian));
        vm.snapshotValue(GROUP, "dot of 64 gaussian pairs, a pair", measureDot(64, Operands.gaussian, Operands.gaussian));
        vm.snapshotValue(GROUP, "dot of 256 gaussian pairs, a pair", measureDot(256, Operands.gaussian, Operands.gaussian));
        vm.snapshotValue(GROUP, "dot of 64 pairs after Relu, a pair", measureDot(64, rectified, Operands.gaussian));
        vm.snapshotValue(GROUP, "dot of 64 tiny pairs, a pair", measureDot(64, tiny, tiny));
        vm.snapshotValue(GROUP, "dot of 64 hard pairs, a pair", measureDot(64, Operands.any, Operands.any));
    }

    function test_GasOfTheGoal() public {
        vm.snapshotValue("goals", "fma_average", measureDot(64, Operands.gaussian, Operands.gaussian));
    }

    function test_GasOfAWholeTransaction() public {
        bytes memory a = numbers(64, 1, Operands.gaussian);
        bytes memory b = numbers(64, 2, Operands.gaussian);
        DotCaller caller = new DotCaller();
        caller.dot(0, a, b);
        vm.snapshotGasLastCall(GROUP, "transaction, dot of 64 gaussian pairs");
    }

    // ---- what is measured

    function measureFma(function(uint256) internal pure returns (uint32) draw) private view returns (uint256 mean, uint256 greatest) {
        for (uint256 i = 0; i < COUNT; ++i) {
            uint32 a = draw(3 * i);
            uint32 b = draw(3 * i + 1);
            uint32 c = draw(3 * i + 2);
            uint256 gas = gasleft();
            Float32.fma(a, b, c);
            gas -= gasleft();
            mean += gas;
            if (gas > greatest) greatest = gas;
        }
        mean /= COUNT;
    }

    function measureBinary(function(uint32, uint32) internal pure returns (uint32) f) private view returns (uint256 mean) {
        for (uint256 i = 0; i < COUNT; ++i) {
            uint32 a = (2 * i).gaussian();
            uint32 b = (2 * i + 1).gaussian();
            uint256 gas = gasleft();
            f(a, b);
            mean += gas - gasleft();
        }
        mean /= COUNT;
    }

    function measureUnary(function(uint32) internal pure returns (uint32) f) private view returns (uint256 mean) {
        for (uint256 i = 0; i < COUNT; ++i) {
            uint32 a = i.gaussian();
            uint256 gas = gasleft();
            f(a);
            mean += gas - gasleft();
        }
        mean /= COUNT;
    }

    /// @dev The mean over eight sums, for each of their pairs: with all that is done once for a sum.
    function measureDot(
        uint256 length,
        function(uint256) internal pure returns (uint32) left,
        function(uint256) internal pure returns (uint32) right
    ) private view returns (uint256 mean) {
        for (uint256 i = 0; i < 8; ++i) {
            bytes memory a = numbers(length, 2 * i, left);
            bytes memory b = numbers(length, 2 * i + 1, right);
            uint256 gas = gasleft();
            Float32Dot.dot(0, a, b);
            mean += gas - gasleft();
        }
        mean /= 8 * length;
    }

    // ---- operands

    function numbers(uint256 length, uint256 seed, function(uint256) internal pure returns (uint32) draw)
        private
        pure
        returns (bytes memory all)
    {
        all = new bytes(4 * length);
        for (uint256 i = 0; i < length; ++i) {
            bytes4 number = bytes4(draw(uint256(keccak256(abi.encode(seed, i)))));
            for (uint256 j = 0; j < 4; ++j) {
                all[4 * i + j] = number[j];
            }
        }
    }

    function rectified(uint256 word) private pure returns (uint32) {
        uint32 number = word.gaussian();
        return number >> 31 == 0 ? number : 0;
    }

    /// @dev Around 2^-70: products are subnormal or less.
    function tiny(uint256 word) private pure returns (uint32) {
        return Float32.mul(word.gaussian(), 0x1c800000);
    }

    // ---- operations of other types, as functions of numbers

    function less(uint32 a, uint32 b) private pure returns (uint32) {
        return Float32.lt(a, b) ? 1 : 0;
    }

    function rootOfMagnitude(uint32 a) private pure returns (uint32) {
        return Float32.sqrt(a & 0x7fffffff);
    }

    function toInteger(uint32 a) private pure returns (uint32) {
        return uint32(uint64(Float32Integer.toInt64(a)));
    }

    function fromBits(uint32 a) private pure returns (uint32) {
        return Float32Integer.fromUint(a);
    }
}

contract DotCaller {
    function dot(uint32 initial, bytes calldata a, bytes calldata b) external pure returns (uint32) {
        return Float32Dot.dot(initial, a, b);
    }
}
