// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {Tally} from "../../libraries/Tally.sol";

/// @title The settlement rule, many cases in one call: what tests/differential compares with aivm/settlement.py.
contract SettlementHarness {
    struct Case {
        uint256 seats;
        Tally.Vote[] votes;
    }

    /// @return winners meaningless where the count is zero
    /// @return counts votes for the winner, zero without a majority
    function settle(Case[] calldata cases) external pure returns (Tally.Vote[] memory winners, uint256[] memory counts) {
        winners = new Tally.Vote[](cases.length);
        counts = new uint256[](cases.length);
        for (uint256 i = 0; i < cases.length; ++i) {
            (winners[i], counts[i]) = Tally.majority(cases[i].votes, cases[i].votes.length, cases[i].seats);
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
