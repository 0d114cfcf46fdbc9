// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Seat} from "../types/Seat.sol";
import {Secp256k1} from "./Secp256k1.sol";

/// @title Short signatures (ERC-2098), many in a row.
/// @dev What OpenZeppelin's `ECDSA.tryRecover` accepts, and nothing else, at a bit more than the price of the precompile. What it promises
///      besides, an error that says why, nobody here asks for.
library Signatures {
    uint256 internal constant SIZE = 64;
    uint256 private constant HALF = Secp256k1.N / 2;

    /// @notice How many seats from the first of a round on have signed `digest`, in their order, until one has not: all of them, if each has.
    /// @dev There must be a signature for each.
    function countBy(Seat[] memory seats, uint256 first, bytes32 digest, bytes calldata signatures) internal view returns (uint256 count) {
        uint256 half = HALF;
        assembly ("memory-safe") {
            let length := sub(mload(seats), first)
            let seat := add(seats, shl(5, first))
            let free := mload(0x40)
            mstore(free, digest)
            for {} lt(count, length) { count := add(count, 1) } {
                seat := add(seat, 0x20)
                let start := add(signatures.offset, shl(6, count))
                let vs := calldataload(add(start, 0x20))
                let s := shr(1, shl(1, vs))
                mstore(add(free, 0x20), add(27, shr(255, vs)))
                mstore(add(free, 0x40), calldataload(start))
                mstore(add(free, 0x60), s)
                mstore(0x00, 0)
                pop(staticcall(gas(), 1, free, 0x80, 0x00, 0x20))
                let recovered := mload(0x00)
                // As in `isBy`.
                if or(iszero(recovered), or(gt(s, half), shl(96, xor(recovered, mload(seat))))) { break }
            }
        }
    }

    /// @notice Whether the signature at `place` is the account's over `digest`. False where there is none.
    /// @param signatures 64 bytes each: r | yParity in the highest bit and s, at most half of the group's order, in the others
    function isBy(address account, bytes32 digest, bytes calldata signatures, uint256 place) internal view returns (bool same) {
        unchecked {
            if (signatures.length < SIZE * (place + 1)) return false;
        }
        uint256 half = HALF;
        assembly ("memory-safe") {
            let start := add(signatures.offset, shl(6, place))
            let vs := calldataload(add(start, 0x20))
            let s := shr(1, shl(1, vs))
            let free := mload(0x40)
            mstore(free, digest)
            mstore(add(free, 0x20), add(27, shr(255, vs)))
            mstore(add(free, 0x40), calldataload(start))
            mstore(add(free, 0x60), s)
            // What is no signature gives nothing, and nobody's account is zero.
            mstore(0x00, 0)
            pop(staticcall(gas(), 1, free, 0x80, 0x00, 0x20))
            let recovered := mload(0x00)
            same := and(iszero(iszero(recovered)), eq(recovered, shr(96, shl(96, account))))
            // The other s is a signature too, so one of the two is refused.
            same := and(same, iszero(gt(s, half)))
        }
    }
}
