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
        uint256 top; // the node's own weights, less what is excluded below each branch
    }

    /// @notice All leaves below a node of level 2 or more in an epoch, with room for `capacity` exclusions and draws.
    function urn(WeightForest.Forest storage forest, uint256 level, uint256 index, uint256 epoch, uint256 capacity)
        internal
        view
        returns (Urn memory self)
    {
        (self.epoch, self.level, self.index) = (epoch, level, index);
        self.top = forest.weightsAt(level, index, epoch);
        self.remaining = WeightForest.sum(self.top);
        self.leaves = new uint256[](capacity);
        self.weights = new uint256[](capacity);
    }

    /// @notice Counts a leaf as zero from now on. A leaf must not be excluded twice. One outside of the urn is left alone.
    function exclude(Urn memory self, WeightForest.Forest storage forest, uint256 leaf) internal view {
        if (leaf >> (3 * self.level) == self.index) _exclude(self, leaf, forest.weightAt(leaf, self.epoch));
    }

    /// @notice The leaf on which `ticket`, less than the remaining weight, falls; it is excluded afterwards.
    function take(Urn memory self, WeightForest.Forest storage forest, uint256 ticket) internal view returns (uint256 leaf) {
        (uint256 branch, uint256 rest) = _fromTop(self.top, ticket);
        uint256 weight;
        (leaf, weight) = _descend(self, forest, self.level - 1, self.index << 3 | branch, rest);
        _exclude(self, leaf, weight);
    }

    /// @dev The branch of the urn's own node. One by one, because the sum of the root of all can be larger than a field.
    function _fromTop(uint256 weights, uint256 ticket) private pure returns (uint256 branch, uint256 rest) {
        unchecked {
            for (rest = ticket;; ++branch) {
                uint256 weight = weights & WeightForest.GREATEST_WEIGHT;
                if (rest < weight) return (branch, rest);
                rest -= weight;
                weights >>= WeightForest.WEIGHT_BITS;
            }
        }
    }

    /// @dev The way down from a node, to the leaf on which a ticket falls that is less than what the node weighs without what is excluded.
    ///
    ///      Assembly, because this is a draw's work: a third of what the same takes in Solidity. In a node one product makes all running
    ///      sums (field j is the sum of the weights 0 to j; none overflows, since a node below the root weighs less than a field can
    ///      hold), and three comparisons find the branch. A node's versions are in the words of `WeightForest.Node`, by
    ///      `nodes[level << 32 | index]`; 28 is WEIGHT_BITS, and 224 EPOCH_SHIFT.
    function _descend(Urn memory self, WeightForest.Forest storage forest, uint256 level, uint256 index, uint256 ticket)
        private
        view
        returns (uint256 node, uint256 weight)
    {
        uint256 everyField = WeightForest.EVERY_FIELD;
        bytes4 forgotten = WeightForest.WeightForest_Forgotten.selector;
        node = index;
        assembly ("memory-safe") {
            let epoch := mload(self)
            let leaves := mload(add(self, 0xa0))
            let end := add(leaves, shl(5, mload(add(self, 0x80))))
            let excluded := sub(mload(add(self, 0xc0)), leaves) // from a leaf's place to its weight's
            mstore(0x20, forest.slot)
            for {} level { level := sub(level, 1) } {
                mstore(0x00, or(shl(32, level), node))
                let place := keccak256(0x00, 0x40)
                let weights := sload(place)
                if gt(shr(224, weights), epoch) {
                    weights := sload(add(place, 1))
                    if gt(shr(224, weights), epoch) { weights := sload(add(place, 2)) }
                    if gt(shr(224, weights), epoch) {
                        mstore(0x00, forgotten)
                        mstore(0x04, epoch)
                        revert(0x00, 0x24)
                    }
                }
                let above := mul(3, level)
                let below := 0
                for { let i := leaves } lt(i, end) {} {
                    i := add(i, 0x20)
                    let leaf := mload(i)
                    if eq(shr(above, leaf), node) {
                        below := 1
                        weights := sub(weights, shl(mul(28, and(shr(sub(above, 3), leaf), 7)), mload(add(i, excluded))))
                    }
                }
                if iszero(below) { end := leaves } // nor is anything excluded further down
                let sums := mul(weights, everyField)
                let branch := shl(2, iszero(lt(ticket, and(shr(84, sums), 0xfffffff))))
                branch := or(branch, shl(1, iszero(lt(ticket, and(shr(add(mul(branch, 28), 28), sums), 0xfffffff)))))
                branch := or(branch, iszero(lt(ticket, and(shr(mul(branch, 28), sums), 0xfffffff))))
                let shift := mul(branch, 28)
                weight := and(shr(shift, weights), 0xfffffff)
                ticket := sub(add(ticket, weight), and(shr(shift, sums), 0xfffffff))
                node := or(shl(3, node), branch)
            }
        }
    }

    function _exclude(Urn memory self, uint256 leaf, uint256 weight) private pure {
        self.leaves[self.excluded] = leaf;
        self.weights[self.excluded] = weight;
        ++self.excluded;
        self.remaining -= weight;
        // No branch holds less than what was excluded below it, so nothing is borrowed from its neighbour.
        self.top -= weight << (WeightForest.WEIGHT_BITS * ((leaf >> (3 * self.level - 3)) & 7));
    }
}
