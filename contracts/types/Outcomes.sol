// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Outcome} from "./Job.sol";

/// @notice What becomes of all seats of a job, in one word: bits 4i to 4i+3 for seat i. Zero as long as nothing is decided.
type Outcomes is uint256;

using {outcomeOf, with} for Outcomes global;

function outcomeOf(Outcomes outcomes, uint256 seat) pure returns (Outcome) {
    return Outcome((Outcomes.unwrap(outcomes) >> (4 * seat)) & 0xf);
}

/// @dev A seat whose outcome is not yet said.
function with(Outcomes outcomes, uint256 seat, Outcome outcome) pure returns (Outcomes) {
    return Outcomes.wrap(Outcomes.unwrap(outcomes) | (uint256(outcome) << (4 * seat)));
}
