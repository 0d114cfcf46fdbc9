// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Every hash is a type of its own, so that one cannot be passed where another is meant.

/// @notice keccak256 of the ABI-encoded `Manifest`; equal manifests have equal ids, whoever registers them.
type ManifestId is bytes32;

/// @notice keccak256(abi.encode(publisher, manifestId)); bound to the publisher, so that nobody can squat on another's manifest.
type KernelId is bytes32;

/// @notice keccak256(abi.encode(chainid, market, randomness id)).
type JobId is bytes32;

/// @notice keccak256(abi.encode(chainid, coordinator, requester, nonce)).
type RandomnessId is bytes32;

/// @notice SHA-256 of one small raw block, a record; its CID is CIDv1/raw of the same digest.
type RecordDigest is bytes32;

/// @notice A validator's salted, bound commitment; see `IJobMarket.commitmentOf`.
type Commitment is bytes32;

/// @notice Names the part of a validator's environment that can change bits.
type EnvironmentClass is bytes32;
