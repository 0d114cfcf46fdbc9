// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {Tally} from "../../libraries/Tally.sol";
import {Outcome, Vote} from "../../types/Job.sol";
import {AggregationRule} from "../../types/Manifest.sol";

/// @title The settlement rules, many cases in one call: what tests/differential compares with aivm/settlement.py.
contract SettlementHarness {
    struct Case {
        AggregationRule rule;
        uint16 tolerance;
        Vote[] votes; // of all seats
    }

    /// @return winners the seat whose vote is the result; meaningless where the count is zero
    /// @return counts seats behind it, zero without a majority
    /// @return outcomes of all seats; empty without a majority
    function settle(Case[] calldata cases)
        external
        pure
        returns (uint256[] memory winners, uint256[] memory counts, Outcome[][] memory outcomes)
    {
        (winners, counts, outcomes) = (new uint256[](cases.length), new uint256[](cases.length), new Outcome[][](cases.length));
        for (uint256 i = 0; i < cases.length; ++i) {
            Case memory one = cases[i];
            (winners[i], counts[i]) = Tally.elect(one.votes, one.rule, one.tolerance);
            if (counts[i] == 0) continue;
            outcomes[i] = new Outcome[](one.votes.length);
            for (uint256 seat = 0; seat < one.votes.length; ++seat) {
                outcomes[i][seat] = Tally.outcomeOf(one.votes[seat], one.votes[winners[i]], one.rule, one.tolerance);
            }
        }
    }

    function isValid(uint256 requested) external pure returns (bool) {
        return CommitteeSize.isValid(requested);
    }

    function grown(uint256 size) external pure returns (uint256) {
        return CommitteeSize.grown(size);
    }

    function largest(uint256 requested) external pure returns (uint256) {
        return CommitteeSize.largest(requested);
    }

    function lastRound() external pure returns (uint256) {
        return CommitteeSize.LAST_ROUND;
    }
}
