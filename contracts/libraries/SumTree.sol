// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title A tree of weights that remembers what it was at the end of every past block.
/// @notice Up to 4,096 leaves. Nodes have heap numbers: the root is 1, the children of n are 2n and 2n + 1, leaf i is 4096 + i.
///         Each is a trace of checkpoints keyed by block number.
/// @dev Two savings, because a checkpoint is a new storage slot:
///      - A search goes left or right by the weight on the left alone, so that of the inner nodes only left children (even
///        numbers) are kept. The total is kept apart, at node 1.
///      - Only the smallest subtree that spans the leaves in use is kept and searched; its height grows when a leaf falls
///        outside it. Then the subtree of before becomes a left child that nobody kept, so it starts with the total. Its
///        trace says nothing of earlier blocks, and needs not: the heights are a trace too, and a search at a block before
///        the growth begins below it.
library SumTree {
    using Checkpoints for Checkpoints.Trace208;

    uint256 internal constant DEPTH = 12;
    uint256 internal constant CAPACITY = 1 << DEPTH;
    uint256 private constant TOTAL = 1;

    struct Tree {
        mapping(uint256 node => Checkpoints.Trace208) weights;
        Checkpoints.Trace208 heights;
    }

    error SumTree_NoSuchLeaf(uint256 leaf);

    /// @notice Gives a leaf its weight from this block on. Writes at most DEPTH + 3 checkpoints.
    function set(Tree storage self, uint256 leaf, uint256 weight) internal {
        require(leaf < CAPACITY, SumTree_NoSuchLeaf(leaf));
        uint48 today = SafeCast.toUint48(block.number);
        uint256 root = CAPACITY >> _heightFor(self, leaf, today);
        uint256 node = CAPACITY + leaf;
        (uint256 before,) = self.weights[node].push(today, SafeCast.toUint208(weight));
        _shift(self, TOTAL, today, before, weight);
        // At most DEPTH - 1 steps.
        for (node >>= 1; node > root; node >>= 1) {
            if (node % 2 == 0) _shift(self, node, today, before, weight);
        }
    }

    /// @notice The weight of a leaf at the end of a past block.
    function weightAt(Tree storage self, uint256 leaf, uint48 blockNumber) internal view returns (uint256) {
        return self.weights[CAPACITY + leaf].upperLookupRecent(blockNumber);
    }

    /// @notice The weight of all leaves at the end of a past block.
    function totalAt(Tree storage self, uint48 blockNumber) internal view returns (uint256) {
        return self.weights[TOTAL].upperLookupRecent(blockNumber);
    }

    /// @notice The height of the subtree that spanned all weights at the end of a past block.
    function heightAt(Tree storage self, uint48 blockNumber) internal view returns (uint256) {
        return self.heights.upperLookupRecent(blockNumber);
    }

    /// @notice The weight below an even node, inner or leaf, at the end of a past block at which the tree was higher than it.
    function leftAt(Tree storage self, uint256 node, uint48 blockNumber) internal view returns (uint256) {
        return self.weights[node].upperLookupRecent(blockNumber);
    }

    /// @dev The height that spans `leaf`, after growing to it. At most DEPTH steps in the life of a tree.
    function _heightFor(Tree storage self, uint256 leaf, uint48 today) private returns (uint256 height) {
        height = self.heights.latest();
        if (leaf >> height == 0) return height;
        uint208 total = self.weights[TOTAL].latest();
        do {
            self.weights[CAPACITY >> height].push(today, total);
            ++height;
        } while (leaf >> height != 0);
        self.heights.push(today, SafeCast.toUint208(height));
    }

    /// @dev Replaces `before` by `weight` in a node's sum.
    function _shift(Tree storage self, uint256 node, uint48 today, uint256 before, uint256 weight) private {
        Checkpoints.Trace208 storage trace = self.weights[node];
        trace.push(today, SafeCast.toUint208(trace.latest() + weight - before));
    }
}
