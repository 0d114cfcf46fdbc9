// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Where the highest set bit of a word is.
/// @dev For every EVM. `osaka/HighestBit.sol` is the same for chains with the CLZ instruction (EIP-7939); forge's profile
///      `osaka` remaps this file to it.
library HighestBit {
    /// @dev Byte i is the position of the highest bit of i, for i in 0..31 (of 0: 0).
    uint256 private constant POSITIONS = 0x0000010102020202030303030303030304040404040404040404040404040404;

    /// @notice floor(log2(x)).
    /// @param x not zero
    function find(uint256 x) internal pure returns (uint256) {
        return Math.log2(x);
    }

    /// @notice The same, quickly if the highest bit is one of the five from `lowest` on.
    /// @param x not zero
    function near(uint256 x, uint256 lowest) internal pure returns (uint256 position) {
        uint256 top = x >> lowest;
        if (top == 0 || top > 31) return find(x);
        // A look-up where a search takes four times the gas. Solidity has no `byte`.
        assembly ("memory-safe") {
            position := add(lowest, byte(top, POSITIONS))
        }
    }
}
