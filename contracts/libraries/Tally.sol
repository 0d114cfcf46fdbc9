// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregationRule} from "../types/Manifest.sol";
import {Ballot, Outcome, Vote} from "../types/Job.sol";
import {RecordDigest} from "../types/Ids.sol";
import {Outcomes} from "../types/Outcomes.sol";

/// @title The settlement rules: what more than half of all seats said (docs/protocol.md §8).
/// @notice Both rules look for one seat whose vote is backed by a strict majority of all seats, absent ones included:
///         - Exact: backed by those with the same digest and answer. A refusal backs refusals.
///         - Hamming: the medoid, that is the seat with the most neighbours, itself included: those with the same answer, whose
///           sketches differ from its own in at most `tolerance` bits. Of several with as many, the first seat. Being near is not passed on: two neighbours
///           of the medoid may be far from each other, and a neighbour's neighbour does not count. Refusals are
///           neighbours of refusals alone.
/// @dev At most the largest committee squared comparisons of two words.
library Tally {
    /// @notice No seat has a majority behind it.
    uint256 internal constant NOBODY = type(uint256).max;

    /// @return winner the seat whose vote is the result, or NOBODY
    /// @return count of seats behind it
    function elect(Vote[] memory votes, AggregationRule rule, uint256 tolerance) internal pure returns (uint256 winner, uint256 count) {
        winner = NOBODY;
        for (uint256 i = 0; i < votes.length; ++i) {
            uint256 behind = 0;
            for (uint256 j = 0; j < votes.length; ++j) {
                if (backs(votes[j], votes[i], rule, tolerance)) ++behind;
            }
            if (behind > count) (winner, count) = (i, behind);
            if (rule == AggregationRule.Exact && 2 * count > votes.length) break; // there is no other majority
        }
        if (2 * count <= votes.length) (winner, count) = (NOBODY, 0);
    }

    /// @notice Whether one seat's vote is behind another's.
    function backs(Vote memory vote, Vote memory other, AggregationRule rule, uint256 tolerance) internal pure returns (bool) {
        if (_areSame(vote, other)) return vote.ballot == Ballot.Cast || vote.ballot == Ballot.Refused;
        if (vote.ballot != other.ballot) return false;
        if (vote.ballot == Ballot.Refused) return true;
        if (vote.ballot != Ballot.Cast) return false;
        // Under either rule: a consumer acts on this word, so no single seat may choose it.
        if (vote.answer != other.answer) return false;
        if (rule == AggregationRule.Hamming) return distance(vote.sketch, other.sketch) <= tolerance;
        return RecordDigest.unwrap(vote.digest) == RecordDigest.unwrap(other.digest);
    }

    /// @dev Mostly all say the same, and this is the cheapest way to see it: a vote is four words in memory.
    function _areSame(Vote memory vote, Vote memory other) private pure returns (bool same) {
        assembly ("memory-safe") {
            same := eq(keccak256(vote, 0x80), keccak256(other, 0x80))
        }
    }

    /// @notice What a seat is due, given the vote that won. To be far away under the Hamming rule is no proof of a fault.
    function outcomeOf(Vote memory vote, Vote memory winner, AggregationRule rule, uint256 tolerance) internal pure returns (Outcome) {
        if (vote.ballot == Ballot.Absent) return Outcome.Absent;
        if (vote.ballot == Ballot.Withheld) return Outcome.Withheld;
        if (vote.ballot == Ballot.Refused) return Outcome.Refused;
        if (backs(vote, winner, rule, tolerance)) return Outcome.Paid;
        return rule == AggregationRule.Hamming ? Outcome.Unpaid : Outcome.Deviated;
    }

    /// @notice What all seats are due.
    function outcomesOf(Vote[] memory votes, Vote memory winner, AggregationRule rule, uint256 tolerance)
        internal
        pure
        returns (Outcomes outcomes)
    {
        for (uint256 i = 0; i < votes.length; ++i) {
            outcomes = outcomes.with(i, outcomeOf(votes[i], winner, rule, tolerance));
        }
    }

    /// @notice In how many bits two words differ.
    /// @dev Adds neighbouring bits, pairs, nibbles and bytes; the product then sums the bytes up into the highest two.
    function distance(bytes32 a, bytes32 b) internal pure returns (uint256 bits) {
        uint256 x = uint256(a ^ b);
        unchecked {
            x -= (x >> 1) & _EVERY_SECOND_BIT; // no field is less than what is taken from it
        }
        x = (x & _EVERY_SECOND_PAIR) + ((x >> 2) & _EVERY_SECOND_PAIR);
        x = (x + (x >> 4)) & _LOW_NIBBLES;
        x = (x & _EVERY_SECOND_BYTE) + ((x >> 8) & _EVERY_SECOND_BYTE);
        unchecked {
            bits = (x * _SIXTEEN_ONES) >> 240; // the product wraps on purpose
        }
    }

    uint256 private constant _EVERY_SECOND_BIT = type(uint256).max / 3;
    uint256 private constant _EVERY_SECOND_PAIR = type(uint256).max / 5;
    uint256 private constant _LOW_NIBBLES = type(uint256).max / 17;
    uint256 private constant _EVERY_SECOND_BYTE = type(uint256).max / 257;
    uint256 private constant _SIXTEEN_ONES = type(uint256).max / 65535; // 1 in each 16-bit field
}
