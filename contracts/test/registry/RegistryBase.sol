// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStatus} from "../../types/Job.sol";
import {KernelRegistry} from "../../KernelRegistry.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {EnvironmentClass, JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {JobProgress, Result} from "../../types/Job.sol";
import {
    Aggregation,
    AggregationRule,
    Build,
    DeterminismClass,
    Hardware,
    HardwareKind,
    Limits,
    Manifest,
    Numerics,
    Runtime,
    SeedPolicy,
    Seeds
} from "../../types/Manifest.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title The caller's side of the registry: an account that takes admission jobs and brings results when the test says so.
/// @dev The registry with the real market is tested where the market is.
contract MarketAccount {
    struct Asked {
        KernelId kernel;
        RecordDigest record;
        EnvironmentClass environmentClass;
        uint8 committeeSize;
        address refundTo;
        uint256 value;
    }

    Asked public asked;
    uint256 public count;
    mapping(JobId => JobStatus) public statusOf;
    mapping(JobId => bytes32) private _states;
    mapping(uint256 tree => uint256) public assignedIn;
    uint256 private _classes = 2;

    function requestValidation(
        KernelId kernel,
        RecordDigest record,
        EnvironmentClass environmentClass,
        uint8 committeeSize,
        address refundTo
    ) external payable returns (JobId job) {
        asked = Asked(kernel, record, environmentClass, committeeSize, refundTo, msg.value);
        job = JobId.wrap(keccak256(abi.encode(address(this), ++count)));
        statusOf[job] = JobStatus.Requested;
    }

    function parameters() external view returns (address) {
        return address(this);
    }

    function bounds() external pure returns (IMarketParameters.Bounds memory b) {
        b.leastCommitWindow = 10 minutes;
    }

    /* THE STAKING, TOO */

    function staking() external view returns (address) {
        return address(this);
    }

    function currentEpoch() external pure returns (uint256) {
        return 20;
    }

    function classesAt(uint256 epoch) external view returns (uint256) {
        require(epoch == 20, "another epoch");
        return _classes;
    }

    function setClasses(uint256 classes) external {
        _classes = classes;
    }

    mapping(uint256 tree => uint256) private _lightBy;

    /// @dev Tree 63 is shared.
    function classOf(uint256 tree) external pure returns (EnvironmentClass) {
        if (tree == 63) return EnvironmentClass.wrap(0);
        return EnvironmentClass.wrap(tree == 0 ? bytes32("x86-64") : tree == 1 ? bytes32("aarch64") : keccak256(abi.encode("class", tree)));
    }

    function totalWeightAt(uint256 tree, uint256 epoch) external view returns (uint256) {
        require(epoch == 20, "another epoch");
        return tree == 255 ? 800 : 100 - _lightBy[tree];
    }

    function lighten(uint256 tree) external {
        _lightBy[tree] = 1;
    }

    function assign(uint256 tree, uint256 epoch) external {
        assignedIn[tree] = epoch;
    }

    /* JOBS THAT ARE OVER */

    function end(JobId job, bytes32 termsHash, JobProgress calldata progress) external {
        _states[job] = keccak256(abi.encode(termsHash, progress));
    }

    function verifyResult(JobId job, bytes32 termsHash, JobProgress calldata progress) external view returns (Result memory, bool) {
        require(_states[job] == keccak256(abi.encode(termsHash, progress)), "another state");
        return (progress.result, statusOf[job] == JobStatus.Finalised);
    }

    function setStatus(JobId job, JobStatus status) external {
        statusOf[job] = status;
    }

    function deliver(IKernelRegistry consumer, JobId job, RecordDigest digest, bytes32 answer, uint256 agreeing) external {
        consumer.onValidation(job, digest, answer, agreeing);
    }
}

/// @title A registry, a publisher with a handle, and a manifest that is good.
abstract contract RegistryBase is TestBase {
    RecordDigest internal constant CERTIFICATE = RecordDigest.wrap(keccak256("certificate"));
    bytes32 internal constant YES = bytes32(uint256(1));
    EnvironmentClass internal constant ANY = EnvironmentClass.wrap(0);
    EnvironmentClass internal constant X86 = EnvironmentClass.wrap("x86-64");
    EnvironmentClass internal constant ARM = EnvironmentClass.wrap("aarch64");
    /// @dev Votes by class: two of one, and one of another.
    uint256 internal constant SPAN = 0x12;

    MarketAccount internal market;
    KernelRegistry internal registry;
    address internal publisher;
    address internal stranger;

    function setUp() public virtual {
        market = new MarketAccount();
        registry = new KernelRegistry(address(market));
        publisher = makeAddr("publisher");
        stranger = makeAddr("stranger");
        vm.prank(publisher);
        registry.registerPublisher("acme");
    }

    /// @dev Every field different from its default, so that none can be lost unnoticed.
    function goodManifest() internal pure returns (Manifest memory manifest) {
        manifest.name = "digits";
        manifest.version = "1.2.3";
        manifest.record = RecordDigest.wrap(keccak256("record"));
        manifest.modelCid = abi.encodePacked(hex"01551220", keccak256("model"));
        manifest.build = Build("linux", "gcc", "13.2.0", "-O2 -ffp-contract=off");
        manifest.runtime = Runtime("onnxruntime", "1.23.0", '{"provider":"cpu"}');
        manifest.hardware = Hardware(HardwareKind.Cuda, "avx2,fma", "avx512f", 1 << 30);
        manifest.numerics = Numerics(true, true, true);
        manifest.seeds = Seeds(SeedPolicy.Fixed, keccak256("seed"));
        manifest.aggregation = Aggregation(AggregationRule.Exact, "", 0);
        manifest.limits = Limits(10_000, 1 << 29, 1 << 20);
        manifest.determinism = DeterminismClass.Bitwise;
        manifest.authorFee = 1 gwei;
    }

    function registerAs(address account, Manifest memory manifest) internal returns (KernelId) {
        vm.prank(account);
        return registry.register(manifest);
    }

    function registerGood() internal returns (KernelId) {
        return registerAs(publisher, goodManifest());
    }

    function deliver(JobId job, bytes32 answer) internal {
        deliver(job, answer, SPAN);
    }

    function deliver(JobId job, bytes32 answer, uint256 agreeing) internal {
        market.deliver(registry, job, CERTIFICATE, answer, agreeing);
    }

    function statusOf(KernelId kernel) internal view returns (IKernelRegistry.Status) {
        return registry.kernelOf(kernel).status;
    }

    function assertSame(KernelId have, KernelId want, string memory why) internal pure {
        assertEq(KernelId.unwrap(have), KernelId.unwrap(want), why);
    }

    function assertStatus(KernelId kernel, IKernelRegistry.Status want) internal view {
        assertEq(uint256(statusOf(kernel)), uint256(want), "status");
    }
}
