// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordDigest} from "./Ids.sol";

/// @notice What a kernel's graph may draw its randomness from.
enum SeedPolicy {
    None, // the graph has no random inputs
    Fixed, // random inputs come from `Seeds.fixedSeed`, the same in every job
    Verifiable // random inputs come from the job's VRF output
}

/// @notice How the answers of a committee become one.
enum AggregationRule {
    Exact, // a strict majority of the committee reveals the same digest
    Hamming // a strict majority lies within `tolerance` bits of the medoid's sketch
}

enum HardwareKind {
    Cpu,
    Cuda
}

/// @notice What the publisher claims, and the certificate has to show (docs/protocol.md).
enum DeterminismClass {
    None,
    Tolerant,
    Pinned,
    Bitwise
}

/// @dev An empty string means "any". Strings are the exact values that environment capture reports.
struct Build {
    string operatingSystem;
    string compiler;
    string compilerVersion;
    string compilerFlags;
}

/// @dev `options` is canonical JSON (RFC 8785) of the runtime's options.
struct Runtime {
    string name;
    string version;
    string options;
}

/// @dev `features` and `featuresOff` are comma-joined, sorted ISA features.
struct Hardware {
    HardwareKind kind;
    string features;
    string featuresOff;
    uint64 memoryBytes;
}

struct Numerics {
    bool flushToZero;
    bool fmaContraction;
    bool tf32;
}

struct Seeds {
    SeedPolicy policy;
    bytes32 fixedSeed;
}

struct Aggregation {
    AggregationRule rule;
    string sketch;
    uint16 tolerance;
}

struct Limits {
    uint32 timeMs;
    uint64 memoryBytes;
    uint64 outputBytes;
}

/// @notice The fields of a kernel's manifest that the chain keeps. `record` names the whole manifest record off chain,
///         and a validator refuses a kernel whose record and on-chain fields differ.
struct Manifest {
    string name;
    string version;
    RecordDigest record;
    bytes modelCid;
    Build build;
    Runtime runtime;
    Hardware hardware;
    Numerics numerics;
    Seeds seeds;
    Aggregation aggregation;
    Limits limits;
    DeterminismClass determinism;
    uint96 authorFee;
}
