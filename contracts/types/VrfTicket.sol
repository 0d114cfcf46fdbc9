// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the coordinator keeps of a request that is neither fulfilled nor expired, in one word. Zero is no ticket.
/// @dev From the lowest bit: fee 88, in wei | block number of the request 48, never zero | deadline 48, in seconds | version of the
///      roster 32 | operators that can be assigned 8 | attempt 8 | expired 8.
type VrfTicket is uint256;

using VrfTickets for VrfTicket global;

library VrfTickets {
    uint256 private constant BLOCK = 88;
    uint256 private constant DEADLINE = 136;
    uint256 private constant ROSTER = 184;
    uint256 private constant COUNT = 216;
    uint256 private constant ATTEMPT = 224;
    uint256 private constant EXPIRED = 232;

    /// @dev A first attempt.
    function pack(uint88 fee_, uint48 blockNumber_, uint48 deadline_, uint32 roster_, uint8 count) internal pure returns (VrfTicket) {
        return VrfTicket.wrap(
            fee_ | uint256(blockNumber_) << BLOCK | uint256(deadline_) << DEADLINE | uint256(roster_) << ROSTER | uint256(count) << COUNT
        );
    }

    function exists(VrfTicket self) internal pure returns (bool) {
        return VrfTicket.unwrap(self) != 0;
    }

    function isOpen(VrfTicket self) internal pure returns (bool) {
        return exists(self) && !isExpired(self);
    }

    function fee(VrfTicket self) internal pure returns (uint88) {
        return uint88(VrfTicket.unwrap(self));
    }

    function blockNumber(VrfTicket self) internal pure returns (uint48) {
        return uint48(VrfTicket.unwrap(self) >> BLOCK);
    }

    function deadline(VrfTicket self) internal pure returns (uint48) {
        return uint48(VrfTicket.unwrap(self) >> DEADLINE);
    }

    function roster(VrfTicket self) internal pure returns (uint32) {
        return uint32(VrfTicket.unwrap(self) >> ROSTER);
    }

    function operatorCount(VrfTicket self) internal pure returns (uint8) {
        return uint8(VrfTicket.unwrap(self) >> COUNT);
    }

    function attempt(VrfTicket self) internal pure returns (uint8) {
        return uint8(VrfTicket.unwrap(self) >> ATTEMPT);
    }

    function isExpired(VrfTicket self) internal pure returns (bool) {
        return VrfTicket.unwrap(self) >> EXPIRED != 0;
    }

    /// @dev The same request in the next operator's hands.
    function next(VrfTicket self, uint48 deadline_) internal pure returns (VrfTicket) {
        uint256 kept = VrfTicket.unwrap(self) & ~(uint256(type(uint48).max) << DEADLINE);
        return VrfTicket.wrap((kept | uint256(deadline_) << DEADLINE) + (uint256(1) << ATTEMPT));
    }

    function expire(VrfTicket self) internal pure returns (VrfTicket) {
        return VrfTicket.wrap(VrfTicket.unwrap(self) | uint256(1) << EXPIRED);
    }
}
