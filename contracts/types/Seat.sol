// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A drawn validator and the leaf that it was drawn on: bits 0–159 its account, 160–180 the leaf.
type Seat is uint256;

using {memberOf, leafOf, treeOf} for Seat global;

function seatOf(address member, uint256 leaf) pure returns (Seat) {
    return Seat.wrap((leaf << 160) | uint160(member));
}

function memberOf(Seat seat) pure returns (address) {
    return address(uint160(Seat.unwrap(seat)));
}

function leafOf(Seat seat) pure returns (uint256) {
    return Seat.unwrap(seat) >> 160;
}

/// @dev A tree is an environment class, as it was in the epoch of the draw (WeightForest: 2¹⁵ leaves a tree).
function treeOf(Seat seat) pure returns (uint256) {
    return Seat.unwrap(seat) >> 175;
}
