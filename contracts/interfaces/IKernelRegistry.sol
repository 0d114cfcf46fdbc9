// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnvironmentClass, JobId, KernelId, ManifestId, RecordDigest} from "../types/Ids.sol";
import {JobProgress, JobTerms} from "../types/Job.sol";
import {AggregationRule, DeterminismClass, Manifest} from "../types/Manifest.sol";

/// @title The kernels: manifests, names and versions, life cycle.
/// @notice A kernel's status moves Registered -> Approved or Rejected, and never back. Versions are immutable
///         and cannot be deleted; aliases move; deprecation is advice that stays readable for ever.
///
///         A kernel is approved by what a committee agrees on, and how far that goes depends on who agreed. One that is to give the same bits
///         everywhere needs members of two environment classes at least. A pinned one is approved class by class, by committees of
///         that class. Whoever finds two results that contradict the class in force can have it taken down, for good: for all
///         classes to pinned, for one class altogether.
interface IKernelRegistry {
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
        DeterminismClass determinism; // in force: the manifest's, or less once it was challenged
        uint8 classes; // environment classes whose members agreed on the certificate
        ManifestId manifestId;
        JobId validationJob; // the last one asked for before it was approved, zero if none
        RecordDigest certificate; // the validation record that the committee agreed on, once there is one
    }

    /// @notice A job as it ended, for a challenge. Both parts follow from its events.
    struct Evidence {
        JobId job;
        JobTerms terms;
        JobProgress progress;
    }

    struct Terms {
        address publisher; // is paid the author fee
        Status status; // only approved kernels take inference jobs
        DeterminismClass determinism; // in force; pinned kernels are run by validators of one environment class
        AggregationRule rule; // how answers become one
        uint16 tolerance; // bits between sketches, under the Hamming rule
        uint96 authorFee; // wei per job
        bool takesClass; // whether it takes jobs of the class that was asked about: a pinned kernel, if it is admitted for it
    }

    event PublisherRegistered(address indexed publisher, string handle);
    event KernelRegistered(KernelId indexed kernel, address indexed publisher, ManifestId manifestId, RecordDigest record, string name, string version);
    /// @dev `environmentClass` is zero for a committee of several classes.
    event ValidationRequested(KernelId indexed kernel, JobId indexed job, EnvironmentClass environmentClass);
    /// @dev What a committee found, whether or not it decides anything.
    event ValidationConcluded(
        KernelId indexed kernel, JobId indexed job, EnvironmentClass environmentClass, RecordDigest certificate, bool conforms, uint8 classes
    );
    event KernelApproved(KernelId indexed kernel, RecordDigest certificate);
    event KernelRejected(KernelId indexed kernel, RecordDigest certificate);
    /// @dev From now on, a pinned kernel takes jobs of that class.
    event ClassAdmitted(KernelId indexed kernel, EnvironmentClass indexed environmentClass, RecordDigest certificate);
    /// @dev From bitwise to pinned, by two jobs with results that contradict each other.
    event KernelDemoted(KernelId indexed kernel, JobId one, JobId other);
    /// @dev It gives that class two results, and takes no more jobs of it.
    event ClassBarred(KernelId indexed kernel, EnvironmentClass indexed environmentClass, JobId one, JobId other);
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
    error KernelRegistry_TooFewClasses(uint256 have, uint256 want);
    error KernelRegistry_ClassNeeded(KernelId kernel);
    error KernelRegistry_AllClassesNeeded(KernelId kernel);
    error KernelRegistry_NotOfKernel(JobId job, KernelId kernel);
    error KernelRegistry_ClassTooLight(JobId job, uint256 weight, uint256 allWeight);
    error KernelRegistry_ClassBarred(KernelId kernel, EnvironmentClass environmentClass);
    error KernelRegistry_NotFinal(JobId job);
    error KernelRegistry_TooFewVotes(JobId job, uint256 have, uint256 want);
    error KernelRegistry_NotComparable(JobId one, JobId other);
    error KernelRegistry_NoContradiction(JobId one, JobId other);
    error KernelRegistry_NothingToDemote(KernelId kernel, DeterminismClass determinism);
    error KernelRegistry_AlreadyDeprecated(KernelId kernel);

    /// @notice Claims a handle for the caller, first come, first served, for ever. `[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 39.
    function registerPublisher(string calldata handle) external;

    /// @notice Registers a kernel of the caller, who needs a handle. Nothing of it can change afterwards.
    /// @dev Every string is printable ASCII, so that no reader meets malformed text: at most 64 bytes in `name` and
    ///      `version`, 2048 in `build.compilerFlags`, `runtime.options` and the lists of features, 256 elsewhere. `modelCid` is a
    ///      binary CIDv1 of sha2-256, raw or dag-pb. Limits are positive, at most 24 hours, 4 TiB of memory and 64 GiB of output.
    function register(Manifest calldata manifest) external returns (KernelId kernel);

    /// @notice Pays for a committee that runs the kernel's cases (value: `JobMarket.quoteValidation`). Anyone may pay; the refund goes to the payer.
    ///         Refused while an earlier admission job can still settle, while fewer than two classes have stake, and for a kernel whose
    ///         time limit exceeds half of the market's commit window: honest members could be slashed for the time that it takes.
    ///
    ///         An approved kernel can be examined again, by all classes or by one: what is found changes nothing but, for a pinned kernel,
    ///         whether it takes jobs of that class; and it can be the evidence for a challenge.
    /// @param environmentClass of the members; a pinned kernel needs one. Zero for all, which is what decides on any other kernel
    function requestValidation(KernelId kernel, EnvironmentClass environmentClass, uint8 committeeSize) external payable returns (JobId job);

    /// @notice Takes what a committee found. Only the market.
    ///
    ///         A kernel that does not conform is rejected; one that does is approved, if members of two classes agree on that. If all who
    ///         agree are of one class, nothing is decided, and anyone can ask again. A pinned kernel is approved by the first class in which it
    ///         conforms, and never rejected: it may in the next.
    /// @param agreeing how many members of each class agree, as `paidByTree` counts them
    function onValidation(JobId job, RecordDigest digest, bytes32 answer, uint256 agreeing) external;

    /// @notice Takes a kernel down that claims to be bitwise or pinned, by two results that should be one. Anyone may call.
    ///
    ///         Evidence are final jobs of this kernel: two inferences by the Exact rule with the same input and other digests, if no seed
    ///         enters the kernel from outside; or two validations, of which one says that it conforms and one that it does not. Behind each are at least
    ///         `CHALLENGE_VOTES` seats, but for the job by which it was admitted: what single members say is no evidence, nor what a small
    ///         committee says, which can be asked for until it suits.
    ///
    ///         A bitwise kernel becomes pinned, and takes jobs again of the classes that it is then admitted for. A committee of one class shows that
    ///         only if the class has one part of `LEAST_SHARE` of all weight now. If so many of *one* class are behind both, the kernel takes no more
    ///         jobs of that class: it is barred, and no committee admits it again. No class ends a kernel for another. Jobs that run keep their
    ///         terms.
    function challenge(KernelId kernel, Evidence calldata one, Evidence calldata other) external;

    /// @notice Points `publisher/name@label` (for instance `latest`, `stable`) at one of the caller's kernels of that name.
    ///         A label is never a valid version: versions begin with a digit, labels with a letter:
    ///         `[a-z]([a-z0-9-]*[a-z0-9])?`, at most 64.
    function setAlias(string calldata label, KernelId kernel) external;

    /// @notice Marks one of the caller's kernels as deprecated, with a reason for readers (printable ASCII, at most 256).
    ///         It keeps its aliases and can get no new one.
    function deprecate(KernelId kernel, string calldata reason) external;

    function kernelOf(KernelId kernel) external view returns (Kernel memory);

    /// @notice What a job for a class (zero for any) needs to know of a kernel, in four storage reads, or five if it is pinned; all zero if it is
    ///         unknown.
    function termsOf(KernelId kernel, EnvironmentClass environmentClass) external view returns (Terms memory);

    /// @notice Whether a committee of that class alone has found that the kernel conforms, so that it takes jobs of it if it is pinned.
    function isAdmitted(KernelId kernel, EnvironmentClass environmentClass) external view returns (bool);

    /// @notice Whether a class was shown to give a kernel two results.
    function isBarred(KernelId kernel, EnvironmentClass environmentClass) external view returns (bool);

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
