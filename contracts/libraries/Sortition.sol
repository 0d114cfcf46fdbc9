// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {WeightForest} from "./WeightForest.sol";

/// @title Exact weighted draws without replacement from a forest of weights.
/// @notice The remaining weights are thought laid out in leaf order; a ticket in [0, remaining) falls on one leaf. A leaf that
///         was excluded or drawn counts zero, so no ticket falls on it again: nothing is ever drawn twice or retried.
/// @dev One draw reads one word a level and takes what is excluded below that node out of it: O(levels · (8 + excluded)),
///      whatever the number of leaves. Callers bound the number of excluded leaves by the size of a committee.
library Sortition {
    using WeightForest for WeightForest.Forest;

    struct Urn {
        uint256 epoch;
        uint256 level; // of the node below which is drawn
        uint256 index; // of that node
        uint256 remaining; // weight not yet excluded
        uint256 excluded; // how many of the arrays' entries are used
        uint256[] leaves;
        uint256[] weights; // theirs
    }

    /// @notice All leaves below a node in an epoch, with room for `capacity` exclusions and draws.
    function urn(WeightForest.Forest storage forest, uint256 level, uint256 index, uint256 epoch, uint256 capacity)
        internal
        view
        returns (Urn memory self)
    {
        (self.epoch, self.level, self.index) = (epoch, level, index);
        self.remaining = WeightForest.sum(forest.weightsAt(level, index, epoch));
        self.leaves = new uint256[](capacity);
        self.weights = new uint256[](capacity);
    }

    /// @notice Counts a leaf as zero from now on. A leaf must not be excluded twice. One outside of the urn is left alone.
    function exclude(Urn memory self, WeightForest.Forest storage forest, uint256 leaf) internal view {
        if (leaf >> (3 * self.level) == self.index) _exclude(self, leaf, forest.weightAt(leaf, self.epoch));
    }

    /// @notice The leaf on which `ticket`, less than the remaining weight, falls; it is excluded afterwards.
    function take(Urn memory self, WeightForest.Forest storage forest, uint256 ticket) internal view returns (uint256 node) {
        node = self.index;
        uint256 weight = 0;
        uint256 epoch = self.epoch;
        // The ticket is less than the sum of a node's branches, so the walk ends at one of the eight, at each level.
        unchecked {
            for (uint256 level = self.level; level > 0; --level) {
                uint256 weights = _withoutExcluded(self, level, node, forest.weightsAt(level, node, epoch));
                node <<= 3;
                weight = weights & WeightForest.GREATEST_WEIGHT;
                while (ticket >= weight) {
                    ticket -= weight;
                    weights >>= WeightForest.WEIGHT_BITS;
                    weight = weights & WeightForest.GREATEST_WEIGHT;
                    ++node;
                }
            }
        }
        _exclude(self, node, weight);
    }

    function _exclude(Urn memory self, uint256 leaf, uint256 weight) private pure {
        self.leaves[self.excluded] = leaf;
        self.weights[self.excluded] = weight;
        ++self.excluded;
        self.remaining -= weight;
    }

    /// @dev A node's weights less what was excluded below each branch. No branch holds less than that, so nothing is borrowed from
    ///      its neighbour. Assembly, because this runs for every excluded leaf at every level: it is most of a draw's work.
    function _withoutExcluded(Urn memory self, uint256 level, uint256 node, uint256 weights) private pure returns (uint256 rest) {
        uint256 count = self.excluded;
        uint256[] memory leaves = self.leaves;
        uint256[] memory excluded = self.weights;
        rest = weights;
        assembly ("memory-safe") {
            let above := mul(3, level)
            let below := sub(above, 3)
            let end := add(0x20, shl(5, count))
            for { let i := 0x20 } lt(i, end) { i := add(i, 0x20) } {
                let leaf := mload(add(leaves, i))
                if eq(shr(above, leaf), node) {
                    // 28 is WeightForest.WEIGHT_BITS
                    rest := sub(rest, shl(mul(28, and(shr(below, leaf), 7)), mload(add(excluded, i))))
                }
            }
        }
    }
}
