// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice All that the coordinator keeps of a request, in one word. Zero is no ticket. From the lowest bit, while it is open or expired:
///         refund address 160 | block number of the request 32 | deadline 32, in seconds | version of the roster 21 | operators that can be
///         assigned 7 | attempt 2 | state 2; once it is fulfilled: the upper 254 bits of the output's hash | state 2.
/// @dev 32 bits of seconds last until 2106, 32 bits of blocks for a century of one a second, and `pack` refuses what does not fit.
type VrfTicket is uint256;

using VrfTickets for VrfTicket global;

library VrfTickets {
    uint256 private constant BLOCK = 160;
    uint256 private constant DEADLINE = 192;
    uint256 private constant ROSTER = 224;
    uint256 private constant COUNT = 245;
    uint256 private constant ATTEMPT = 252;
    uint256 private constant STATE = 254;
    uint256 private constant OPEN = 1;
    uint256 private constant EXPIRED = 2;
    uint256 private constant FULFILLED = 3;

    error VrfTicket_TooLarge();

    /// @dev A first attempt. At most 64 operators.
    function pack(address refundTo_, uint256 blockNumber_, uint256 deadline_, uint256 roster_, uint256 count) internal pure returns (VrfTicket) {
        require((blockNumber_ | deadline_) >> 32 == 0 && roster_ >> 21 == 0, VrfTicket_TooLarge());
        return VrfTicket.wrap(
            uint256(uint160(refundTo_)) | blockNumber_ << BLOCK | deadline_ << DEADLINE | roster_ << ROSTER | count << COUNT | OPEN << STATE
        );
    }

    function exists(VrfTicket self) internal pure returns (bool) {
        return VrfTicket.unwrap(self) != 0;
    }

    function isOpen(VrfTicket self) internal pure returns (bool) {
        return VrfTicket.unwrap(self) >> STATE == OPEN;
    }

    function isExpired(VrfTicket self) internal pure returns (bool) {
        return VrfTicket.unwrap(self) >> STATE == EXPIRED;
    }

    function isFulfilled(VrfTicket self) internal pure returns (bool) {
        return VrfTicket.unwrap(self) >> STATE == FULFILLED;
    }

    function refundTo(VrfTicket self) internal pure returns (address) {
        return address(uint160(VrfTicket.unwrap(self)));
    }

    function blockNumber(VrfTicket self) internal pure returns (uint48) {
        return uint32(VrfTicket.unwrap(self) >> BLOCK);
    }

    function deadline(VrfTicket self) internal pure returns (uint48) {
        return uint32(VrfTicket.unwrap(self) >> DEADLINE);
    }

    function roster(VrfTicket self) internal pure returns (uint32) {
        return uint32(VrfTicket.unwrap(self) >> ROSTER & 0x1fffff);
    }

    function operatorCount(VrfTicket self) internal pure returns (uint8) {
        return uint8(VrfTicket.unwrap(self) >> COUNT & 0x7f);
    }

    function attempt(VrfTicket self) internal pure returns (uint8) {
        return uint8(VrfTicket.unwrap(self) >> ATTEMPT & 3);
    }

    /// @dev The same request in the next operator's hands; there are fewer than four.
    function next(VrfTicket self, uint256 deadline_) internal pure returns (VrfTicket) {
        require(deadline_ >> 32 == 0, VrfTicket_TooLarge());
        uint256 kept = VrfTicket.unwrap(self) & ~(uint256(type(uint32).max) << DEADLINE);
        return VrfTicket.wrap((kept | deadline_ << DEADLINE) + (uint256(1) << ATTEMPT));
    }

    function expire(VrfTicket self) internal pure returns (VrfTicket) {
        return VrfTicket.wrap(VrfTicket.unwrap(self) ^ (OPEN ^ EXPIRED) << STATE);
    }

    /// @dev What is left of a request that was answered.
    function fulfilled(bytes32 output) internal pure returns (VrfTicket) {
        return VrfTicket.wrap(uint256(keccak256(abi.encode(output))) >> 2 | FULFILLED << STATE);
    }
}
