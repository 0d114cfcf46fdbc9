// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStatus} from "../../types/Job.sol";
import {KernelRegistry} from "../../KernelRegistry.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {EnvironmentClass, JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {DeterminismClass, Manifest} from "../../types/Manifest.sol";
import {TestBase} from "../support/TestBase.sol";
import {PastJobs} from "./PastJobs.sol";
import {MarketAccount} from "./RegistryBase.sol";

/// @title Does what publishers, payers and the market may do, in any order, and remembers what it was told.
contract RegistryHandler is TestBase, PastJobs {
    struct Asked {
        JobId job;
        bool decides; // asked for before the kernel was approved
        bool ofOneClass;
        bool delivered;
    }

    KernelRegistry public immutable registry;
    MarketAccount public immutable market;
    Manifest private _template;

    address[2] public publishers = [address(0x1000001), address(0x1000002)];
    string[2] public handles = ["acme", "zoo"];
    KernelId[] public kernels;
    mapping(KernelId => IKernelRegistry.Status) public decided;
    mapping(KernelId => DeterminismClass) public determinism;
    mapping(KernelId => bool) public barred; // from the first class
    mapping(KernelId => Asked[]) public jobs;
    mapping(KernelId => bytes32) public manifestHash;
    mapping(KernelId => bool) public deprecated;

    constructor(KernelRegistry registry_, MarketAccount market_, Manifest memory template) {
        registry = registry_;
        market = market_;
        _template = template;
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(publishers[i]);
            registry.registerPublisher(handles[i]);
        }
    }

    function count() external view returns (uint256) {
        return kernels.length;
    }

    function register(bool second, bool letters, uint8 patch) external {
        Manifest memory manifest = _template;
        manifest.name = letters ? "letters" : "digits";
        manifest.version = string.concat("1.0.", vm.toString(uint256(patch) % 4));
        manifest.authorFee = patch;
        manifest.determinism = patch % 4 < 2 ? DeterminismClass.Bitwise : DeterminismClass.Pinned;
        address publisher = publishers[second ? 1 : 0];
        vm.prank(publisher);
        (bool done, bytes memory result) = address(registry).call(abi.encodeCall(KernelRegistry.register, (manifest)));
        if (!done) return; // this version exists
        KernelId kernel = abi.decode(result, (KernelId));
        kernels.push(kernel);
        manifestHash[kernel] = keccak256(abi.encode(manifest));
        decided[kernel] = IKernelRegistry.Status.Registered;
        determinism[kernel] = manifest.determinism;
    }

    function request(uint256 which, uint64 value, bool ofOneClass) external {
        if (kernels.length == 0) return;
        KernelId kernel = kernels[which % kernels.length];
        bool approved = decided[kernel] == IKernelRegistry.Status.Approved;
        bool pinned = determinism[kernel] == DeterminismClass.Pinned;
        bool may = approved || (decided[kernel] == IKernelRegistry.Status.Registered && !_isPending(kernel));
        may = may && (ofOneClass ? (pinned || approved) && !barred[kernel] : !pinned);
        vm.deal(address(this), value);
        EnvironmentClass environmentClass = EnvironmentClass.wrap(ofOneClass ? bytes32("x86-64") : bytes32(0));
        (bool done, bytes memory result) =
            address(registry).call{value: value}(abi.encodeCall(KernelRegistry.requestValidation, (kernel, environmentClass, 5)));
        assertEq(done, may, "requested exactly when nothing is pending that decides, and of whom it decides");
        if (done) jobs[kernel].push(Asked(abi.decode(result, (JobId)), !approved, ofOneClass, false));
    }

    function _isPending(KernelId kernel) private view returns (bool) {
        for (uint256 i = 0; i < jobs[kernel].length; ++i) {
            Asked storage each = jobs[kernel][i];
            if (!each.delivered && market.statusOf(each.job) != JobStatus.Failed) return true;
        }
        return false;
    }

    function failJob(uint256 which, uint256 what) external {
        (KernelId kernel, bool any) = _asked(which);
        if (!any) return;
        Asked storage asked = jobs[kernel][what % jobs[kernel].length];
        // A market fails no job whose result it has delivered.
        if (!asked.delivered) market.setStatus(asked.job, JobStatus.Failed);
    }

    function deliver(uint256 which, uint256 what, bool conforms, bool spans) external {
        (KernelId kernel, bool any) = _asked(which);
        if (!any) return;
        Asked storage asked = jobs[kernel][what % jobs[kernel].length];
        // A market delivers no job that has failed.
        if (market.statusOf(asked.job) == JobStatus.Failed) return;
        uint256 agreeing = spans && !asked.ofOneClass ? 0x12 : 0x30;
        RecordDigest digest = RecordDigest.wrap(keccak256("certificate"));
        bytes32 answer = conforms ? bytes32(uint256(1)) : bytes32(0);
        vm.prank(address(market));
        (bool done,) = address(registry).call(abi.encodeCall(KernelRegistry.onValidation, (asked.job, digest, answer, agreeing)));
        assertEq(done, !asked.delivered, "taken exactly once");
        if (!done) return;
        asked.delivered = true;
        if (!asked.decides) return;
        if (conforms && (spans || asked.ofOneClass)) decided[kernel] = IKernelRegistry.Status.Approved;
        else if (!conforms && !asked.ofOneClass) decided[kernel] = IKernelRegistry.Status.Rejected;
    }

    function challenge(uint256 which, bool within) external {
        if (kernels.length == 0) return;
        KernelId kernel = kernels[which % kernels.length];
        DeterminismClass was = determinism[kernel];
        bool bars = within && !barred[kernel];
        bool may = decided[kernel] == IKernelRegistry.Status.Approved
            && (was == DeterminismClass.Bitwise || (bars && was == DeterminismClass.Pinned));
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", within ? 0x4 : 0x40));
        (bool done,) = address(registry).call(abi.encodeCall(KernelRegistry.challenge, (kernel, one, other)));
        assertEq(done, may, "demoted exactly as far as it is shown");
        if (!done) return;
        determinism[kernel] = DeterminismClass.Pinned;
        if (bars) barred[kernel] = true;
    }

    function _asked(uint256 which) private view returns (KernelId kernel, bool any) {
        if (kernels.length == 0) return (kernel, false);
        kernel = kernels[which % kernels.length];
        any = jobs[kernel].length != 0;
    }

    function point(uint256 which, bool stable, bool second) external {
        if (kernels.length == 0) return;
        KernelId kernel = kernels[which % kernels.length];
        address caller = publishers[second ? 1 : 0];
        bool may = registry.kernelOf(kernel).publisher == caller && !deprecated[kernel];
        string memory label = stable ? "stable" : "latest";
        vm.prank(caller);
        (bool done,) = address(registry).call(abi.encodeCall(KernelRegistry.setAlias, (label, kernel)));
        assertEq(done, may, "aliased exactly by its publisher while not deprecated");
    }

    function deprecate(uint256 which, bool second) external {
        if (kernels.length == 0) return;
        KernelId kernel = kernels[which % kernels.length];
        address caller = publishers[second ? 1 : 0];
        bool may = registry.kernelOf(kernel).publisher == caller && !deprecated[kernel];
        vm.prank(caller);
        (bool done,) = address(registry).call(abi.encodeCall(KernelRegistry.deprecate, (kernel, "old")));
        assertEq(done, may, "deprecated once, by its publisher");
        if (done) deprecated[kernel] = true;
    }
}
