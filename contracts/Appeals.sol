// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAppeals} from "./interfaces/IAppeals.sol";
import {IJobMarket} from "./interfaces/IJobMarket.sol";
import {IValidatorStaking} from "./interfaces/IValidatorStaking.sol";
import {CommitteeSize} from "./libraries/CommitteeSize.sol";
import {Credits} from "./libraries/Credits.sol";
import {Tally} from "./libraries/Tally.sol";
import {EnvironmentClass, JobId} from "./types/Ids.sol";
import {Ballot, JobKind, JobProgress, JobStatus, JobTerms, Result, Vote} from "./types/Job.sol";
import {SeedPolicy} from "./types/Manifest.sol";

/// @title Appeals from a committee to a larger one. See IAppeals.
/// @notice Properties that the tests hold it to:
///         1. It holds the bonds of open appeals and the credits, to the wei.
///         2. Every appeal ends by a call that anyone can make, and holds a job up for a bounded time even if nobody does.
///         3. It can change a job by what a final job of the market says, and by nothing else.
contract Appeals is IAppeals, Credits {
    /// @notice Seats of the committee that judges, before it grows.
    uint8 public constant SEATS = uint8(CommitteeSize.MAXIMUM);
    /// @inheritdoc IAppeals
    uint256 public constant TIME_TO_RESOLVE = 1 days;
    /// @dev As `ValidatorStaking.ALL_TREES`.
    uint8 private constant ALL_TREES = type(uint8).max;

    struct Appeal {
        address appellant;
        bool resolved;
        JobId rerun;
    }

    /// @inheritdoc IAppeals
    IJobMarket public immutable market;
    IValidatorStaking public immutable staking;

    mapping(JobId job => Appeal) private _appeals;

    /// @dev Deployed before the market, with the market's address computed ahead.
    constructor(IJobMarket market_, IValidatorStaking staking_) {
        (market, staking) = (market_, staking_);
    }

    /// @inheritdoc IAppeals
    // The market is ours and calls nobody back from a request; the appeal stands as made before, so it cannot be made twice.
    // slither-disable-next-line reentrancy-eth,reentrancy-events
    function appeal(JobId job, JobTerms calldata terms, JobProgress calldata progress, EnvironmentClass environmentClass)
        external
        payable
        returns (JobId rerun)
    {
        Appeal storage self = _appeals[job];
        require(self.appellant == address(0), Appeals_AlreadyAppealed(job));
        _checkAppealable(job, terms, progress, environmentClass);
        uint256 price = _priceOf(terms);
        uint256 bond = terms.deviationSlash;
        require(msg.value >= price + bond, Appeals_FeeTooLow(msg.value, price + bond));

        self.appellant = msg.sender;
        rerun = market.request{value: msg.value - bond}(
            IJobMarket.JobRequest({
                kernel: terms.kernel,
                input: terms.input,
                environmentClass: environmentClass,
                committeeSize: SEATS,
                consumer: address(0),
                callbackGas: 0,
                refundTo: msg.sender
            })
        );
        self.rerun = rerun;
        market.hold(job, block.timestamp + market.parameters().bounds().longestLife + TIME_TO_RESOLVE);
        emit Appealed(job, msg.sender, rerun, bond);
    }

    function _checkAppealable(JobId job, JobTerms calldata terms, JobProgress calldata progress, EnvironmentClass environmentClass)
        private
        view
    {
        // slither-disable-next-line unused-return
        (, bool isFinal) = market.verifyResult(job, _hashOf(terms), progress);
        uint256 deadline = market.deadlineOf(job);
        require(!isFinal && block.timestamp <= deadline, Appeals_TooLate(job, deadline));
        // A kernel's admission can be taken back by other means.
        require(terms.rules.kind() == JobKind.Inference, Appeals_NotAnInference(job));
        // Another job has another seed: honest members of both would differ, and the first would pay for it.
        require(
            market.registry().manifestOf(terms.kernel).seeds.policy != SeedPolicy.Verifiable, Appeals_SeededByTheJob(job)
        );
        // As many or fewer would be no better judges.
        require(progress.seats.length < SEATS, Appeals_TooFewWouldJudge(job, progress.seats.length));
        uint256 tree = terms.rules.tree();
        require(_treeOf(environmentClass) == tree, Appeals_WrongClass(job, environmentClass));
        // Whoever was given the tree since is another class.
        require(staking.assignedIn(tree) < terms.rules.epoch(), Appeals_WrongClass(job, environmentClass));
    }

    /// @inheritdoc IAppeals
    function resolve(
        JobId job,
        JobTerms calldata terms,
        JobProgress calldata progress,
        JobTerms calldata rerunTerms,
        JobProgress calldata rerunProgress
    ) external {
        Appeal storage self = _take(job);
        (Result memory first, bool isOver) = market.verifyResult(job, _hashOf(terms), progress);
        (Result memory second, bool isFinal) = market.verifyResult(self.rerun, _hashOf(rerunTerms), rerunProgress);
        require(isFinal, Appeals_RerunPending(self.rerun));
        bool same = Tally.backs(_voteFor(second), _voteFor(first), terms.rules.rule(), terms.rules.tolerance());
        _credit(same ? staking.treasury() : self.appellant, terms.deviationSlash);
        if (same) {
            emit AppealRejected(job, self.appellant);
            if (!isOver) market.hold(job, block.timestamp);
        } else if (isOver) {
            emit AppealAbandoned(job, self.appellant);
        } else {
            emit AppealUpheld(job, self.appellant, second);
            market.overturn(job, terms, progress, second, self.appellant);
        }
    }

    /// @inheritdoc IAppeals
    function abandon(JobId job, JobTerms calldata terms, JobProgress calldata progress) external {
        Appeal storage self = _take(job);
        // slither-disable-next-line unused-return
        (, bool isOver) = market.verifyResult(job, _hashOf(terms), progress);
        require(market.statusOf(self.rerun) == JobStatus.Failed, Appeals_RerunPending(self.rerun));
        _credit(self.appellant, terms.deviationSlash);
        emit AppealAbandoned(job, self.appellant);
        if (!isOver) market.hold(job, block.timestamp);
    }

    /// @inheritdoc IAppeals
    function quote(JobTerms calldata terms) external view returns (uint256) {
        return _priceOf(terms) + terms.deviationSlash;
    }

    /// @inheritdoc IAppeals
    function appealOf(JobId job) external view returns (address appellant, JobId rerun, bool isOpen) {
        Appeal storage self = _appeals[job];
        return (self.appellant, self.rerun, self.appellant != address(0) && !self.resolved);
    }

    /// @dev Marks an open appeal as resolved.
    function _take(JobId job) private returns (Appeal storage self) {
        self = _appeals[job];
        require(self.appellant != address(0) && !self.resolved, Appeals_NotOpen(job));
        self.resolved = true;
    }

    function _priceOf(JobTerms calldata terms) private view returns (uint256) {
        return market.quote(terms.kernel, SEATS, 0);
    }

    function _treeOf(EnvironmentClass environmentClass) private view returns (uint256) {
        if (EnvironmentClass.unwrap(environmentClass) == 0) return ALL_TREES;
        (uint256 tree, bool own) = staking.treeOf(environmentClass);
        // The market refuses a class without a tree of its own.
        return own ? tree : type(uint256).max;
    }

    function _voteFor(Result memory result) private pure returns (Vote memory) {
        return Vote(Ballot.Cast, result.digest, result.answer, result.sketch);
    }

    function _hashOf(JobTerms calldata terms) private pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }
}
