// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IJobMarket} from "./interfaces/IJobMarket.sol";
import {IKernelRegistry} from "./interfaces/IKernelRegistry.sol";
import {IValidatorStaking} from "./interfaces/IValidatorStaking.sol";
import {Contradiction} from "./libraries/Contradiction.sol";
import {ManifestRules} from "./libraries/ManifestRules.sol";
import {Names} from "./libraries/Names.sol";
import {WeightForest} from "./libraries/WeightForest.sol";
import {EnvironmentClass, JobId, KernelId, ManifestId, RecordDigest} from "./types/Ids.sol";
import {JobStatus} from "./types/Job.sol";
import {AggregationRule, DeterminismClass, Manifest, SeedPolicy} from "./types/Manifest.sol";

/// @title The kernels: manifests, names and versions, life cycle. See IKernelRegistry.
/// @notice Properties that the tests hold it to:
///         1. A kernel's manifest, publisher and version never change, and its id is the hash of manifest and publisher.
///         2. A status moves from Registered by the result of the kernel's own last admission job, and never again; a challenge takes classes from it.
///         3. A kernel is approved that is not pinned only by members of two environment classes.
///         4. The determinism class in force never rises, and falls only by a challenge.
///         5. A name resolves to a kernel of that publisher and that name; a version always to the same.
///         6. No money stays here.
/// @dev The market is trusted code, fixed at deployment: it calls nobody back while it takes a request.
contract KernelRegistry is IKernelRegistry {
    /// @dev What a validation job answers when every case gave what the manifest says.
    bytes32 private constant CONFORMS = bytes32(uint256(1));

    /// @dev Milliseconds of a kernel's time limit to a second of the least commit window: half of it, since a member also has to fetch
    ///      the kernel and its input, and to get its commitment into a block.
    uint256 private constant TIME_PER_COMMIT_SECOND = 500;

    /// @notice Environment classes that must agree before a kernel may run on all of them.
    uint256 public constant LEAST_CLASSES = 2;
    /// @notice Seats that must be behind a result before it can be held against a kernel: a majority of the largest first committee.
    uint256 public constant CHALLENGE_VOTES = 4;
    /// @dev The same for the result by which the kernel was admitted, which its publisher asked for.
    uint256 private constant ADMISSION_VOTES = 2;
    /// @notice A committee of one class shows nothing about other classes if it weighs less than one part of so many of all weight.
    uint256 public constant LEAST_SHARE = 8;

    /// @inheritdoc IKernelRegistry
    address public immutable market;

    /// @dev Of a kernel in one class.
    enum Standing {
        Unknown,
        Admitted,
        Barred // that class gives it two results
    }

    struct Asked {
        KernelId kernel;
        EnvironmentClass environmentClass;
    }

    /// @dev All that the market asks for, but the author's fee, is in the first word.
    struct Entry {
        address publisher;
        Status status;
        bool deprecated;
        uint40 registeredAt;
        uint8 classes;
        DeterminismClass determinism; // as in the manifest, until a challenge
        AggregationRule rule; // these two as in the manifest
        uint16 tolerance;
        ManifestId manifestId;
        JobId validationJob;
        RecordDigest certificate;
    }

    mapping(KernelId => Entry) private _kernels;
    mapping(KernelId => Manifest) private _manifests;
    mapping(JobId => Asked) private _asked;
    mapping(KernelId => mapping(EnvironmentClass => Standing)) private _standing;
    mapping(string handle => address) private _publishers;
    mapping(address publisher => string) private _handles;
    /// @dev Versions and aliases together: no string is both.
    mapping(address publisher => mapping(string name => mapping(string versionOrLabel => KernelId))) private _named;

    modifier onlyPublisherOf(KernelId kernel) {
        address publisher = _known(kernel).publisher;
        require(msg.sender == publisher, KernelRegistry_NotPublisher(msg.sender, publisher));
        _;
    }

    /// @param market_ where JobMarket is or will be deployed
    constructor(address market_) {
        require(market_ != address(0), KernelRegistry_InvalidMarket());
        market = market_;
    }

    /// @inheritdoc IKernelRegistry
    function registerPublisher(string calldata handle) external {
        require(Names.isName(handle, Names.HANDLE_LIMIT), KernelRegistry_InvalidName(handle));
        string memory own = _handles[msg.sender];
        require(bytes(own).length == 0, KernelRegistry_HandleAlreadySet(msg.sender, own));
        address by = _publishers[handle];
        require(by == address(0), KernelRegistry_HandleTaken(handle, by));
        _publishers[handle] = msg.sender;
        _handles[msg.sender] = handle;
        emit PublisherRegistered(msg.sender, handle);
    }

    /// @inheritdoc IKernelRegistry
    function register(Manifest calldata manifest) external returns (KernelId kernel) {
        require(bytes(_handles[msg.sender]).length != 0, KernelRegistry_NoHandle(msg.sender));
        ManifestRules.check(manifest);
        ManifestId id = manifestIdOf(manifest);
        kernel = kernelIdOf(msg.sender, id);
        require(_kernels[kernel].status == Status.Unknown, KernelRegistry_AlreadyRegistered(kernel));
        KernelId by = _named[msg.sender][manifest.name][manifest.version];
        require(KernelId.unwrap(by) == 0, KernelRegistry_VersionTaken(manifest.name, manifest.version, by));
        _named[msg.sender][manifest.name][manifest.version] = kernel;
        _manifests[kernel] = manifest;
        Entry storage self = _kernels[kernel];
        self.publisher = msg.sender;
        self.status = Status.Registered;
        self.registeredAt = SafeCast.toUint40(block.number);
        self.determinism = manifest.determinism;
        self.rule = manifest.aggregation.rule;
        self.tolerance = manifest.aggregation.tolerance;
        self.manifestId = id;
        emit KernelRegistered(kernel, msg.sender, id, manifest.record, manifest.name, manifest.version);
    }

    /// @inheritdoc IKernelRegistry
    // The market is ours, calls nobody back from a request, and never gives an id twice.
    // slither-disable-next-line reentrancy-benign,reentrancy-eth,reentrancy-events
    function requestValidation(KernelId kernel, EnvironmentClass environmentClass, uint8 committeeSize) external payable returns (JobId job) {
        Entry storage self = _known(kernel);
        bool undecided = self.status == Status.Registered;
        require(undecided || self.status == Status.Approved, KernelRegistry_WrongStatus(kernel, self.status, Status.Registered));
        JobId last = self.validationJob;
        require(!undecided || !_isPending(last), KernelRegistry_ValidationPending(kernel, last));
        _checkClass(kernel, self, environmentClass);
        // Here and not in every request: the bound is fixed, and no kernel takes jobs without an admission.
        uint256 timeMs = _manifests[kernel].limits.timeMs;
        uint256 limitMs = TIME_PER_COMMIT_SECOND * IJobMarket(market).parameters().bounds().leastCommitWindow;
        require(timeMs <= limitMs, KernelRegistry_TooSlow(kernel, timeMs, limitMs));
        RecordDigest record = _manifests[kernel].record;
        job = IJobMarket(market).requestValidation{value: msg.value}(kernel, record, environmentClass, committeeSize, msg.sender);
        if (undecided) self.validationJob = job;
        _asked[job] = Asked(kernel, environmentClass);
        emit ValidationRequested(kernel, job, environmentClass);
    }

    /// @dev Whether a job can still decide: it was asked for, its result has not come here, and it has not failed.
    function _isPending(JobId job) private view returns (bool) {
        return KernelId.unwrap(_asked[job].kernel) != 0 && IJobMarket(market).statusOf(job) != JobStatus.Failed;
    }

    /// @dev Who is to decide: all classes, of which there have to be two, or for a pinned kernel one of them.
    function _checkClass(KernelId kernel, Entry storage self, EnvironmentClass environmentClass) private view {
        bool pinned = self.determinism == DeterminismClass.Pinned;
        if (EnvironmentClass.unwrap(environmentClass) != 0) {
            require(pinned || self.status == Status.Approved, KernelRegistry_AllClassesNeeded(kernel));
            require(_standing[kernel][environmentClass] != Standing.Barred, KernelRegistry_ClassBarred(kernel, environmentClass));
            return;
        }
        require(!pinned, KernelRegistry_ClassNeeded(kernel));
        IValidatorStaking staking = IJobMarket(market).staking();
        uint256 classes = staking.classesAt(staking.currentEpoch());
        require(classes >= LEAST_CLASSES, KernelRegistry_TooFewClasses(classes, LEAST_CLASSES));
    }

    /// @inheritdoc IKernelRegistry
    /// @dev Costs less than the gas that JobMarket gives to it (see the snapshot), and must: nobody can pay more for it.
    function onValidation(JobId job, RecordDigest digest, bytes32 answer, uint256 agreeing) external {
        require(msg.sender == market, KernelRegistry_NotMarket(msg.sender));
        Asked memory asked = _asked[job];
        Entry storage self = _kernels[asked.kernel];
        bool decides = self.status == Status.Registered;
        // One that was asked for before the last has failed for good.
        bool expected = KernelId.unwrap(asked.kernel) != 0 && (!decides || JobId.unwrap(self.validationJob) == JobId.unwrap(job));
        require(expected, KernelRegistry_UnexpectedJob(job));
        delete _asked[job];
        bool conforms = answer == CONFORMS;
        uint8 classes = uint8(Contradiction.classesOf(agreeing)); // at most fifteen
        emit ValidationConcluded(asked.kernel, job, asked.environmentClass, digest, conforms, classes);
        bool ofOneClass = EnvironmentClass.unwrap(asked.environmentClass) != 0;
        if (ofOneClass && conforms && _standing[asked.kernel][asked.environmentClass] == Standing.Unknown) {
            _standing[asked.kernel][asked.environmentClass] = Standing.Admitted;
            emit ClassAdmitted(asked.kernel, asked.environmentClass, digest);
        }
        if (!decides) return;
        self.certificate = digest;
        self.classes = classes;
        if (conforms && (ofOneClass || classes >= LEAST_CLASSES)) {
            self.status = Status.Approved;
            emit KernelApproved(asked.kernel, digest);
        } else if (!conforms && !ofOneClass) {
            self.status = Status.Rejected;
            emit KernelRejected(asked.kernel, digest);
        }
    }

    /// @inheritdoc IKernelRegistry
    function challenge(KernelId kernel, Evidence calldata one, Evidence calldata other) external {
        Entry storage self = _known(kernel);
        require(self.status == Status.Approved, KernelRegistry_WrongStatus(kernel, self.status, Status.Approved));
        uint256 votes = _votesFor(kernel, self, one);
        uint256 otherVotes = _votesFor(kernel, self, other);
        bool seeded = _manifests[kernel].seeds.policy == SeedPolicy.Verifiable;
        require(Contradiction.areComparable(one.terms, other.terms, seeded), KernelRegistry_NotComparable(one.job, other.job));
        bool differ = Contradiction.isBetween(one.terms.rules.kind(), one.progress.result, other.progress.result);
        require(differ, KernelRegistry_NoContradiction(one.job, other.job));
        DeterminismClass was = self.determinism;
        require(was >= DeterminismClass.Pinned, KernelRegistry_NothingToDemote(kernel, was));
        EnvironmentClass same = _classBehindBoth(one, votes, _needed(self, one.job), other, otherVotes, _needed(self, other.job));
        bool bars = EnvironmentClass.unwrap(same) != 0 && _standing[kernel][same] != Standing.Barred;
        if (was == DeterminismClass.Bitwise) {
            // That concerns other classes.
            _checkWeight(one);
            _checkWeight(other);
            self.determinism = DeterminismClass.Pinned;
            emit KernelDemoted(kernel, one.job, other.job);
        } else {
            require(bars, KernelRegistry_NothingToDemote(kernel, was));
        }
        if (bars) {
            _standing[kernel][same] = Standing.Barred;
            emit ClassBarred(kernel, same, one.job, other.job);
        }
    }

    /// @dev How many members of each class are behind a result, if it can be held against the kernel.
    function _votesFor(KernelId kernel, Entry storage self, Evidence calldata shown) private view returns (uint256 votes) {
        // slither-disable-next-line unused-return
        (, bool isFinal) = IJobMarket(market).verifyResult(shown.job, keccak256(abi.encode(shown.terms)), shown.progress);
        require(isFinal, KernelRegistry_NotFinal(shown.job));
        require(KernelId.unwrap(shown.terms.kernel) == KernelId.unwrap(kernel), KernelRegistry_NotOfKernel(shown.job, kernel));
        votes = shown.progress.outcomes.paidByTree(shown.progress.seats);
        (uint256 have, uint256 want) = (Contradiction.sum(votes), _needed(self, shown.job));
        require(have >= want, KernelRegistry_TooFewVotes(shown.job, have, want));
    }

    /// @dev Whoever is alone in a class is its every committee. So what a class says of others counts only if it is a good part of all.
    function _checkWeight(Evidence calldata shown) private view {
        uint8 tree = shown.terms.rules.tree();
        if (tree >= WeightForest.TREES) return;
        IValidatorStaking staking = IJobMarket(market).staking();
        uint256 epoch = staking.currentEpoch();
        // A class whose tree was given to another since is gone.
        uint256 have = staking.assignedIn(tree) < shown.terms.rules.epoch() ? staking.totalWeightAt(tree, epoch) : 0;
        uint256 all = staking.totalWeightAt(type(uint8).max, epoch);
        require(have * LEAST_SHARE >= all, KernelRegistry_ClassTooLight(shown.job, have, all));
    }

    function _needed(Entry storage self, JobId job) private view returns (uint256) {
        return JobId.unwrap(job) == JobId.unwrap(self.validationJob) ? ADMISSION_VOTES : CHALLENGE_VOTES;
    }

    /// @dev The class of which enough members are behind both, or zero. A tree that was given to another class since says nothing, nor
    ///      does the one that classes share, which is no class's.
    // The staking is ours, and asked once for each class that is behind both.
    // slither-disable-next-line calls-loop
    function _classBehindBoth(
        Evidence calldata one,
        uint256 votes,
        uint256 needed,
        Evidence calldata other,
        uint256 otherVotes,
        uint256 otherNeeded
    ) private view returns (EnvironmentClass same) {
        IValidatorStaking staking = IJobMarket(market).staking();
        (uint256 epoch, uint256 otherEpoch) = (one.terms.rules.epoch(), other.terms.rules.epoch());
        uint256 first = epoch < otherEpoch ? epoch : otherEpoch;
        // Each turn takes two votes at least of at most fifteen.
        for (uint256 tree = 0; votes >> (4 * tree) != 0; ++tree) {
            bool both = Contradiction.votesOf(votes, tree) >= needed && Contradiction.votesOf(otherVotes, tree) >= otherNeeded;
            if (both && staking.assignedIn(tree) < first) {
                same = staking.classOf(tree);
                if (EnvironmentClass.unwrap(same) != 0) return same;
            }
        }
    }

    /// @inheritdoc IKernelRegistry
    function setAlias(string calldata label, KernelId kernel) external onlyPublisherOf(kernel) {
        require(Names.isLabel(label), KernelRegistry_InvalidName(label));
        require(!_kernels[kernel].deprecated, KernelRegistry_AlreadyDeprecated(kernel));
        string memory name = _manifests[kernel].name;
        _named[msg.sender][name][label] = kernel;
        emit AliasMoved(msg.sender, name, label, kernel);
    }

    /// @inheritdoc IKernelRegistry
    function deprecate(KernelId kernel, string calldata reason) external onlyPublisherOf(kernel) {
        ManifestRules.checkText(reason, "reason", ManifestRules.STRING_LIMIT);
        require(!_kernels[kernel].deprecated, KernelRegistry_AlreadyDeprecated(kernel));
        _kernels[kernel].deprecated = true;
        emit KernelDeprecated(kernel, reason);
    }

    /// @inheritdoc IKernelRegistry
    function kernelOf(KernelId kernel) external view returns (Kernel memory) {
        Entry storage self = _kernels[kernel];
        return Kernel({
            publisher: self.publisher,
            status: self.status,
            deprecated: self.deprecated,
            registeredAt: self.registeredAt,
            determinism: self.determinism,
            classes: self.classes,
            manifestId: self.manifestId,
            validationJob: self.validationJob,
            certificate: self.certificate
        });
    }

    /// @inheritdoc IKernelRegistry
    function isAdmitted(KernelId kernel, EnvironmentClass environmentClass) external view returns (bool) {
        return _standing[kernel][environmentClass] == Standing.Admitted;
    }

    /// @inheritdoc IKernelRegistry
    function isBarred(KernelId kernel, EnvironmentClass environmentClass) external view returns (bool) {
        return _standing[kernel][environmentClass] == Standing.Barred;
    }

    /// @inheritdoc IKernelRegistry
    function manifestOf(KernelId kernel) external view returns (Manifest memory) {
        return _manifests[kernel];
    }

    /// @inheritdoc IKernelRegistry
    function termsOf(KernelId kernel, EnvironmentClass environmentClass) external view returns (Terms memory terms) {
        Entry storage self = _kernels[kernel];
        terms.publisher = self.publisher;
        terms.status = self.status;
        terms.determinism = self.determinism;
        terms.rule = self.rule;
        terms.tolerance = self.tolerance;
        terms.authorFee = _manifests[kernel].authorFee;
        bool takesAny = terms.determinism != DeterminismClass.Pinned;
        terms.takesClass = terms.status != Status.Unknown && (takesAny || _standing[kernel][environmentClass] == Standing.Admitted);
    }

    /// @inheritdoc IKernelRegistry
    function resolve(string calldata handle, string calldata name, string calldata versionOrLabel) external view returns (KernelId kernel) {
        address publisher = _publishers[handle];
        if (publisher != address(0)) kernel = _named[publisher][name][versionOrLabel];
        require(KernelId.unwrap(kernel) != 0, KernelRegistry_UnknownName(string.concat(handle, "/", name, "@", versionOrLabel)));
    }

    /// @inheritdoc IKernelRegistry
    function publisherOf(string calldata handle) external view returns (address) {
        return _publishers[handle];
    }

    /// @inheritdoc IKernelRegistry
    function handleOf(address publisher) external view returns (string memory) {
        return _handles[publisher];
    }

    /// @inheritdoc IKernelRegistry
    function manifestIdOf(Manifest calldata manifest) public pure returns (ManifestId) {
        return ManifestId.wrap(keccak256(abi.encode(manifest)));
    }

    /// @inheritdoc IKernelRegistry
    function kernelIdOf(address publisher, ManifestId manifestId) public pure returns (KernelId) {
        return KernelId.wrap(keccak256(abi.encode(publisher, manifestId)));
    }

    function _known(KernelId kernel) private view returns (Entry storage self) {
        self = _kernels[kernel];
        require(self.status != Status.Unknown, KernelRegistry_UnknownKernel(kernel));
    }
}
