// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "../types/Ids.sol";
import {JobProgress} from "../types/Job.sol";
import {Seat} from "../types/Seat.sol";

/// @title The hash by which the chain knows how far a job has come.
library Progress {
    /// @notice What somebody says how far a job has come, in memory.
    /// @dev As the compiler's own decoder reads it, at a sixth of its price, but for what is not clean: that is taken as it is, has another hash, and
    ///      so is refused by whoever compares.
    function load(JobProgress calldata from) internal pure returns (JobProgress memory progress) {
        Seat[] calldata seats = from.seats;
        Commitment[] calldata batch = from.batch;
        assembly ("memory-safe") {
            function copied(start, length) -> list {
                list := mload(0x40)
                let size := shl(5, length)
                mstore(list, length)
                calldatacopy(add(list, 0x20), start, size)
                mstore(0x40, add(add(list, 0x20), size))
            }
            calldatacopy(progress, from, 0x80)
            mstore(add(progress, 0x80), copied(seats.offset, seats.length))
            if batch.length { mstore(add(progress, 0xa0), copied(batch.offset, batch.length)) }
            mstore(add(progress, 0xe0), calldataload(add(from, 0xe0)))
            calldatacopy(mload(add(progress, 0x100)), add(from, 0x100), 0x60)
        }
        if (from.votes.length != 0) progress.votes = from.votes;
    }

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
