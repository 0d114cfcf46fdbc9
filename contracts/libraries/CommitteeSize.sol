// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title How many seats a committee has, round by round.
/// @notice A committee of n that finds no majority grows to 2n + 1: were the first n all wrong in the same way, the new
///         members alone could still be the majority.
library CommitteeSize {
    uint256 internal constant MINIMUM = 3; // fewer cannot outvote one
    uint256 internal constant MAXIMUM = 7; // as requested
    uint256 internal constant LARGEST = 15; // after growth; every loop over a committee is bounded by it
    uint256 internal constant LAST_ROUND = 2; // rounds count from 0

    /// @dev Odd, so that two answers cannot tie.
    function isValid(uint256 requested) internal pure returns (bool) {
        return requested >= MINIMUM && requested <= MAXIMUM && requested % 2 == 1;
    }

    function grown(uint256 size) internal pure returns (uint256) {
        uint256 next = 2 * size + 1;
        return next < LARGEST ? next : LARGEST;
    }

    /// @notice Seats of a full committee in `round`, members of earlier rounds included.
    function inRound(uint256 requested, uint256 round) internal pure returns (uint256 size) {
        size = requested;
        for (uint256 i = 0; i < round; ++i) {
            size = grown(size); // at most LAST_ROUND times
        }
    }

    /// @notice Seats that a requester pays for.
    function largest(uint256 requested) internal pure returns (uint256) {
        return inRound(requested, LAST_ROUND);
    }

    /// @notice Seats drawn before `round`. All earlier rounds were full: a draw that finds too few empties the weights
    ///         for good, so no round follows it.
    function beforeRound(uint256 requested, uint256 round) internal pure returns (uint256) {
        return round == 0 ? 0 : inRound(requested, round - 1);
    }
}
