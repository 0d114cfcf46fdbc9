// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HighestBit} from "../../libraries/HighestBit.sol";
import {TestBase} from "../support/TestBase.sol";

contract HighestBitTest is TestBase {
    function test_EveryPowerOfTwoAndWhatIsBelowItIsFound() public pure {
        for (uint256 i = 0; i < 256; ++i) {
            assertEq(HighestBit.find(1 << i), i, "a power of two");
            assertEq(HighestBit.find((1 << i) | ((1 << i) - 1)), i, "all ones");
        }
    }

    function test_AHintChangesNothing() public pure {
        for (uint256 i = 0; i < 256; ++i) {
            for (uint256 lowest = 0; lowest < 256; lowest += 3) {
                assertEq(HighestBit.near(1 << i, lowest), i, "a power of two");
            }
        }
    }

    function testFuzz_TheHighestBitIsFoundInAnyWord(uint256 x, uint256 hint) public pure {
        if (x == 0) x = 1;
        uint256 position = HighestBit.find(x);
        assertEq(x >> position, 1, "nothing above");
        assertEq(HighestBit.near(x, hint % 256), position, "with a hint");
    }
}
