// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {WeightForest} from "./WeightForest.sol";

/// @title Who is on which leaf of a forest.
/// @notice A leaf is given to somebody else only when no draw can still see its last holder there. A draw sees the weights of its
///         own epoch or of the one before. A leaf given up in epoch e weighs nothing from e + 1 on, so the last draw that
///         can fall on it is made in e + 1, and from e + 2 on it is free. Holders therefore need no history.
library Leaves {
    using SafeCast for uint256;

    /// @dev Epochs from giving a leaf up to giving it away.
    uint256 internal constant REST = 2;

    struct Vacancy {
        uint32 leaf; // within its tree
        uint32 epoch; // in which it was given up
    }

    /// @dev The leaves of one tree. The vacancies are a queue: the one that has rested longest is used first.
    struct Tree {
        uint32 used; // leaves ever used: 0 … used-1
        uint32 held; // leaves that somebody is on now
        uint32 first; // the next vacancy to be used
        uint32 end; // where the next vacancy goes
        uint32 emptiedAt; // the epoch in which `held` last became zero
        mapping(uint256 place => Vacancy) vacancies;
    }

    struct Book {
        mapping(uint256 tree => Tree) trees;
        mapping(uint256 leaf => address) holders;
    }

    error Leaves_Full(uint256 tree, uint256 capacity);

    /// @notice Puts an account that has no leaf on one of a tree: the vacancy that has rested longest, or else a new leaf.
    function take(Book storage self, uint256 treeIndex, address account, uint256 epoch) internal returns (uint256 leaf) {
        Tree storage tree = self.trees[treeIndex];
        if (_hasRested(tree, epoch)) leaf = tree.vacancies[tree.first++].leaf;
        else if (tree.used < WeightForest.TREE_CAPACITY) leaf = tree.used++;
        else revert Leaves_Full(treeIndex, WeightForest.TREE_CAPACITY);
        ++tree.held;
        leaf += treeIndex * WeightForest.TREE_CAPACITY;
        self.holders[leaf] = account;
    }

    /// @notice Takes whoever is on a leaf off it. Its name stays there until the leaf is given away.
    function vacate(Book storage self, uint256 leaf, uint256 epoch) internal {
        Tree storage tree = self.trees[leaf / WeightForest.TREE_CAPACITY];
        tree.vacancies[tree.end++] = Vacancy((leaf % WeightForest.TREE_CAPACITY).toUint32(), epoch.toUint32());
        if (--tree.held == 0) tree.emptiedAt = epoch.toUint32();
    }

    /// @notice Whether nobody is on a leaf of the tree, and no draw can still see who was.
    function isIdle(Book storage self, uint256 treeIndex, uint256 epoch) internal view returns (bool) {
        Tree storage tree = self.trees[treeIndex];
        return tree.held == 0 && (tree.used == 0 || epoch >= tree.emptiedAt + REST);
    }

    function _hasRested(Tree storage tree, uint256 epoch) private view returns (bool) {
        return tree.first != tree.end && epoch >= tree.vacancies[tree.first].epoch + REST;
    }
}
