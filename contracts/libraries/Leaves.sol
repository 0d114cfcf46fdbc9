// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {SumTree} from "./SumTree.sol";

/// @title Who is on which leaf of a sum tree, now and at the end of every past block.
/// @notice Leaves are given up and given to others. Both directions are kept as traces keyed by block number, like the weights
///         of the tree, so that a past block reads the same for ever, however often a leaf changes hands: no waiting time
///         has to pass before a leaf is used again, and none is trusted.
/// @dev Within one block the last write of each trace stands. `take` and `vacate` write both directions together, so what
///      stands at the end of a block is consistent.
library Leaves {
    using Checkpoints for Checkpoints.Trace208;

    struct Book {
        mapping(uint256 leaf => Checkpoints.Trace208) holders; // address
        mapping(address account => Checkpoints.Trace208) places; // 1 + leaf, 0 for none
        uint16[] vacant; // given up, the next to be used last
        uint16 count; // leaves ever in use: 0..count-1
    }

    /// @notice Whether `take` has a leaf to give.
    function hasRoom(Book storage self) internal view returns (bool) {
        return self.count < SumTree.CAPACITY || self.vacant.length != 0;
    }

    /// @notice Puts an account that has no leaf on one: the last that was given up, or a new one. Only if there is room.
    function take(Book storage self, address account) internal returns (uint256 leaf) {
        uint256 vacancies = self.vacant.length;
        if (vacancies != 0) {
            leaf = self.vacant[vacancies - 1];
            self.vacant.pop();
        } else {
            leaf = self.count;
            self.count = SafeCast.toUint16(leaf + 1);
        }
        uint48 today = SafeCast.toUint48(block.number);
        self.holders[leaf].push(today, uint160(account));
        self.places[account].push(today, SafeCast.toUint208(leaf + 1));
    }

    /// @notice Takes an account off the leaf that it is on.
    function vacate(Book storage self, address account, uint256 leaf) internal {
        uint48 today = SafeCast.toUint48(block.number);
        self.holders[leaf].push(today, 0);
        self.places[account].push(today, 0);
        self.vacant.push(SafeCast.toUint16(leaf));
    }

    /// @notice Who is on a leaf now, or zero.
    function holder(Book storage self, uint256 leaf) internal view returns (address) {
        return address(uint160(self.holders[leaf].latest()));
    }

    /// @notice Who was on a leaf at the end of a past block, or zero.
    function holderAt(Book storage self, uint256 leaf, uint48 blockNumber) internal view returns (address) {
        return address(uint160(self.holders[leaf].upperLookupRecent(blockNumber)));
    }

    /// @notice 1 + the leaf that an account was on at the end of a past block, or 0.
    function placeAt(Book storage self, address account, uint48 blockNumber) internal view returns (uint256) {
        return self.places[account].upperLookupRecent(blockNumber);
    }
}
