// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobMarket} from "../../JobMarket.sol";
import {KernelRegistry} from "../../KernelRegistry.sol";
import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {VrfCoordinator} from "../../VrfCoordinator.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, EnvironmentClass, JobId, KernelId, RandomnessId, RecordDigest} from "../../types/Ids.sol";
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
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title The four contracts, deployed as they are on a chain, with people in them.
/// @dev Keys, times and block numbers are fixed, so that committees, and with them gas, are the same in every run.
abstract contract House is TestBase {
    uint256 internal constant ORACLE_KEY = uint256(keccak256("oracle"));
    uint256 internal constant STAKE = 10 ether;
    uint48 internal constant THAW_PERIOD = 7 days;

    RecordDigest internal constant INPUT = RecordDigest.wrap(keccak256("input"));
    RecordDigest internal constant OUTPUT = RecordDigest.wrap(keccak256("output"));
    RecordDigest internal constant OTHER = RecordDigest.wrap(keccak256("another output"));
    RecordDigest internal constant ENVIRONMENT = RecordDigest.wrap(keccak256("environment"));
    bytes32 internal constant LABEL = bytes32(uint256(7));

    VrfCoordinator internal vrf;
    ValidatorStaking internal staking;
    KernelRegistry internal registry;
    JobMarket internal market;

    address internal treasury;
    address internal publisher;
    address internal requester;
    address internal anyone;
    address internal oracle;
    address[] internal validators;
    KernelId internal kernel; // approved

    function _parameters() internal pure virtual returns (IJobMarket.Parameters memory) {
        return IJobMarket.Parameters({
            seatFee: 0.01 ether,
            deliveryFeePerGas: 2 gwei,
            deviationSlash: 1 ether,
            absenceSlash: 0.25 ether,
            openWindow: 4 hours,
            commitWindow: 10 minutes,
            revealWindow: 5 minutes,
            challengeWindow: 1 hours
        });
    }

    function _stakePerValidator() internal pure virtual returns (uint256) {
        return STAKE;
    }

    /* SET-UP */

    function _build(uint256 validatorCount) internal {
        vm.roll(100);
        vm.warp(1_700_000_000);
        treasury = makeAddr("treasury");
        publisher = makeFunded("publisher", 100 ether);
        requester = makeFunded("requester", 1_000 ether);
        anyone = makeFunded("anyone", 1 ether);
        oracle = makeFunded("oracle", 100 ether);
        _deploy();
        _registerOracle();
        for (uint256 i = 0; i < validatorCount; ++i) {
            _addValidator(_stakePerValidator());
        }
        nextBlock();
        vm.prank(publisher);
        registry.registerPublisher("vision-lab");
        kernel = _register("digits", 0.05 ether);
        _approve(kernel);
    }

    function _deploy() private {
        vrf = _newVrf();
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2);
        staking = new ValidatorStaking(next, treasury, 1 ether, THAW_PERIOD);
        registry = new KernelRegistry(next);
        market = new JobMarket(vrf, staking, registry, _parameters());
    }

    function _newVrf() internal returns (VrfCoordinator) {
        return new VrfCoordinator({
            treasury_: treasury,
            fee_: 0.002 ether,
            minimumBond_: 5 ether,
            slashAmount_: 1 ether,
            answerWindow_: 20 minutes,
            activationDelay_: 2,
            exitDelay_: 1 days,
            confirmations_: 1
        });
    }

    function _registerOracle() private {
        (uint256 x, uint256 y) = EcvrfProver.publicKey(ORACLE_KEY);
        bytes memory proof = EcvrfProver.witnessed(ORACLE_KEY, abi.encodePacked(vrf.possessionAlpha(oracle, x, y)));
        vm.prank(oracle);
        vrf.registerOperator{value: 10 ether}(x, y, proof);
        skipBlocks(2); // the activation delay
    }

    function _addValidator(uint256 amount) internal returns (address validator) {
        validator = makeFunded(string.concat("validator ", vm.toString(validators.length)), 1_000 ether);
        validators.push(validator);
        vm.prank(validator);
        staking.stake{value: amount}(EnvironmentClass.wrap(keccak256("x86-64")), "");
    }

    function _manifest(string memory name, uint96 authorFee) internal pure returns (Manifest memory) {
        return Manifest({
            name: name,
            version: "1.0.0",
            record: RecordDigest.wrap(keccak256(bytes(name))),
            modelCid: abi.encodePacked(hex"01551220", keccak256("model")),
            build: Build("linux", "", "", ""),
            runtime: Runtime("onnxruntime", "1.31.1", "{}"),
            hardware: Hardware(HardwareKind.Cpu, "", "", 1 << 28),
            numerics: Numerics(false, true, false),
            seeds: Seeds(SeedPolicy.None, 0),
            aggregation: Aggregation(AggregationRule.Exact, "", 0),
            limits: Limits(10_000, 1 << 28, 1 << 20),
            determinism: DeterminismClass.Bitwise,
            authorFee: authorFee
        });
    }

    function _register(string memory name, uint96 authorFee) internal returns (KernelId) {
        vm.prank(publisher);
        return registry.register(_manifest(name, authorFee));
    }

    function _requestValidation(KernelId id, uint8 size) internal returns (JobId job) {
        uint256 price = market.quoteValidation(size);
        vm.prank(publisher);
        job = registry.requestValidation{value: price}(id, size);
    }

    /// @dev The whole admission, as a chain would see it.
    function _approve(KernelId id) private {
        JobId job = _requestValidation(id, 3);
        _open(job);
        _play(job, _says(RecordDigest.wrap(keccak256("certificate")), bytes32(uint256(1))));
        market.settle(job);
        market.deliver(job);
        _finalise(job);
        nextBlock();
    }

    /* STEPS */

    function _wanted(uint8 size, address consumer, uint32 callbackGas) internal view returns (IJobMarket.JobRequest memory) {
        return IJobMarket.JobRequest({
            kernel: kernel, input: INPUT, committeeSize: size, consumer: consumer, callbackGas: callbackGas, refundTo: requester
        });
    }

    function _request(uint8 size, address consumer, uint32 callbackGas) internal returns (JobId job) {
        uint256 price = market.quote(kernel, size, callbackGas);
        vm.prank(requester);
        job = market.request{value: price}(_wanted(size, consumer, callbackGas));
    }

    function _request(uint8 size) internal returns (JobId) {
        return _request(size, address(0), 0);
    }

    function _proofFor(JobId job) internal view returns (bytes memory) {
        (, bytes32 alpha) = vrf.challengeOf(market.jobOf(job).randomness);
        return EcvrfProver.witnessed(ORACLE_KEY, abi.encodePacked(alpha));
    }

    function _open(JobId job) internal {
        nextBlock();
        bytes memory proof = _proofFor(job);
        vm.prank(anyone);
        market.open(job, proof);
    }

    function _opened(uint8 size) internal returns (JobId job) {
        job = _request(size);
        _open(job);
    }

    function _says(RecordDigest digest, bytes32 answer) internal pure returns (IJobMarket.Attestation memory) {
        return IJobMarket.Attestation({digest: digest, answer: answer, sketch: 0, environment: ENVIRONMENT});
    }

    function _right() internal pure returns (IJobMarket.Attestation memory) {
        return _says(OUTPUT, LABEL);
    }

    function _wrong() internal pure returns (IJobMarket.Attestation memory) {
        return _says(OTHER, LABEL);
    }

    function _refusal() internal pure returns (IJobMarket.Attestation memory) {
        return _says(RecordDigest.wrap(0), 0);
    }

    function _salt(JobId job, address member) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", job, member));
    }

    function _commit(JobId job, address member, IJobMarket.Attestation memory said) internal {
        Commitment commitment = _commitment(job, market.jobOf(job).round, member, said);
        vm.prank(member);
        market.commit(job, commitment);
    }

    function _reveal(JobId job, address member, IJobMarket.Attestation memory said) internal {
        vm.prank(member);
        market.reveal(job, said, _salt(job, member));
    }

    /// @dev The members who were drawn in the job's present round.
    function _members(JobId job) internal view returns (address[] memory members) {
        address[] memory all = market.committeeOf(job);
        uint8 round = market.jobOf(job).round;
        uint256 count = 0;
        for (uint256 i = 0; i < all.length; ++i) {
            if (market.seatOf(job, all[i]).round == round) ++count;
        }
        members = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            members[i] = all[all.length - count + i];
        }
    }

    /// @dev Everyone of the round commits to and reveals the same.
    function _play(JobId job, IJobMarket.Attestation memory said) internal {
        address[] memory members = _members(job);
        IJobMarket.Attestation[] memory all = new IJobMarket.Attestation[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            all[i] = said;
        }
        _playEach(job, all);
    }

    /// @dev The round's member i commits to and reveals `said[i]`.
    function _playEach(JobId job, IJobMarket.Attestation[] memory said) internal {
        address[] memory members = _members(job);
        for (uint256 i = 0; i < members.length; ++i) {
            _commit(job, members[i], said[i]);
        }
        for (uint256 i = 0; i < members.length; ++i) {
            _reveal(job, members[i], said[i]);
        }
    }

    /// @dev A round of three in which everyone says something else.
    function _disagreement(uint256 count) internal pure returns (IJobMarket.Attestation[] memory said) {
        said = new IJobMarket.Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            said[i] = _says(RecordDigest.wrap(keccak256(abi.encode("opinion", i))), LABEL);
        }
    }

    function _settled(uint8 size, address consumer, uint32 callbackGas) internal returns (JobId job) {
        job = _request(size, consumer, callbackGas);
        _open(job);
        _play(job, _right());
        market.settle(job);
    }

    function _afterDeadline(JobId job) internal {
        vm.warp(uint256(market.jobOf(job).deadline) + 1);
    }

    function _finalise(JobId job) internal {
        _afterDeadline(job);
        market.finalise(job);
    }

    /* WHAT IS */

    function _commitment(JobId job, uint8 round, address member, IJobMarket.Attestation memory said) internal view returns (Commitment) {
        return market.commitmentOf(job, round, member, said, _salt(job, member));
    }

    function _locksOf(address validator) internal view returns (uint256) {
        return staking.validator(validator).locks;
    }

    function _stakeOf(address validator) internal view returns (uint256) {
        return staking.validator(validator).stake;
    }

    function _randomnessOf(JobId job) internal view returns (RandomnessId) {
        return market.jobOf(job).randomness;
    }

    function _escrowOf(JobId job) internal view returns (uint256) {
        return market.jobOf(job).escrow;
    }

    function assertStatus(JobId job, IJobMarket.Status want) internal view {
        assertEq(uint256(market.statusOf(job)), uint256(want), "status");
    }
}
