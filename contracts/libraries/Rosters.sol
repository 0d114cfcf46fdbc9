// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who can be assigned: lists of operators that those who have pinned one can rely on for ever.
/// @dev A list grows at its end and never shrinks: who leaves is missing from the next version, not from this one. So a version and
///      a length, pinned by a request, name the same operators in the same order whatever happens later.
library Rosters {
    /// @dev Places of one version: eight in a slot.
    uint256 internal constant CAPACITY = 64;

    struct State {
        uint32 version;
        uint8 length;
        uint48 activeFromBlock; // of the newest member; the others' are earlier
        mapping(uint32 version => uint32[CAPACITY]) members;
    }

    /// @dev Appends an operator, which must become active after all others. The caller checks the capacity.
    function append(State storage self, uint32 operatorIndex, uint48 activeFromBlock) internal {
        self.members[self.version][self.length++] = operatorIndex;
        self.activeFromBlock = activeFromBlock;
    }

    /// @dev Takes an operator off the list for those who pin it from now on.
    function remove(State storage self, uint32 operatorIndex) internal {
        uint256 length = self.length;
        uint32[CAPACITY] storage from = self.members[self.version];
        uint32[CAPACITY] storage to = self.members[++self.version];
        uint256 kept = 0;
        // At most CAPACITY turns.
        for (uint256 i = 0; i < length; ++i) {
            uint32 member = from[i];
            if (member != operatorIndex) to[kept++] = member;
        }
        self.length = uint8(kept); // at most CAPACITY
    }

    function memberAt(State storage self, uint32 version, uint256 place) internal view returns (uint256 operatorIndex) {
        return self.members[version][place];
    }
}
