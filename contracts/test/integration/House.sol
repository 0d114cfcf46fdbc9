// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Appeals} from "../../Appeals.sol";
import {JobMarket} from "../../JobMarket.sol";
import {KernelRegistry} from "../../KernelRegistry.sol";
import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {VrfCoordinator} from "../../VrfCoordinator.sol";
import {MarketParameters} from "../../MarketParameters.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, EnvironmentClass, JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
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
import {Attestation, JobProgress, JobStatus, JobTerms, Showing, Shown} from "../../types/Job.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {JobBook} from "../support/JobBook.sol";

/// @title The contracts, deployed as they are on a chain, with people in them.
/// @dev Keys, times and block numbers are fixed, so that committees, and with them gas, are the same in every run.
abstract contract House is JobBook {
    uint256 internal constant ORACLE_KEY = uint256(keccak256("oracle"));
    uint256 internal constant STAKE = 10 ether;
    uint48 internal constant THAW_PERIOD = 8 days;
    uint32 internal constant EPOCH = 1 days;

    /// @dev Of all validators but the second: enough for every admission, and no more than it takes.
    EnvironmentClass internal constant X86 = EnvironmentClass.wrap(keccak256("x86-64"));
    EnvironmentClass internal constant ARM = EnvironmentClass.wrap(keccak256("aarch64"));
    EnvironmentClass internal constant ANY = EnvironmentClass.wrap(0);

    RecordDigest internal constant INPUT = RecordDigest.wrap(keccak256("input"));
    RecordDigest internal constant OUTPUT = RecordDigest.wrap(keccak256("output"));
    RecordDigest internal constant OTHER = RecordDigest.wrap(keccak256("another output"));
    RecordDigest internal constant ENVIRONMENT = RecordDigest.wrap(keccak256("environment"));
    bytes32 internal constant LABEL = bytes32(uint256(7));

    VrfCoordinator internal vrf;
    ValidatorStaking internal staking;
    KernelRegistry internal registry;
    MarketParameters internal parameters;
    Appeals internal appeals;
    JobMarket internal market;

    address internal owner;
    address internal treasury;
    address internal publisher;
    address internal requester;
    address internal anyone;
    address internal oracle;
    address[] internal validators;
    mapping(address account => uint256) private _keys;
    KernelId internal kernel; // approved

    function _parameters() internal pure virtual returns (IMarketParameters.Parameters memory) {
        return IMarketParameters.Parameters({
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

    /// @dev Of a job, at most.
    function _longestLife() internal pure virtual returns (uint32) {
        return 2 days;
    }

    function _thawPeriod() internal pure virtual returns (uint48) {
        return THAW_PERIOD;
    }

    function _oracleKey() internal pure virtual returns (uint256) {
        return ORACLE_KEY;
    }

    function _stakePerValidator() internal pure virtual returns (uint256) {
        return STAKE;
    }

    /* SET-UP */

    function _build(uint256 validatorCount) internal {
        vm.roll(100);
        vm.warp(1_700_000_000);
        vm.recordLogs();
        owner = makeAddr("owner");
        treasury = makeAddr("treasury");
        publisher = makeFunded("publisher", 100 ether);
        requester = makeFunded("requester", 1_000 ether);
        anyone = makeFunded("anyone", 1 ether);
        oracle = makeFunded("oracle", 100 ether);
        _deploy();
        _registerOracle();
        for (uint256 i = 0; i < validatorCount; ++i) {
            _addValidator(_stakePerValidator(), i == 1 ? ARM : X86);
        }
        _nextEpoch();
        vm.prank(publisher);
        registry.registerPublisher("vision-lab");
        kernel = _register("digits", 0.05 ether);
        _approve(kernel);
    }

    function _deploy() private {
        vrf = _newVrf();
        parameters = new MarketParameters(
            owner, IMarketParameters.Bounds({greatestSlash: 1 ether, leastOpenWindow: 1 hours + 4, leastCommitWindow: 10 minutes, longestDraw: EPOCH, longestLife: _longestLife()}), _parameters()
        );
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 3);
        staking = new ValidatorStaking(next, treasury, 1 ether, _thawPeriod(), EPOCH);
        registry = new KernelRegistry(next);
        appeals = new Appeals(IJobMarket(next), staking);
        market = new JobMarket(vrf, staking, registry, parameters, appeals);
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
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_oracleKey());
        bytes memory proof = EcvrfProver.witnessed(_oracleKey(), abi.encodePacked(vrf.possessionAlpha(oracle, x, y)));
        vm.prank(oracle);
        vrf.registerOperator{value: 10 ether}(x, y, proof);
        skipBlocks(2); // the activation delay
    }

    function _addValidator(uint256 amount) internal returns (address) {
        return _addValidator(amount, X86);
    }

    function _addValidator(uint256 amount, EnvironmentClass environmentClass) internal returns (address validator) {
        uint256 key;
        (validator, key) = makeAccount(string.concat("validator ", vm.toString(validators.length)));
        vm.deal(validator, 1_000 ether);
        _keys[validator] = key;
        validators.push(validator);
        vm.prank(validator);
        staking.stake{value: amount}(environmentClass, "");
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
        return _register(_manifest(name, authorFee));
    }

    function _register(Manifest memory manifest) internal returns (KernelId) {
        vm.prank(publisher);
        return registry.register(manifest);
    }

    function _requestValidation(KernelId id, uint8 size) internal returns (JobId) {
        return _requestValidation(id, ANY, size);
    }

    function _requestValidation(KernelId id, EnvironmentClass environmentClass, uint8 size) internal returns (JobId) {
        uint256 price = market.quoteValidation(size);
        vm.prank(publisher);
        return registry.requestValidation{value: price}(id, environmentClass, size);
    }

    /// @dev The whole admission, as a chain would see it.
    function _approve(KernelId id) internal {
        _approve(id, ANY);
    }

    function _approve(KernelId id, EnvironmentClass environmentClass) internal {
        JobId job = _requestValidation(id, environmentClass, 3);
        _open(job);
        _play(job, _says(RecordDigest.wrap(keccak256("certificate")), bytes32(uint256(1))));
        _settle(job);
        _deliver(job);
        _finalise(job);
        nextBlock();
    }

    /* STEPS */

    function _wanted(uint8 size, address consumer, uint32 callbackGas) internal view returns (IJobMarket.JobRequest memory) {
        return IJobMarket.JobRequest({
            kernel: kernel, input: INPUT, environmentClass: ANY, committeeSize: size, consumer: consumer, callbackGas: callbackGas, refundTo: requester
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

    /// @dev Without a consumer, of one class.
    function _request(uint8 size, EnvironmentClass environmentClass) internal returns (JobId job) {
        IJobMarket.JobRequest memory wanted = _wanted(size, address(0), 0);
        wanted.environmentClass = environmentClass;
        uint256 price = market.quote(kernel, size, 0);
        vm.prank(requester);
        job = market.request{value: price}(wanted);
    }

    function _proofFor(JobId job) internal virtual returns (bytes memory) {
        (, bytes32 alpha) = vrf.challengeOf(_termsIn(job).randomness);
        return EcvrfProver.witnessed(ORACLE_KEY, abi.encodePacked(alpha));
    }

    function _open(JobId job) internal {
        nextBlock();
        _open(job, _proofFor(job));
    }

    function _open(JobId job, bytes memory proof) internal {
        JobTerms memory terms = _termsIn(job);
        vm.prank(anyone);
        market.open(job, terms, proof);
    }

    function _expire(JobId job) internal {
        JobTerms memory terms = _termsIn(job);
        vm.prank(anyone);
        market.expire(job, terms);
    }

    function _opened(uint8 size) internal returns (JobId job) {
        job = _request(size);
        _open(job);
    }

    function _says(RecordDigest digest, bytes32 answer) internal pure returns (Attestation memory) {
        return Attestation({digest: digest, answer: answer, sketch: 0, environment: ENVIRONMENT});
    }

    function _right() internal pure returns (Attestation memory) {
        return _says(OUTPUT, LABEL);
    }

    function _wrong() internal pure returns (Attestation memory) {
        return _says(OTHER, LABEL);
    }

    function _refusal() internal pure returns (Attestation memory) {
        return _says(RecordDigest.wrap(0), 0);
    }

    function _salt(JobId job, address member) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", job, member));
    }

    function _commit(JobId job, address member, Attestation memory said) internal {
        _commit(job, member, _commitment(job, _progressIn(job).round, member, said));
    }

    function _commit(JobId job, address member, Commitment commitment) internal {
        JobProgress memory progress = _progressIn(job);
        bytes32 terms = _termsHashIn(job);
        vm.prank(member);
        market.commit(job, terms, progress, commitment);
    }

    function _reveal(JobId job, address member, Attestation memory said) internal {
        _reveal(job, member, said, _salt(job, member));
    }

    function _reveal(JobId job, address member, Attestation memory said, bytes32 salt) internal {
        JobProgress memory progress = _progressIn(job);
        bytes32 terms = _termsHashIn(job);
        vm.prank(member);
        market.reveal(job, terms, progress, said, salt);
    }

    /// @dev What each of the round says, sent by anyone, in two transactions with the settlement.
    function _commitBatch(JobId job, Attestation[] memory said) internal {
        (Commitment[] memory batch, bytes memory signatures) = _batchOf(job, said, type(uint256).max);
        _commitBatch(job, batch, signatures);
    }

    function _commitBatch(JobId job, Commitment[] memory batch, bytes memory signatures) internal {
        JobProgress memory progress = _progressIn(job);
        bytes32 terms = _termsHashIn(job);
        vm.prank(anyone);
        market.commitBatch(job, terms, progress, batch, signatures);
    }

    /// @param included bit i: whether the round's member i is in it
    function _batchOf(JobId job, Attestation[] memory said, uint256 included)
        internal
        returns (Commitment[] memory batch, bytes memory signatures)
    {
        JobProgress memory progress = _progressIn(job);
        address[] memory members = _members(progress);
        batch = _listOf(job, progress, said);
        for (uint256 i = 0; i < members.length; ++i) {
            if ((included >> i) & 1 == 0) batch[i] = Commitment.wrap(0);
            else signatures = bytes.concat(signatures, _sign(members[i], market.commitDigest(job, progress.round, progress.seed, batch[i])));
        }
    }

    function _listOf(JobId job, JobProgress memory progress, Attestation[] memory said) internal view returns (Commitment[] memory list) {
        address[] memory members = _members(progress);
        list = new Commitment[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            list[i] = _commitment(job, progress.round, members[i], said[i]);
        }
    }

    function _settleBatch(JobId job, Attestation[] memory said) internal {
        address[] memory members = _members(job);
        Shown[] memory shown = new Shown[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            shown[i] = Shown(Showing.Opening, said[i], _salt(job, members[i]));
        }
        _settle(job, shown);
    }

    /// @dev The whole round in one transaction: everyone signs the list, and opens.
    function _settleTogether(JobId job, Attestation[] memory said) internal {
        (Shown[] memory shown, bytes memory signatures) = _together(job, said, type(uint256).max);
        _settleTogether(job, shown, signatures);
    }

    function _settleTogether(JobId job, Shown[] memory shown, bytes memory signatures) internal {
        JobProgress memory progress = _progressIn(job);
        JobTerms memory terms = _termsIn(job);
        vm.prank(anyone);
        market.settleTogether(job, terms, progress, shown, signatures);
    }

    /// @param open bit i: whether the round's member i opens what it committed to
    function _together(JobId job, Attestation[] memory said, uint256 open) internal returns (Shown[] memory shown, bytes memory signatures) {
        return _together(job, _progressIn(job), said, open);
    }

    function _together(JobId job, JobProgress memory progress, Attestation[] memory said, uint256 open)
        internal
        view
        returns (Shown[] memory shown, bytes memory signatures)
    {
        Commitment[] memory list = _listOf(job, progress, said);
        address[] memory members = _members(progress);
        bytes32 digest = market.roundDigest(job, progress.round, progress.seed, list);
        shown = new Shown[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            signatures = bytes.concat(signatures, _sign(members[i], digest));
            if ((open >> i) & 1 == 1) shown[i] = Shown(Showing.Opening, said[i], _salt(job, members[i]));
            else shown[i].salt = Commitment.unwrap(list[i]);
        }
    }

    /// @dev The whole job up to its settlement in one transaction: the first round is over before the chain has the seed.
    function _openTogether(JobId job, Attestation[] memory said) internal {
        nextBlock();
        bytes memory proof = _proofFor(job);
        (Shown[] memory shown, bytes memory signatures) = _together(job, _foreseen(job, proof), said, type(uint256).max);
        _openTogether(job, proof, shown, signatures);
    }

    function _openTogether(JobId job, bytes memory proof, Shown[] memory shown, bytes memory signatures) internal {
        JobTerms memory terms = _termsIn(job);
        vm.prank(anyone);
        market.openTogether(job, terms, proof, shown, signatures);
    }

    /// @dev How far the job will have come once it is opened with this proof, as anybody can tell who has seen it.
    function _foreseen(JobId job, bytes memory proof) internal returns (JobProgress memory progress) {
        JobTerms memory terms = _termsIn(job);
        progress.seed = EcvrfProver.outputOf(proof);
        progress.seats = staking.draw(progress.seed, terms.rules.committeeSize(), progress.seats, terms.rules.tree(), terms.rules.epoch());
        progress.revealWindow = terms.rules.revealWindow();
    }

    /// @dev The members who were drawn in the job's present round.
    function _members(JobId job) internal returns (address[] memory) {
        return _members(_progressIn(job));
    }

    function _members(JobProgress memory progress) internal pure returns (address[] memory members) {
        members = new address[](progress.seats.length - progress.firstSeat);
        for (uint256 i = 0; i < members.length; ++i) {
            members[i] = progress.seats[progress.firstSeat + i].memberOf();
        }
    }

    /// @dev All who were drawn, in all rounds.
    function _committee(JobId job) internal returns (address[] memory) {
        return _accounts(_progressIn(job));
    }

    function _accounts(JobProgress memory progress) internal pure returns (address[] memory members) {
        members = new address[](progress.seats.length);
        for (uint256 i = 0; i < members.length; ++i) {
            members[i] = progress.seats[i].memberOf();
        }
    }

    /// @dev Everyone of the round commits to and reveals the same.
    function _play(JobId job, Attestation memory said) internal {
        _playEach(job, _unanimous(_members(job).length, said));
    }

    /// @dev The round's member i commits to and reveals `said[i]`.
    function _playEach(JobId job, Attestation[] memory said) internal {
        address[] memory members = _members(job);
        for (uint256 i = 0; i < members.length; ++i) {
            _commit(job, members[i], said[i]);
        }
        for (uint256 i = 0; i < members.length; ++i) {
            _reveal(job, members[i], said[i]);
        }
    }

    /// @dev All of the round say the same.
    function _unanimous(uint256 count, Attestation memory what) internal pure returns (Attestation[] memory said) {
        said = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            said[i] = what;
        }
    }

    /// @dev A round in which everyone says something else.
    function _disagreement(uint256 count) internal pure returns (Attestation[] memory said) {
        said = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            said[i] = _says(RecordDigest.wrap(keccak256(abi.encode("opinion", i))), LABEL);
        }
    }

    /// @dev With what everyone has revealed alone.
    function _settle(JobId job) internal {
        _settle(job, _revealedIn(job));
    }

    function _settle(JobId job, Shown[] memory shown) internal {
        JobProgress memory progress = _progressIn(job);
        JobTerms memory terms = _termsIn(job);
        vm.prank(anyone);
        market.settle(job, terms, progress, shown);
    }

    function _deliver(JobId job) internal returns (bool) {
        JobProgress memory progress = _progressIn(job);
        JobTerms memory terms = _termsIn(job);
        vm.prank(anyone);
        return market.deliver(job, terms, progress);
    }

    function _settled(uint8 size, address consumer, uint32 callbackGas) internal returns (JobId job) {
        job = _request(size, consumer, callbackGas);
        _open(job);
        _play(job, _right());
        _settle(job);
    }

    function _afterDeadline(JobId job) internal {
        vm.warp(market.deadlineOf(job) + 1);
    }

    function _finalise(JobId job) internal {
        _afterDeadline(job);
        _finaliseNow(job);
    }

    function _finaliseNow(JobId job) internal {
        JobProgress memory progress = _progressIn(job);
        JobTerms memory terms = _termsIn(job);
        vm.prank(anyone);
        market.finalise(job, terms, progress);
    }

    /// @dev Weights that were just changed begin to count.
    function _nextEpoch() internal {
        vm.roll(vm.getBlockNumber() + 1);
        vm.warp((staking.currentEpoch() + 1) * EPOCH);
    }

    /* WHAT IS */

    /// @dev Not asked of the market, so that a test can expect the next call to revert. `CommitTest` compares the two.
    function _commitment(JobId job, uint8 round, address member, Attestation memory said) internal view returns (Commitment) {
        bytes32 domain = keccak256("aivm/commitment/1");
        return Commitment.wrap(keccak256(abi.encode(domain, block.chainid, address(market), job, round, member, said, _salt(job, member))));
    }

    function _sign(address member, bytes32 digest) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[member], digest);
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    /// @dev What a job holds at first.
    function _escrowOf(JobId job) internal returns (uint256) {
        JobTerms memory terms = _termsIn(job);
        uint256[3] memory largest = [uint256(15), 15, 15]; // of 3, 5 and 7 seats, after two growths
        return terms.authorFee + largest[(terms.rules.committeeSize() - 3) / 2] * terms.seatFee + terms.deliveryFee;
    }

    /// @dev Everything the market owes to accounts of this house; without running jobs it is all that it holds.
    function _owed() internal view returns (uint256 owed) {
        address[5] memory people = [publisher, requester, anyone, oracle, treasury];
        for (uint256 i = 0; i < people.length; ++i) {
            owed += market.creditOf(people[i]);
        }
        for (uint256 i = 0; i < validators.length; ++i) {
            owed += market.creditOf(validators[i]);
        }
    }

    function _blamesOf(address validator) internal view returns (uint256) {
        return staking.validator(validator).blamed;
    }

    function _stakeOf(address validator) internal view returns (uint256) {
        return staking.validator(validator).stake;
    }

    function assertStatus(JobId job, JobStatus want) internal view {
        assertEq(uint256(market.statusOf(job)), uint256(want), "status");
    }
}
