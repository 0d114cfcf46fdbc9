// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInferenceConsumer} from "./interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "./interfaces/IJobMarket.sol";
import {IKernelRegistry} from "./interfaces/IKernelRegistry.sol";
import {ManifestRules} from "./libraries/ManifestRules.sol";
import {Names} from "./libraries/Names.sol";
import {JobStatus} from "./types/Job.sol";
import {JobId, KernelId, ManifestId, RecordDigest} from "./types/Ids.sol";
import {AggregationRule, DeterminismClass, Manifest} from "./types/Manifest.sol";

/// @title The kernels: manifests, names and versions, life cycle. See IKernelRegistry.
/// @notice Properties that the tests hold it to:
///         1. A kernel's manifest, publisher and version never change, and its id is the hash of manifest and publisher.
///         2. A status moves once, from Registered, by the result of the kernel's own last admission job.
///         3. A name resolves to a kernel of that publisher and that name; a version always to the same.
///         4. No money stays here.
/// @dev The market is trusted code, fixed at deployment: it calls nobody back while it takes a request.
contract KernelRegistry is IKernelRegistry {
    /// @dev What a validation job answers when every case gave what the manifest says.
    bytes32 private constant CONFORMS = bytes32(uint256(1));

    /// @dev Milliseconds of a kernel's time limit to a second of the least commit window: half of it, since a member also has to fetch
    ///      the kernel and its input, and to get its commitment into a block.
    uint256 private constant TIME_PER_COMMIT_SECOND = 500;

    /// @inheritdoc IKernelRegistry
    address public immutable market;

    /// @dev All that the market asks for, but the author's fee, is in the first word.
    struct Entry {
        address publisher;
        Status status;
        bool deprecated;
        uint48 registeredAt;
        DeterminismClass determinism; // these three as in the manifest
        AggregationRule rule;
        uint16 tolerance;
        ManifestId manifestId;
        JobId validationJob;
        RecordDigest certificate;
    }

    mapping(KernelId => Entry) private _kernels;
    mapping(KernelId => Manifest) private _manifests;
    mapping(JobId => KernelId) private _kernelOfJob;
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
        self.registeredAt = SafeCast.toUint48(block.number);
        self.determinism = manifest.determinism;
        self.rule = manifest.aggregation.rule;
        self.tolerance = manifest.aggregation.tolerance;
        self.manifestId = id;
        emit KernelRegistered(kernel, msg.sender, id, manifest.record, manifest.name, manifest.version);
    }

    /// @inheritdoc IKernelRegistry
    // The market is ours, calls nobody back from a request, and never gives an id twice.
    // slither-disable-next-line reentrancy-benign,reentrancy-events
    function requestValidation(KernelId kernel, uint8 committeeSize) external payable returns (JobId job) {
        Entry storage self = _known(kernel);
        require(self.status == Status.Registered, KernelRegistry_WrongStatus(kernel, self.status, Status.Registered));
        JobId last = self.validationJob;
        require(
            JobId.unwrap(last) == 0 || IJobMarket(market).statusOf(last) == JobStatus.Failed,
            KernelRegistry_ValidationPending(kernel, last)
        );
        // Here and not in every request: the bound is fixed, and no kernel takes jobs without an admission.
        uint256 timeMs = _manifests[kernel].limits.timeMs;
        uint256 limitMs = TIME_PER_COMMIT_SECOND * IJobMarket(market).parameters().bounds().leastCommitWindow;
        require(timeMs <= limitMs, KernelRegistry_TooSlow(kernel, timeMs, limitMs));
        job = IJobMarket(market).requestValidation{value: msg.value}(kernel, _manifests[kernel].record, committeeSize, msg.sender);
        self.validationJob = job;
        _kernelOfJob[job] = kernel;
        emit ValidationRequested(kernel, job);
    }

    /// @inheritdoc IInferenceConsumer
    /// @dev Costs less than the gas that JobMarket gives to it (see the snapshot), and must: nobody can pay more for it.
    function onInference(JobId job, RecordDigest digest, bytes32 answer) external {
        require(msg.sender == market, KernelRegistry_NotMarket(msg.sender));
        KernelId kernel = _kernelOfJob[job];
        Entry storage self = _kernels[kernel];
        // An unknown job leads to the unknown kernel, which has no job. An older one of this kernel has failed for good.
        require(JobId.unwrap(job) != 0 && JobId.unwrap(self.validationJob) == JobId.unwrap(job), KernelRegistry_UnexpectedJob(job));
        require(self.status == Status.Registered, KernelRegistry_WrongStatus(kernel, self.status, Status.Registered));
        self.certificate = digest;
        if (answer == CONFORMS) {
            self.status = Status.Approved;
            emit KernelApproved(kernel, digest);
        } else {
            self.status = Status.Rejected;
            emit KernelRejected(kernel, digest);
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
            manifestId: self.manifestId,
            validationJob: self.validationJob,
            certificate: self.certificate
        });
    }

    /// @inheritdoc IKernelRegistry
    function manifestOf(KernelId kernel) external view returns (Manifest memory) {
        return _manifests[kernel];
    }

    /// @inheritdoc IKernelRegistry
    function termsOf(KernelId kernel) external view returns (Terms memory) {
        Entry storage self = _kernels[kernel];
        return Terms({
            publisher: self.publisher,
            status: self.status,
            determinism: self.determinism,
            rule: self.rule,
            tolerance: self.tolerance,
            authorFee: _manifests[kernel].authorFee
        });
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
