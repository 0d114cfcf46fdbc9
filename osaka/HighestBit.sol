// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Where the highest set bit of a word is: contracts/libraries/HighestBit.sol for chains with CLZ (EIP-7939).
/// @dev CLZ costs 5 gas and Solidity has no other name for it than the assembly's.
library HighestBit {
    /// @notice floor(log2(x)).
    /// @param x not zero
    function find(uint256 x) internal pure returns (uint256 position) {
        assembly ("memory-safe") {
            position := sub(255, clz(x))
        }
    }

    /// @notice The same: a hint is of no use here.
    function near(uint256 x, uint256) internal pure returns (uint256 position) {
        assembly ("memory-safe") {
            position := sub(255, clz(x))
        }
    }
}
