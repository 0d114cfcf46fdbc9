// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The draw as docs/protocol.md §7 says it, without a tree: the remaining weights laid out in leaf order.
library ReferenceDraw {
    /// @param holders by leaf, zero where nobody is
    /// @param weights by leaf
    function draw(bytes32 seed, uint256 count, address[] memory seated, address[] memory holders, uint256[] memory weights)
        internal
        pure
        returns (address[] memory drawn)
    {
        uint256[] memory left = new uint256[](weights.length);
        uint256 remaining = 0;
        for (uint256 i = 0; i < weights.length; ++i) {
            if (_contains(seated, holders[i])) continue;
            left[i] = weights[i];
            remaining += weights[i];
        }
        address[] memory list = new address[](count);
        uint256 found = 0;
        while (found < count && remaining > 0) {
            uint256 ticket = uint256(keccak256(abi.encode(seed, seated.length + found))) % remaining;
            uint256 leaf = 0;
            while (ticket >= left[leaf]) {
                ticket -= left[leaf++];
            }
            list[found++] = holders[leaf];
            remaining -= left[leaf];
            left[leaf] = 0;
        }
        drawn = new address[](found);
        for (uint256 i = 0; i < found; ++i) {
            drawn[i] = list[i];
        }
    }

    function _contains(address[] memory list, address account) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == account) return true;
        }
        return false;
    }
}
