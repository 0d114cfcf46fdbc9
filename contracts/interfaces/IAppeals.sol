// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnvironmentClass, JobId} from "../types/Ids.sol";
import {JobProgress, JobTerms, Result} from "../types/Job.sol";
import {IJobMarket} from "./IJobMarket.sol";

/// @title Appeals: whoever knows that a committee was wrong has a larger one run the job again.
/// @notice Canary jobs rest on this. A requester who knows the answer asks like anybody else, so no validator can tell such a job
///         from another; a committee whose majority agreed on something else, because it guessed, copied or colluded, is taken to
///         a larger one, and pays for what it said.
///
///         An appeal stops the clock of a settled job and requests the same job for the largest committee there is at first, drawn by
///         a seed of its own. The appellant pays for it, and leaves a bond as large as the slash of a member that deviates.
///         A kernel that draws from its job's seed cannot be appealed: the other job has another seed, and with it another output.
///         - The other committee agrees on another result: it becomes the job's, the members that agreed on the first one are slashed
///           with the appellant as the reporter, and the bond goes back.
///         - It agrees on the same: the bond is the treasury's.
///         - It comes to no result, or the job was final before anyone resolved it: the bond goes back, the result stands.
interface IAppeals {
    event Appealed(JobId indexed job, address indexed appellant, JobId rerun, uint256 bond);
    event AppealUpheld(JobId indexed job, address indexed appellant, Result result);
    event AppealRejected(JobId indexed job, address indexed appellant);
    event AppealAbandoned(JobId indexed job, address indexed appellant);

    error Appeals_AlreadyAppealed(JobId job);
    error Appeals_NotOpen(JobId job);
    error Appeals_NotAnInference(JobId job);
    error Appeals_SeededByTheJob(JobId job);
    error Appeals_TooFewWouldJudge(JobId job, uint256 seats);
    error Appeals_WrongClass(JobId job, EnvironmentClass environmentClass);
    error Appeals_TooLate(JobId job, uint256 deadline);
    error Appeals_FeeTooLow(uint256 have, uint256 want);
    error Appeals_RerunPending(JobId rerun);

    /// @notice Appeals a result within its challenge window. Send `quote`; an excess comes back as credit in the market. A job is
    ///         appealed once, and only one whose committee is smaller than the one that will judge it.
    /// @param environmentClass that of the job; zero if its committee was drawn from all
    function appeal(JobId job, JobTerms calldata terms, JobProgress calldata progress, EnvironmentClass environmentClass)
        external
        payable
        returns (JobId rerun);

    /// @notice Compares, once the other committee's result is final. Anyone may call.
    function resolve(
        JobId job,
        JobTerms calldata terms,
        JobProgress calldata progress,
        JobTerms calldata rerunTerms,
        JobProgress calldata rerunProgress
    ) external;

    /// @notice Ends an appeal whose other job failed. Anyone may call.
    function abandon(JobId job, JobTerms calldata terms, JobProgress calldata progress) external;

    /// @notice What `appeal` costs: the other job, and the bond; in wei.
    function quote(JobTerms calldata terms) external view returns (uint256);

    /// @return appellant zero if there is no appeal
    /// @return rerun the other committee's job
    /// @return isOpen whether it is still to be resolved
    function appealOf(JobId job) external view returns (address appellant, JobId rerun, bool isOpen);

    /// @notice Seconds to resolve an appeal in, after the longest that the other job may take.
    function TIME_TO_RESOLVE() external view returns (uint256);

    function market() external view returns (IJobMarket);
}
