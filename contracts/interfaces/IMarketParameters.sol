// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the market charges, takes and waits, and whether it takes new jobs.
/// @notice The owner, meant to be a timelock, can change these within bounds that nobody can change. A job keeps what was in
///         force when it was requested. A pause stops requests and nothing else: running jobs go on, their results can be
///         appealed, and money can leave.
interface IMarketParameters {
    struct Parameters {
        uint96 seatFee; // wei to each member of the majority
        uint64 deliveryFeePerGas; // wei per unit of callback gas, to whoever delivers first
        uint96 deviationSlash; // wei, for an answer outside the majority and for a commitment left unopened
        uint96 absenceSlash; // wei, for a seat that never committed, and for a refusal against a majority; at most deviationSlash
        uint32 openWindow; // seconds from the request to the draw, and from the end of a round to the next one's draw
        uint32 commitWindow; // seconds
        uint32 revealWindow; // seconds
        uint32 challengeWindow; // seconds
    }

    /// @notice What no parameters can exceed.
    struct Bounds {
        uint96 greatestSlash; // wei; the market refuses more than the minimum stake here
        uint32 leastOpenWindow; // seconds; more than the latency of randomness
        uint32 leastCommitWindow; // seconds; a kernel's time limit is measured against it
        uint32 longestDraw; // seconds from a request to its last draw; an epoch at most
        uint32 longestLife; // seconds from a request to its last deadline; stakes thaw for longer
    }

    event ParametersChanged(uint256 indexed version, Parameters parameters);
    event PauseChanged(bool paused);

    error MarketParameters_OutOfBounds(string parameter);
    error MarketParameters_Paused();

    /// @notice The parameters in force; reverts while new jobs are not taken. The other committee's job in an appeal is none of these.
    function forNewJob() external view returns (Parameters memory);

    function current() external view returns (Parameters memory);

    /// @notice Counts the changes; the first parameters are version 1.
    function version() external view returns (uint256);

    function bounds() external view returns (Bounds memory);

    function paused() external view returns (bool);

    /// @notice Sets all parameters, for jobs to come. Only the owner.
    function set(Parameters calldata parameters) external;

    /// @notice Stops or resumes taking jobs. Only the owner.
    // slither-disable-next-line shadowing-local
    function setPaused(bool paused) external;
}
