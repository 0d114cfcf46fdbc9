// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Weights of up to 2²¹ leaves, as they are from one epoch to the next.
/// @notice A tree of seven levels with eight branches each, so that a leaf's number, read in base 8, is the way to it. The two
///         levels at the top tell 64 trees apart, one for each environment class: tree `t` holds the leaves `t · 2¹⁵` and up,
///         and its root is node `t` of level 5. Node 0 of level 7 is the root of all.
///
///         A change made in one epoch counts from the next on. Every node keeps its last three versions, which is enough to
///         read the forest as it is, as it was in the epoch before, and as it will be in the next. Nothing older can be read,
///         and is refused instead of being answered wrongly.
/// @dev A node is one word for each version:
///
///          bits 224–255   the epoch from which it counts
///          bits 28i–28i+27, i = 0 … 7   the weight below branch i
///
///      so a draw reads one word a level if a node has not changed in this epoch, and its cost does not depend on the number of
///      leaves. Level 1 has the leaves' own weights.
library WeightForest {
    uint256 internal constant LEVELS = 7;
    uint256 internal constant TREE_LEVELS = 5;
    uint256 internal constant TREES = 64;
    uint256 internal constant TREE_CAPACITY = 1 << (3 * TREE_LEVELS);
    /// @dev Of a leaf, of a tree, and of eight trees together.
    uint256 internal constant GREATEST_WEIGHT = 0xfffffff;
    uint256 internal constant WEIGHT_BITS = 28;
    uint256 private constant EPOCH_SHIFT = 224;
    uint256 private constant WEIGHTS = (1 << EPOCH_SHIFT) - 1;

    struct Node {
        uint256 latest;
        uint256 previous;
        uint256 beforeThat;
    }

    struct Forest {
        mapping(uint256 levelAndIndex => Node) nodes;
    }

    error WeightForest_TooHeavy(uint256 have, uint256 limit);
    error WeightForest_Forgotten(uint256 epoch);

    /// @notice Gives a leaf its weight from the epoch `from` on, which must not be before that of any change so far.
    /// @dev Writes seven words, twice or three times as many for the first change of an epoch.
    function set(Forest storage self, uint256 leaf, uint256 weight, uint256 from) internal {
        uint256 shift = _shiftOf(leaf);
        uint256 old = (self.nodes[_key(1, leaf >> 3)].latest >> shift) & GREATEST_WEIGHT;
        if (weight == old) return; // before a version is spent on it
        uint256 before = _touch(self, 1, leaf >> 3, from);
        // At most LEVELS turns: the same difference at each level.
        for (uint256 level = 1;; ++level) {
            uint256 now_ = ((before >> shift) & GREATEST_WEIGHT) + weight - old;
            if (now_ > GREATEST_WEIGHT) revert WeightForest_TooHeavy(now_, GREATEST_WEIGHT);
            uint256 index = leaf >> (3 * level);
            self.nodes[_key(level, index)].latest = (before & ~(GREATEST_WEIGHT << shift)) | (now_ << shift);
            if (level == LEVELS) return;
            before = _touch(self, level + 1, index >> 3, from);
            shift = _shiftOf(index);
        }
    }

    /// @notice The weights below a node in an epoch, packed, without the epoch.
    /// @dev As `self.nodes[_key(level, index)]` has them, at half of the price: a draw does nothing as often. 224 is EPOCH_SHIFT.
    function weightsAt(Forest storage self, uint256 level, uint256 index, uint256 epoch) internal view returns (uint256 weights) {
        bytes4 forgotten = WeightForest_Forgotten.selector;
        assembly ("memory-safe") {
            mstore(0x00, or(shl(32, level), index))
            mstore(0x20, self.slot)
            let node := keccak256(0x00, 0x40)
            weights := sload(node)
            if gt(shr(224, weights), epoch) {
                weights := sload(add(node, 1))
                if gt(shr(224, weights), epoch) { weights := sload(add(node, 2)) }
                if gt(shr(224, weights), epoch) {
                    mstore(0x00, forgotten)
                    mstore(0x04, epoch)
                    revert(0x00, 0x24)
                }
            }
            weights := shr(32, shl(32, weights))
        }
    }

    /// @notice The weight of a leaf in an epoch.
    function weightAt(Forest storage self, uint256 leaf, uint256 epoch) internal view returns (uint256) {
        return (weightsAt(self, 1, leaf >> 3, epoch) >> _shiftOf(leaf)) & GREATEST_WEIGHT;
    }

    /// @notice The weight of a tree in an epoch.
    function treeWeightAt(Forest storage self, uint256 tree, uint256 epoch) internal view returns (uint256) {
        return (weightsAt(self, TREE_LEVELS + 1, tree >> 3, epoch) >> _shiftOf(tree)) & GREATEST_WEIGHT;
    }

    /// @notice The weight of all trees before this one in an epoch.
    function weightBefore(Forest storage self, uint256 tree, uint256 epoch) internal view returns (uint256) {
        uint256 above = weightsAt(self, LEVELS, 0, epoch) & ((1 << _shiftOf(tree >> 3)) - 1);
        uint256 beside = weightsAt(self, TREE_LEVELS + 1, tree >> 3, epoch) & ((1 << _shiftOf(tree)) - 1);
        return sum(above) + sum(beside);
    }

    /// @notice The sum of the eight weights of a word.
    function sum(uint256 weights) internal pure returns (uint256 total) {
        unchecked {
            for (; weights != 0; weights >>= WEIGHT_BITS) {
                total += weights & GREATEST_WEIGHT;
            }
        }
    }

    /// @dev The latest version, made to count from `from`; what it replaces moves down one place.
    function _touch(Forest storage self, uint256 level, uint256 index, uint256 from) private returns (uint256) {
        Node storage node = self.nodes[_key(level, index)];
        uint256 latest = node.latest;
        if (latest >> EPOCH_SHIFT == from) return latest;
        if (latest != 0) {
            uint256 previous = node.previous;
            if (previous != 0) node.beforeThat = previous;
            node.previous = latest;
        }
        return (from << EPOCH_SHIFT) | (latest & WEIGHTS);
    }

    function _key(uint256 level, uint256 index) private pure returns (uint256) {
        return (level << 32) | index;
    }

    /// @dev Where the branch that leads to a child is in its parent's word.
    function _shiftOf(uint256 child) private pure returns (uint256) {
        return WEIGHT_BITS * (child & 7);
    }
}
