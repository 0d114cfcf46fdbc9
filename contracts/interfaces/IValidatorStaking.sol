// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnvironmentClass} from "../types/Ids.sol";
import {Seat} from "../types/Seat.sol";

/// @title Who may validate, with how much at stake.
/// @notice Time is cut into epochs. A validator's weight in an epoch follows from its stake when the epoch begins: stake that
///         moves weighs from the next epoch on, so nothing that happens after a request, or in its block, changes who is
///         drawn for it. Weight is the stake less the thawing part, in units of a sixteenth of `minimumStake`, if that
///         part reaches `minimumStake`, else zero; at most `GREATEST_WEIGHT`.
///         Thawing stake stays slashable until it is withdrawn, and it thaws for longer than any job in which its owner can
///         sit takes to be decided. Whoever is blamed then is held until the job is final.
interface IValidatorStaking {
    struct Validator {
        uint128 stake; // everything that is slashable, thawing part included
        uint128 thawing;
        uint48 thawsAt; // when the thawing part can leave, in seconds
        uint32 blamed; // decided jobs that are not final and in which this validator is at fault
        uint32 leaf; // 1 + its place in the forest, 0 when it has none
        uint48 movedIn; // the epoch in which it took its last place
        EnvironmentClass environmentClass;
        string endpoint; // base URL of the gateway that serves its outputs, may be empty
    }

    event Staked(address indexed validator, uint256 amount, uint256 stake);
    event ProfileChanged(address indexed validator, EnvironmentClass indexed environmentClass, string endpoint);
    event TreeAssigned(EnvironmentClass indexed environmentClass, uint256 tree);
    event Thawing(address indexed validator, uint256 amount, uint256 thawsAt);
    event ThawCancelled(address indexed validator, uint256 amount);
    event StakeReleased(address indexed validator, uint256 amount, uint256 stake);
    event Slashed(address indexed validator, uint256 amount, uint256 stake, address indexed reporter, uint256 reward);

    error ValidatorStaking_NotMarket(address caller);
    error ValidatorStaking_StakeTooLow(uint256 have, uint256 want);
    error ValidatorStaking_NotEnough(address validator, uint256 have, uint256 want);
    error ValidatorStaking_NotThawed(address validator, uint256 thawsAt);
    error ValidatorStaking_NothingThawing(address validator);
    error ValidatorStaking_Blamed(address validator, uint256 jobs);
    error ValidatorStaking_EndpointTooLong(uint256 have, uint256 limit);
    error ValidatorStaking_InvalidEndpoint();
    error ValidatorStaking_InvalidClass();
    error ValidatorStaking_ZeroAmount();
    error ValidatorStaking_WrongEpoch(uint256 epoch, uint256 currentEpoch);
    error ValidatorStaking_MovedAlready(address validator, uint256 epoch);
    error ValidatorStaking_InvalidParameters();

    /// @notice Adds the value to the caller's stake and sets its profile. What does not thaw must reach `minimumStake`.
    /// @param environmentClass not zero. A change moves the caller to the tree of the new class, from the next epoch on,
    ///        once an epoch: who could move more often could pass through all trees, or all places of one.
    /// @param endpoint at most 256 bytes of printable ASCII
    /// @dev Only the validator itself can call this for itself: nobody can lengthen another's thaw.
    function stake(EnvironmentClass environmentClass, string calldata endpoint) external payable;

    /// @notice Starts to take `amount` wei out: it weighs no more from the next epoch on and can leave after `thawPeriod`
    ///         seconds. Thawing more restarts the clock of all of it.
    function thaw(uint128 amount) external;

    /// @notice Puts the thawing part back to work; in the next epoch, if all thawed and the caller has taken a place in this one already.
    function cancelThaw() external;

    /// @notice Credits the thawed part; collect it with `withdraw`. Refused while the caller is blamed in a job that is not final.
    function release() external;

    /// @notice Draws up to `count` validators, weighted as in `epoch`, without replacement, none of `seated`.
    /// @param tree whose leaves are drawn from; `ALL_TREES` for all; `SPREAD` for all but the one that classes share, and then seat 1 from
    ///        another tree than seat 0, or nobody if there is none
    /// @param seated drawn for the same job, and so in the same epoch, before
    /// @param epoch the current one or the one before
    /// @dev Seat i = seated.length + j takes the validator at keccak256(abi.encode(seed, i)) mod (remaining weight), counted
    ///      over the leaves in order, leaves of seated and drawn validators counting zero, and for seat 1 of a `SPREAD` all of seat 0's
    ///      tree. Fewer than `count` are returned when nobody with weight is left. `seated` must be free of duplicates.
    function draw(bytes32 seed, uint256 count, Seat[] calldata seated, uint256 tree, uint256 epoch) external view returns (Seat[] memory drawn);

    /// @notice Holds the stake of these validators until `absolve`. Only the market.
    function blame(address[] calldata validators) external;

    /// @notice Ends one blame of each. Only the market.
    function absolve(address[] calldata validators) external;

    /// @notice Takes up to `amount` wei of stake, thawing stake included. `reporter` is credited `REPORTER_SHARE` of 10,000 parts
    ///         of it, the treasury the rest. Only the market.
    /// @return slashed what was there to take
    // slither-disable-next-line shadowing-local
    function slash(address validator, uint128 amount, address reporter) external returns (uint128 slashed);

    function validator(address account) external view returns (Validator memory);

    /// @notice The epoch of this block: whole epoch lengths since the beginning of Unix time.
    function currentEpoch() external view returns (uint256);

    /// @notice Weight of a leaf, in units, in the current epoch, the one before or the next.
    function weightAt(uint256 leaf, uint256 epoch) external view returns (uint256);

    /// @notice The eight weights below a node of the forest, packed as in WeightForest; for those who follow a draw off chain.
    function weightsAt(uint256 level, uint256 index, uint256 epoch) external view returns (uint256);

    function totalWeightAt(uint256 tree, uint256 epoch) external view returns (uint256);

    /// @notice Who is on a leaf, or who was last; zero if nobody ever was.
    function holderOf(uint256 leaf) external view returns (address);

    /// @notice How many leaves of a tree were ever in use; never falls while its class has it.
    function leafCount(uint256 tree) external view returns (uint256);

    /// @notice The tree of a class and whether it has one of its own. Classes that came when all trees were taken share the last.
    function treeOf(EnvironmentClass environmentClass) external view returns (uint256 tree, bool own);

    /// @notice Whose tree it is, or was last; zero if nobody's, and for the one that classes share.
    function classOf(uint256 tree) external view returns (EnvironmentClass);

    /// @notice How many classes with a tree of their own have weight in an epoch: the current one, the one before or the next.
    function classesAt(uint256 epoch) external view returns (uint256);

    /// @notice The epoch in which a tree was last given to a class. Seats of jobs of later epochs are of that class, while the tree is its own.
    function assignedIn(uint256 tree) external view returns (uint256 epoch);

    function market() external view returns (address);

    function minimumStake() external view returns (uint128);

    function thawPeriod() external view returns (uint48);

    function epochLength() external view returns (uint32);

    function treasury() external view returns (address);
}
