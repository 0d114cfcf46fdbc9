// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStatus} from "../../types/Job.sol";
import {KernelRegistry} from "../../KernelRegistry.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {Manifest} from "../../types/Manifest.sol";
import {TestBase} from "../support/TestBase.sol";
import {MarketAccount} from "./RegistryBase.sol";

/// @title Does what publishers, payers and the market may do, in any order, and remembers what it was told.
contract RegistryHandler is TestBase {
    KernelRegistry public immutable registry;
    MarketAccount public immutable market;
    Manifest private _template;

    address[2] public publishers = [address(0x1000001), address(0x1000002)];
    string[2] public handles = ["acme", "zoo"];
    KernelId[] public kernels;
    mapping(KernelId => IKernelRegistry.Status) public decided;
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
        address publisher = publishers[second ? 1 : 0];
        vm.prank(publisher);
        (bool done, bytes memory result) = address(registry).call(abi.encodeCall(KernelRegistry.register, (manifest)));
        if (!done) return; // this version exists
        KernelId kernel = abi.decode(result, (KernelId));
        kernels.push(kernel);
        manifestHash[kernel] = keccak256(abi.encode(manifest));
        decided[kernel] = IKernelRegistry.Status.Registered;
    }

    function request(uint256 which, uint64 value) external {
        if (kernels.length == 0) return;
        KernelId kernel = kernels[which % kernels.length];
        JobId last = registry.kernelOf(kernel).validationJob;
        bool may = decided[kernel] == IKernelRegistry.Status.Registered
            && (JobId.unwrap(last) == 0 || market.statusOf(last) == JobStatus.Failed);
        vm.deal(address(this), value);
        (bool done,) = address(registry).call{value: value}(abi.encodeCall(KernelRegistry.requestValidation, (kernel, 5)));
        assertEq(done, may, "requested exactly when nothing is decided or pending");
    }

    function failJob(uint256 which) external {
        if (kernels.length == 0) return;
        KernelId kernel = kernels[which % kernels.length];
        JobId job = registry.kernelOf(kernel).validationJob;
        // A market fails no job whose result it has delivered.
        if (JobId.unwrap(job) != 0 && decided[kernel] == IKernelRegistry.Status.Registered) {
            market.setStatus(job, JobStatus.Failed);
        }
    }

    function deliver(uint256 which, bool conforms) external {
        if (kernels.length == 0) return;
        KernelId kernel = kernels[which % kernels.length];
        JobId job = registry.kernelOf(kernel).validationJob;
        bool may = JobId.unwrap(job) != 0 && decided[kernel] == IKernelRegistry.Status.Registered;
        RecordDigest digest = RecordDigest.wrap(keccak256("certificate"));
        bytes32 answer = conforms ? bytes32(uint256(1)) : bytes32(0);
        vm.prank(address(market));
        (bool done,) = address(registry).call(abi.encodeCall(KernelRegistry.onInference, (job, digest, answer)));
        assertEq(done, may, "decided exactly once, by the last job");
        if (done) decided[kernel] = conforms ? IKernelRegistry.Status.Approved : IKernelRegistry.Status.Rejected;
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
