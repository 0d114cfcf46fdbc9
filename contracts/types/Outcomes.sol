// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Outcome} from "./Job.sol";
import {AggregationRule} from "./Manifest.sol";

/// @notice What becomes of all seats of a job, in one word: bits 4i to 4i+3 for seat i. Zero as long as nothing is decided.
type Outcomes is uint256;

using {outcomeOf, overturned, with, hasFaults} for Outcomes global;

function outcomeOf(Outcomes outcomes, uint256 seat) pure returns (Outcome) {
    return Outcome((Outcomes.unwrap(outcomes) >> (4 * seat)) & 0xf);
}

/// @dev A seat whose outcome is not yet said.
function with(Outcomes outcomes, uint256 seat, Outcome outcome) pure returns (Outcomes) {
    return Outcomes.wrap(Outcomes.unwrap(outcomes) | (uint256(outcome) << (4 * seat)));
}

/// @dev Every seat of a job is paid: 1 in each place.
function allPaid(uint256 seats) pure returns (Outcomes) {
    return Outcomes.wrap(((1 << (4 * seats)) - 1) / 0xf);
}

/// @dev Unpaid and Paid are 0 and 1; what is more is a fault.
function hasFaults(Outcomes outcomes) pure returns (bool) {
    return Outcomes.unwrap(outcomes) & (type(uint256).max / 0xf * 0xe) != 0;
}

/// @dev When a larger committee found another result. Those who were paid for the first have deviated, or under the Hamming rule were
///      only far away. Of those whom they outvoted it is not known on chain what they said, so they are left alone.
function overturned(Outcomes outcomes, uint256 seats, AggregationRule rule) pure returns (Outcomes next) {
    for (uint256 seat = 0; seat < seats; ++seat) {
        Outcome outcome = outcomes.outcomeOf(seat);
        if (outcome == Outcome.Paid) outcome = rule == AggregationRule.Exact ? Outcome.Deviated : Outcome.Unpaid;
        else if (outcome == Outcome.Refused || outcome == Outcome.Deviated) outcome = Outcome.Unpaid;
        next = next.with(seat, outcome);
    }
}
