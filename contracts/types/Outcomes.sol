// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Outcome} from "./Job.sol";
import {AggregationRule} from "./Manifest.sol";
import {Seat} from "./Seat.sol";

/// @notice What becomes of all seats of a job, in one word: bits 4i to 4i+3 for seat i. Zero as long as nothing is decided.
type Outcomes is uint256;

using {outcomeOf, overturned, pardoned, paidByTree, with, hasFaults} for Outcomes global;

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

/// @notice How many seats of each tree are paid, that is agree with the result: bits 4t to 4t+3 for tree t. At most the largest committee,
///         15, which is what four bits can hold.
/// @dev Assembly here and below: JobMarket is near the limit of a contract's size, and in Solidity these two take 100 bytes more. `i` counts
///      the bits of the outcomes; eight times that are the bytes of the seats.
function paidByTree(Outcomes outcomes, Seat[] memory seats) pure returns (uint256 counts) {
    assembly ("memory-safe") {
        for { let i := shl(2, mload(seats)) } i {} {
            let tree := shr(175, mload(add(seats, shl(3, i))))
            i := sub(i, 4)
            if eq(and(shr(i, outcomes), 0xf), 1) { counts := add(counts, shl(shl(2, tree), 1)) }
        }
    }
}

/// @dev Of an admission: whether a kernel gives machines of two classes the same bits, and whether both can run it, is what it is there to
///      find out. So it is no fault to deviate from another class, or to refuse what it takes: only from one's own.
function pardoned(Outcomes outcomes, Seat[] memory seats) pure returns (Outcomes next) {
    uint256 counts = outcomes.paidByTree(seats);
    assembly ("memory-safe") {
        next := outcomes
        for { let i := shl(2, mload(seats)) } i {} {
            let tree := shr(175, mload(add(seats, shl(3, i))))
            i := sub(i, 4)
            // Refused is 4 and Deviated 5.
            let pardon := iszero(and(shr(shl(2, tree), counts), 0xf))
            if and(pardon, gt(and(shr(i, outcomes), 0xf), 3)) { next := and(next, not(shl(i, 0xf))) }
        }
    }
}
