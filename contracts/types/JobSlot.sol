// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStatus} from "./Job.sol";

/// @notice All that the chain keeps of a job, in one word:
///
///             bits 0–3     status
///             bits 4–43    deadline of the status, in seconds
///             bits 44–47   members of this round that have committed
///             bit 48       the delivery is paid
///             bit 49       the consumer took the result
///             bits 50–255  the upper 206 bits of keccak256(abi.encode(terms hash, progress))
///
/// @dev To pass off other terms or another progress, somebody would have to find two with the same 206 bits before the
///      request, in about 2¹⁰³ tries, or a second one for a given job in 2²⁰⁶.
type JobSlot is uint256;

using {statusOf, deadlineOf, committedOf, isPaid, isDelivered, holds, withStatus, withCommitted, withDelivery, withHash} for JobSlot global;

uint256 constant STATUS = 0xf;
uint256 constant DEADLINE_SHIFT = 4;
uint256 constant DEADLINE = ((1 << 40) - 1) << DEADLINE_SHIFT;
uint256 constant COMMITTED_SHIFT = 44;
uint256 constant COMMITTED = 0xf << COMMITTED_SHIFT;
uint256 constant PAID = 1 << 48;
uint256 constant DELIVERED = 1 << 49;
uint256 constant HASH = ~uint256((1 << 50) - 1);

function statusOf(JobSlot slot) pure returns (JobStatus) {
    return JobStatus(JobSlot.unwrap(slot) & STATUS);
}

function deadlineOf(JobSlot slot) pure returns (uint256) {
    return (JobSlot.unwrap(slot) & DEADLINE) >> DEADLINE_SHIFT;
}

function committedOf(JobSlot slot) pure returns (uint256) {
    return (JobSlot.unwrap(slot) & COMMITTED) >> COMMITTED_SHIFT;
}

function isPaid(JobSlot slot) pure returns (bool) {
    return JobSlot.unwrap(slot) & PAID != 0;
}

function isDelivered(JobSlot slot) pure returns (bool) {
    return JobSlot.unwrap(slot) & DELIVERED != 0;
}

function holds(JobSlot slot, bytes32 hash) pure returns (bool) {
    return (JobSlot.unwrap(slot) ^ uint256(hash)) & HASH == 0;
}

/// @dev Deadlines are sums of a block's time and of windows of at most 30 days: 40 bits are enough for 34,000 years.
function withStatus(JobSlot slot, JobStatus status, uint256 deadline) pure returns (JobSlot) {
    return JobSlot.wrap((JobSlot.unwrap(slot) & ~(STATUS | DEADLINE)) | uint256(status) | (deadline << DEADLINE_SHIFT));
}

function withCommitted(JobSlot slot, uint256 committed) pure returns (JobSlot) {
    return JobSlot.wrap((JobSlot.unwrap(slot) & ~COMMITTED) | (committed << COMMITTED_SHIFT));
}

function withDelivery(JobSlot slot, bool paid, bool delivered) pure returns (JobSlot) {
    return JobSlot.wrap((JobSlot.unwrap(slot) & ~(PAID | DELIVERED)) | (paid ? PAID : 0) | (delivered ? DELIVERED : 0));
}

function withHash(JobSlot slot, bytes32 hash) pure returns (JobSlot) {
    return JobSlot.wrap((JobSlot.unwrap(slot) & ~HASH) | (uint256(hash) & HASH));
}
