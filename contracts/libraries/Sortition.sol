// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "./SumTree.sol";

/// @title Exact weighted draws without replacement from a sum tree at a past block.
/// @notice The remaining weights are thought laid out in leaf order; a ticket in [0, remaining) falls on one leaf. A leaf that
///         was excluded or drawn counts zero, so no ticket falls on it again: nothing is ever drawn twice or retried.
/// @dev One draw reads at most DEPTH nodes and compares each with the excluded leaves: O(depth · excluded), whatever the
///      number of validators. Callers bound the number of excluded leaves by the size of a committee.
library Sortition {
    using SumTree for SumTree.Tree;

    struct Urn {
        uint48 blockNumber;
        uint256 height; // of the tree at that block
        uint256 remaining; // weight not yet excluded
        uint256 excluded; // how many of the arrays' entries are used
        uint256[] leaves; // heap numbers of excluded leaves
        uint256[] weights; // theirs
    }

    /// @notice The tree at the end of a past block, with room for `capacity` exclusions and draws.
    function urn(SumTree.Tree storage tree, uint48 blockNumber, uint256 capacity) internal view returns (Urn memory self) {
        self.blockNumber = blockNumber;
        self.height = tree.heightAt(blockNumber);
        self.remaining = tree.totalAt(blockNumber);
        self.leaves = new uint256[](capacity);
        self.weights = new uint256[](capacity);
    }

    /// @notice Counts a leaf as zero from now on. A leaf must not be excluded twice.
    function exclude(Urn memory self, SumTree.Tree storage tree, uint256 leaf) internal view {
        _exclude(self, SumTree.CAPACITY + leaf, tree.weightAt(leaf, self.blockNumber));
    }

    /// @notice The leaf on which `ticket`, less than the remaining weight, falls; it is excluded afterwards.
    function take(Urn memory self, SumTree.Tree storage tree, uint256 ticket) internal view returns (uint256) {
        uint256 node = SumTree.CAPACITY >> self.height;
        uint256 span = self.remaining; // weight below the node that is not excluded; always more than the ticket
        for (uint256 level = self.height; level > 0; --level) {
            node <<= 1;
            uint256 left = tree.leftAt(node, self.blockNumber) - _excludedBelow(self, node, level - 1);
            if (ticket < left) {
                span = left;
            } else {
                ticket -= left;
                span -= left;
                ++node;
            }
        }
        _exclude(self, node, span);
        return node - SumTree.CAPACITY;
    }

    function _exclude(Urn memory self, uint256 leaf, uint256 weight) private pure {
        self.leaves[self.excluded] = leaf;
        self.weights[self.excluded] = weight;
        ++self.excluded;
        self.remaining -= weight;
    }

    /// @dev The excluded weight below the node `level` levels above the leaves.
    function _excludedBelow(Urn memory self, uint256 node, uint256 level) private pure returns (uint256 weight) {
        uint256 count = self.excluded;
        for (uint256 i = 0; i < count; ++i) {
            if (self.leaves[i] >> level == node) weight += self.weights[i];
        }
    }
}
