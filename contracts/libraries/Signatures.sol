// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Secp256k1} from "./Secp256k1.sol";

/// @title Short signatures (ERC-2098), many in a row.
/// @dev What OpenZeppelin's `ECDSA.tryRecover` accepts, and nothing else, at two thirds of its price. What it promises besides, an error that says
///      why, nobody here asks for.
library Signatures {
    uint256 internal constant SIZE = 64;
    uint256 private constant HALF = Secp256k1.N / 2;

    /// @notice Whether the signature at `place` is the account's over `digest`. False where there is none.
    /// @param signatures 64 bytes each: r | yParity in the highest bit and s, at most half of the group's order, in the others
    function isBy(address account, bytes32 digest, bytes calldata signatures, uint256 place) internal pure returns (bool) {
        unchecked {
            if (signatures.length < SIZE * (place + 1)) return false;
        }
        bytes32 r;
        uint256 vs;
        assembly ("memory-safe") {
            let start := add(signatures.offset, mul(place, SIZE))
            r := calldataload(start)
            vs := calldataload(add(start, 0x20))
        }
        uint256 s = vs & (type(uint256).max >> 1);
        // The other s is a signature too, so one of the two is refused. What is no signature recovers to nobody.
        return s <= HALF && account != address(0) && ecrecover(digest, uint8(27 + (vs >> 255)), r, bytes32(s)) == account;
    }
}
