// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobProgress} from "../types/Job.sol";

/// @title The hash by which the chain knows how far a job has come.
library Progress {
    /// @notice keccak256 of twelve words: the hash of the terms; seed, round, first seat and reveal window; the hashes of seats, batch
    ///         and votes; outcomes; digest, answer and sketch of the result. A list is hashed as its words in order, so that its length
    ///         follows from what is hashed; votes as `abi.encode` writes them, and zero if there are none.
    /// @dev Assembly: `abi.encode` of the whole costs three times as much, twice in each step of a job. Memory has structs and lists of words
    ///      as they are hashed, the members of a struct in their order, a list behind its length.
    function hashOf(bytes32 termsHash, JobProgress memory progress) internal pure returns (bytes32 hash) {
        bytes32 votes = progress.votes.length == 0 ? bytes32(0) : keccak256(abi.encode(progress.votes));
        assembly ("memory-safe") {
            function list(place) -> words {
                let start := mload(place)
                words := keccak256(add(start, 0x20), shl(5, mload(start)))
            }
            let free := mload(0x40)
            mstore(free, termsHash)
            mcopy(add(free, 0x20), progress, 0x80)
            mstore(add(free, 0xa0), list(add(progress, 0x80)))
            mstore(add(free, 0xc0), list(add(progress, 0xa0)))
            mstore(add(free, 0xe0), votes)
            mstore(add(free, 0x100), mload(add(progress, 0xe0)))
            mcopy(add(free, 0x120), mload(add(progress, 0x100)), 0x60)
            hash := keccak256(free, 0x180)
        }
    }
}
