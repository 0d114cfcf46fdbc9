// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a draw must give, the plainest way: a list of weights, walked through from the first leaf.
library ReferenceDraw {
    /// @param weights by leaf; those drawn become zero
    /// @param first the seat to draw for
    /// @return leaves in the order of their seats; fewer than `count` when no weight is left
    function draw(bytes32 seed, uint256 first, uint256 count, uint256[] memory weights) internal pure returns (uint256[] memory leaves) {
        leaves = new uint256[](count);
        for (uint256 seat = 0; seat < count; ++seat) {
            uint256 total = 0;
            for (uint256 i = 0; i < weights.length; ++i) {
                total += weights[i];
            }
            if (total == 0) {
                assembly ("memory-safe") {
                    mstore(leaves, seat)
                }
                return leaves;
            }
            uint256 ticket = uint256(keccak256(abi.encode(seed, first + seat))) % total;
            uint256 leaf = 0;
            while (ticket >= weights[leaf]) {
                ticket -= weights[leaf];
                ++leaf;
            }
            (leaves[seat], weights[leaf]) = (leaf, 0);
        }
    }
}
