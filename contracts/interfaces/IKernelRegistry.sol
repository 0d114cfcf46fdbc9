// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, KernelId, ManifestId, RecordDigest} from "../types/Ids.sol";
import {AggregationRule, DeterminismClass, Manifest} from "../types/Manifest.sol";
import {IInferenceConsumer} from "./IInferenceConsumer.sol";

/// @title The kernels: manifests, names and versions, life cycle.
/// @notice A kernel's status moves Registered -> Approved or Registered -> Rejected and never back. Versions are immutable
///         and cannot be deleted; aliases move; deprecation is advice that stays readable for ever.
interface IKernelRegistry is IInferenceConsumer {
    enum Status {
        Unknown,
        Registered,
        Approved,
        Rejected
    }

    struct Kernel {
        address publisher;
        Status status;
        bool deprecated;
        uint48 registeredAt; // block number
        ManifestId manifestId;
        JobId validationJob; // the last one asked for, zero if none
        RecordDigest certificate; // the validation record that the committee agreed on, once there is one
    }

    struct Terms {
        address publisher; // is paid the author fee
        Status status; // only approved kernels take inference jobs
        DeterminismClass determinism; // pinned kernels are run by validators of one environment class
        AggregationRule rule; // how answers become one
        uint16 tolerance; // bits between sketches, under the Hamming rule
        uint96 authorFee; // wei per job
    }

    event PublisherRegistered(address indexed publisher, string handle);
    event KernelRegistered(KernelId indexed kernel, address indexed publisher, ManifestId manifestId, RecordDigest record, string name, string version);
    event ValidationRequested(KernelId indexed kernel, JobId indexed job);
    event KernelApproved(KernelId indexed kernel, RecordDigest certificate);
    event KernelRejected(KernelId indexed kernel, RecordDigest certificate);
    event AliasMoved(address indexed publisher, string name, string label, KernelId indexed kernel);
    event KernelDeprecated(KernelId indexed kernel, string reason);

    error KernelRegistry_InvalidMarket();
    error KernelRegistry_NotMarket(address caller);
    error KernelRegistry_NotPublisher(address caller, address publisher);
    error KernelRegistry_InvalidName(string name);
    error KernelRegistry_InvalidVersion(string version);
    error KernelRegistry_HandleTaken(string handle, address by);
    error KernelRegistry_HandleAlreadySet(address publisher, string handle);
    error KernelRegistry_NoHandle(address publisher);
    error KernelRegistry_AlreadyRegistered(KernelId kernel);
    error KernelRegistry_VersionTaken(string name, string version, KernelId by);
    error KernelRegistry_FieldTooLong(string field, uint256 have, uint256 limit);
    error KernelRegistry_InvalidField(string field);
    error KernelRegistry_UnknownKernel(KernelId kernel);
    error KernelRegistry_UnknownName(string path);
    error KernelRegistry_WrongStatus(KernelId kernel, Status have, Status want);
    error KernelRegistry_ValidationPending(KernelId kernel, JobId job);
    error KernelRegistry_TooSlow(KernelId kernel, uint256 timeMs, uint256 limitMs);
    error KernelRegistry_UnexpectedJob(JobId job);
    error KernelRegistry_AlreadyDeprecated(KernelId kernel);

    /// @notice Claims a handle for the caller, first come, first served, for ever. `[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 39.
    function registerPublisher(string calldata handle) external;

    /// @notice Registers a kernel of the caller, who needs a handle. Nothing of it can change afterwards.
    /// @dev Every string is printable ASCII, so that no reader meets malformed text: at most 64 bytes in `name` and
    ///      `version`, 2048 in `build.compilerFlags`, `runtime.options` and the lists of features, 256 elsewhere. `modelCid` is a
    ///      binary CIDv1 of sha2-256, raw or dag-pb. Limits are positive, at most 24 hours, 4 TiB of memory and 64 GiB of output.
    function register(Manifest calldata manifest) external returns (KernelId kernel);

    /// @notice Pays for the kernel's admission job (value: `JobMarket.quoteValidation`). Anyone may pay; the refund goes to the payer.
    ///         Refused while an earlier admission job can still settle, and for a kernel whose time limit exceeds half of the
    ///         market's commit window: honest members could be slashed for the time that it takes.
    function requestValidation(KernelId kernel, uint8 committeeSize) external payable returns (JobId job);

    /// @notice Points `publisher/name@label` (for instance `latest`, `stable`) at one of the caller's kernels of that name.
    ///         A label is never a valid version: versions begin with a digit, labels with a letter:
    ///         `[a-z]([a-z0-9-]*[a-z0-9])?`, at most 64.
    function setAlias(string calldata label, KernelId kernel) external;

    /// @notice Marks one of the caller's kernels as deprecated, with a reason for readers (printable ASCII, at most 256).
    ///         It keeps its aliases and can get no new one.
    function deprecate(KernelId kernel, string calldata reason) external;

    function kernelOf(KernelId kernel) external view returns (Kernel memory);

    /// @notice What a job needs to know of a kernel, in four storage reads; all zero if it is unknown.
    function termsOf(KernelId kernel) external view returns (Terms memory);

    function manifestOf(KernelId kernel) external view returns (Manifest memory);

    /// @notice The kernel at `handle/name@versionOrLabel`; reverts with UnknownName if there is none.
    function resolve(string calldata handle, string calldata name, string calldata versionOrLabel) external view returns (KernelId);

    function publisherOf(string calldata handle) external view returns (address);

    function handleOf(address publisher) external view returns (string memory);

    /// @notice keccak256(abi.encode(manifest)).
    function manifestIdOf(Manifest calldata manifest) external pure returns (ManifestId);

    /// @notice keccak256(abi.encode(publisher, manifestId)).
    function kernelIdOf(address publisher, ManifestId manifestId) external pure returns (KernelId);

    function market() external view returns (address);
}
