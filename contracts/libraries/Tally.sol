// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordDigest} from "../types/Ids.sol";

/// @title The settlement rule: more than half of all seats said the same.
library Tally {
    /// @dev What one seat computed; all zero if it refused, which is a vote like any other.
    struct Vote {
        RecordDigest digest;
        bytes32 answer;
    }

    function same(Vote memory a, Vote memory b) internal pure returns (bool) {
        return RecordDigest.unwrap(a.digest) == RecordDigest.unwrap(b.digest) && a.answer == b.answer;
    }

    /// @notice Counts the first `cast` of `votes` for a strict majority of `seats`.
    /// @dev Boyer and Moore's vote: pairing off unequal votes leaves the only one that can be a majority, which is then
    ///      counted. Twice `cast` comparisons, `cast` being at most the largest committee.
    /// @return winner the majority's vote, meaningless without a majority
    /// @return count of votes equal to it, zero when there is no majority
    function majority(Vote[] memory votes, uint256 cast, uint256 seats) internal pure returns (Vote memory winner, uint256 count) {
        uint256 lead = 0;
        for (uint256 i = 0; i < cast; ++i) {
            if (lead == 0) winner = votes[i];
            if (same(votes[i], winner)) ++lead;
            else --lead;
        }
        for (uint256 i = 0; i < cast; ++i) {
            if (same(votes[i], winner)) ++count;
        }
        if (2 * count <= seats) count = 0;
    }
}
