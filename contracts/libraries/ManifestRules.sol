// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKernelRegistry} from "../interfaces/IKernelRegistry.sol";
import {Aggregation, AggregationRule, Build, Hardware, Limits, Manifest, Runtime, SeedPolicy, Seeds} from "../types/Manifest.sol";
import {RecordDigest} from "../types/Ids.sol";
import {Names} from "./Names.sol";
import {Text} from "./Text.sol";

/// @title What a manifest must satisfy before it is kept.
/// @notice Every field has a bound, so that reading a manifest back always fits in a call. Errors name the field by its path.
library ManifestRules {
    uint256 internal constant STRING_LIMIT = 256;
    uint256 internal constant LONG_STRING_LIMIT = 2048; // lists: compiler flags, runtime options, features
    uint256 internal constant CID_LENGTH = 36;
    uint32 internal constant TIME_LIMIT_MS = 24 hours * 1000;
    uint64 internal constant MEMORY_LIMIT = 1 << 42;
    uint16 internal constant SKETCH_BITS = 256;
    uint64 internal constant OUTPUT_LIMIT = 1 << 36;

    /// @notice Reverts with the first rule that is broken, in the order of the fields.
    function check(Manifest calldata manifest) internal pure {
        if (!Names.isName(manifest.name, Names.LIMIT)) revert IKernelRegistry.KernelRegistry_InvalidName(manifest.name);
        if (!Names.isVersion(manifest.version)) revert IKernelRegistry.KernelRegistry_InvalidVersion(manifest.version);
        _require(RecordDigest.unwrap(manifest.record) != 0, "record");
        _require(_isContentCid(manifest.modelCid), "modelCid");
        _checkBuild(manifest.build);
        _checkRuntime(manifest.runtime);
        _checkHardware(manifest.hardware);
        _checkSeeds(manifest.seeds);
        _checkAggregation(manifest.aggregation);
        _checkLimits(manifest.limits);
    }

    /// @notice Reverts unless `text` is printable ASCII of at most `limit` bytes.
    function checkText(string calldata text, string memory field, uint256 limit) internal pure {
        uint256 length = bytes(text).length;
        if (length > limit) revert IKernelRegistry.KernelRegistry_FieldTooLong(field, length, limit);
        _require(Text.isPrintable(text), field);
    }

    function _checkBuild(Build calldata build) private pure {
        checkText(build.operatingSystem, "build.operatingSystem", STRING_LIMIT);
        checkText(build.compiler, "build.compiler", STRING_LIMIT);
        checkText(build.compilerVersion, "build.compilerVersion", STRING_LIMIT);
        checkText(build.compilerFlags, "build.compilerFlags", LONG_STRING_LIMIT);
    }

    function _checkRuntime(Runtime calldata runtime) private pure {
        checkText(runtime.name, "runtime.name", STRING_LIMIT);
        _require(bytes(runtime.name).length != 0, "runtime.name");
        checkText(runtime.version, "runtime.version", STRING_LIMIT);
        checkText(runtime.options, "runtime.options", LONG_STRING_LIMIT);
    }

    function _checkHardware(Hardware calldata hardware) private pure {
        checkText(hardware.features, "hardware.features", LONG_STRING_LIMIT);
        checkText(hardware.featuresOff, "hardware.featuresOff", LONG_STRING_LIMIT);
    }

    /// @dev Only a fixed seed has a value; zero is one like any other.
    function _checkSeeds(Seeds calldata seeds) private pure {
        _require(seeds.policy == SeedPolicy.Fixed || seeds.fixedSeed == 0, "seeds.fixedSeed");
    }

    /// @dev A tolerance is a number of the sketch's bits; the Exact rule looks at neither.
    function _checkAggregation(Aggregation calldata aggregation) private pure {
        bool exact = aggregation.rule == AggregationRule.Exact;
        checkText(aggregation.sketch, "aggregation.sketch", STRING_LIMIT);
        _require((bytes(aggregation.sketch).length == 0) == exact, "aggregation.sketch");
        _require(aggregation.tolerance <= (exact ? 0 : SKETCH_BITS), "aggregation.tolerance");
    }

    function _checkLimits(Limits calldata limits) private pure {
        _require(limits.timeMs != 0 && limits.timeMs <= TIME_LIMIT_MS, "limits.timeMs");
        _require(limits.memoryBytes != 0 && limits.memoryBytes <= MEMORY_LIMIT, "limits.memoryBytes");
        _require(limits.outputBytes != 0 && limits.outputBytes <= OUTPUT_LIMIT, "limits.outputBytes");
    }

    /// @dev Binary CIDv1: version 1, codec raw (0x55) or dag-pb (0x70), multihash sha2-256 (0x12) of 32 bytes (0x20).
    function _isContentCid(bytes calldata cid) private pure returns (bool) {
        if (cid.length != CID_LENGTH) return false;
        bytes4 prefix = bytes4(cid);
        return prefix == 0x01551220 || prefix == 0x01701220;
    }

    function _require(bool holds, string memory field) private pure {
        if (!holds) revert IKernelRegistry.KernelRegistry_InvalidField(field);
    }
}
