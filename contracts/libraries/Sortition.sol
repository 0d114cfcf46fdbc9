// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Seat} from "../types/Seat.sol";
import {WeightForest} from "./WeightForest.sol";

/// @title Exact weighted draws without replacement from a forest of weights.
/// @notice The remaining weights are thought laid out in leaf order; a ticket in [0, remaining) falls on one leaf. A leaf that
///         was excluded or drawn counts zero, so no ticket falls on it again: nothing is ever drawn twice or retried.
/// @dev A draw goes down from the lowest node that has all weight, one word a level, and reads each node of the forest once: what it has read
///      stays in memory, less what is excluded or drawn. So it costs O(levels), whatever the number of leaves and of draws before it; a
///      node that is read costs the number of `seated`, which callers bound by the size of a committee.
///
///      A node in memory is two words: its eight weights, as in WeightForest, and where each of its children is, 28 bits each, zero for one
///      that is not read yet.
///
///      Assembly, because this is a draw's work: a third of what the same takes in Solidity. 28 is WEIGHT_BITS.
library Sortition {
    using WeightForest for WeightForest.Forest;

    /// @dev As GREATEST_WEIGHT and EVERY_FIELD of WeightForest; assembly takes nothing but literals.
    uint256 private constant FIELD = 0xfffffff;
    uint256 private constant EVERY_FIELD = 0x10000001000000100000010000001000000100000010000001;

    struct Urn {
        uint256 epoch;
        uint256 remaining; // weight not yet excluded
        uint256 level; // of the node below which is drawn: the lowest that has all of it
        uint256 index; // of that node
        uint256 top; // where it is in memory
        uint256 path; // room for the way down: a node and a shift for each level
        uint256[] leaves; // that count zero from the beginning
        uint256[] weights; // theirs
    }

    /// @notice All leaves below a node in an epoch, but those that are seated, which must be different ones. A seat elsewhere does not matter.
    function urn(WeightForest.Forest storage forest, uint256 level, uint256 index, uint256 epoch, Seat[] calldata seated)
        internal
        view
        returns (Urn memory self)
    {
        self.epoch = epoch;
        if (seated.length != 0) _exclude(self, forest, seated);
        uint256 top = _read(self, forest, level, index);
        while (level > 1) {
            (bool alone, uint256 branch, uint256 weight) = _onlyBranch(top);
            if (!alone) break;
            (--level, index = index << 3 | branch);
            // Mostly all is below the first branch of the next one, too; then that one need not be read.
            if (level > 1) {
                top = _read(self, forest, level - 1, index << 3);
                if (WeightForest.sum(_weightsOf(top)) == weight) {
                    (--level, index <<= 3);
                    continue;
                }
            }
            top = _read(self, forest, level, index);
        }
        (self.level, self.index, self.top) = (level, index, top);
        self.remaining = WeightForest.sum(_weightsOf(top));
        self.path = _allocate(2 * level);
    }

    /// @notice The leaf on which `ticket`, less than the remaining weight, falls; it is excluded afterwards.
    /// @dev Below the top one product makes all running sums of a node (field j is the sum of the weights 0 to j; none overflows, since a node
    ///      below the root weighs less than a field can hold), and three comparisons find the branch. At the top, which may be the
    ///      root of all, the branches are gone through one by one.
    function take(Urn memory self, WeightForest.Forest storage forest, uint256 ticket) internal view returns (uint256 leaf) {
        (uint256 node, uint256 step, uint256 shift) = (self.top, self.path, 0);
        leaf = self.index;
        assembly ("memory-safe") {
            let weights := mload(node)
            for { let weight := and(weights, FIELD) } iszero(lt(ticket, weight)) { weight := and(shr(shift, weights), FIELD) } {
                ticket := sub(ticket, weight)
                shift := add(shift, 28)
            }
            leaf := or(shl(3, leaf), div(shift, 28))
            mstore(step, node)
            mstore(add(step, 0x20), shift)
        }
        unchecked {
            for (uint256 level = self.level - 1; level != 0; --level) {
                uint256 child;
                assembly ("memory-safe") {
                    child := and(shr(shift, mload(add(node, 0x20))), FIELD)
                }
                if (child == 0) {
                    child = _read(self, forest, level, leaf);
                    assembly ("memory-safe") {
                        let children := add(node, 0x20)
                        mstore(children, or(mload(children), shl(shift, child)))
                    }
                }
                assembly ("memory-safe") {
                    node := child
                    let weights := mload(node)
                    let sums := mul(weights, EVERY_FIELD)
                    shift := mul(112, iszero(lt(ticket, and(shr(84, sums), FIELD))))
                    shift := add(shift, mul(56, iszero(lt(ticket, and(shr(add(shift, 28), sums), FIELD)))))
                    shift := add(shift, mul(28, iszero(lt(ticket, and(shr(shift, sums), FIELD)))))
                    ticket := sub(add(ticket, and(shr(shift, weights), FIELD)), and(shr(shift, sums), FIELD))
                    leaf := or(shl(3, leaf), div(shift, 28))
                    step := add(step, 0x40)
                    mstore(step, node)
                    mstore(add(step, 0x20), shift)
                }
            }
        }
        _takeOut(self, step, (_weightsOf(node) >> shift) & FIELD);
    }

    /// @dev Takes a leaf's weight out of every node on the way to it. No branch holds less, so nothing is borrowed from its neighbour.
    function _takeOut(Urn memory self, uint256 step, uint256 weight) private pure {
        uint256 first = self.path;
        unchecked {
            self.remaining -= weight;
        }
        assembly ("memory-safe") {
            for {} iszero(lt(step, first)) { step := sub(step, 0x40) } {
                let node := mload(step)
                mstore(node, sub(mload(node), shl(mload(add(step, 0x20)), weight)))
            }
        }
    }

    /// @dev Reads a node, less what is excluded below it.
    function _read(Urn memory self, WeightForest.Forest storage forest, uint256 level, uint256 index) private view returns (uint256 node) {
        uint256 weights = forest.weightsAt(level, index, self.epoch);
        assembly ("memory-safe") {
            let leaves := mload(add(self, 0xc0))
            for { let i := shl(5, mload(leaves)) } i { i := sub(i, 0x20) } {
                let leaf := mload(add(leaves, i))
                let above := mul(3, level)
                if eq(shr(above, leaf), index) {
                    let shift := mul(28, and(shr(sub(above, 3), leaf), 7))
                    weights := sub(weights, shl(shift, mload(add(mload(add(self, 0xe0)), i))))
                }
            }
            node := mload(0x40)
            mstore(0x40, add(node, 0x40))
            mstore(node, weights)
            mstore(add(node, 0x20), 0)
        }
    }

    function _exclude(Urn memory self, WeightForest.Forest storage forest, Seat[] calldata seated) private view {
        (self.leaves, self.weights) = (new uint256[](seated.length), new uint256[](seated.length));
        for (uint256 i = 0; i < seated.length; ++i) {
            uint256 leaf = seated[i].leafOf();
            (self.leaves[i], self.weights[i]) = (leaf, forest.weightAt(leaf, self.epoch));
        }
    }

    /// @dev Whether all weight of a node is below one branch, which that is, and how much it is.
    function _onlyBranch(uint256 node) private pure returns (bool alone, uint256 branch, uint256 weight) {
        weight = _weightsOf(node);
        if (weight == 0) return (false, 0, 0);
        unchecked {
            for (; weight & FIELD == 0; ++branch) {
                weight >>= WeightForest.WEIGHT_BITS;
            }
        }
        alone = weight <= FIELD;
    }

    function _weightsOf(uint256 node) private pure returns (uint256 weights) {
        assembly ("memory-safe") {
            weights := mload(node)
        }
    }

    /// @dev Room for some words, whatever is in them.
    function _allocate(uint256 words) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := mload(0x40)
            mstore(0x40, add(place, shl(5, words)))
        }
    }
}
