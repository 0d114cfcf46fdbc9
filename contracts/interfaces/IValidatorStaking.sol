// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnvironmentClass} from "../types/Ids.sol";

/// @title Who may validate, with how much at stake.
/// @notice Thawing stake no longer weighs in draws but stays slashable until it is withdrawn. A validator that has been
///         drawn is locked until its job is final. Draws read the weights of a past block, so that stake moved after a
///         request weighs nothing in it. A validator's weight is its stake less the thawing part if that reaches
///         `minimumStake`, else zero; exactly those with weight have a leaf in the sum tree.
interface IValidatorStaking {
    struct Validator {
        uint128 stake; // everything that is slashable, thawing part included
        uint128 thawing;
        uint48 thawsAt; // when the thawing part can leave, in seconds
        uint32 locks; // jobs that this validator is seated in and that are not final
        uint32 leaf; // 1 + its place in the sum tree, 0 when it has none
        EnvironmentClass environmentClass;
        string endpoint; // base URL of the gateway that serves its outputs, may be empty
    }

    event Staked(address indexed validator, uint256 amount, uint256 stake);
    event ProfileChanged(address indexed validator, EnvironmentClass indexed environmentClass, string endpoint);
    event Thawing(address indexed validator, uint256 amount, uint256 thawsAt);
    event ThawCancelled(address indexed validator, uint256 amount);
    event StakeReleased(address indexed validator, uint256 amount, uint256 stake);
    event Slashed(address indexed validator, uint256 amount, uint256 stake);

    error ValidatorStaking_NotMarket(address caller);
    error ValidatorStaking_StakeTooLow(uint256 have, uint256 want);
    error ValidatorStaking_NotEnough(address validator, uint256 have, uint256 want);
    error ValidatorStaking_NotThawed(address validator, uint256 thawsAt);
    error ValidatorStaking_NothingThawing(address validator);
    error ValidatorStaking_Locked(address validator, uint256 locks);
    error ValidatorStaking_Full(uint256 capacity);
    error ValidatorStaking_EndpointTooLong(uint256 have, uint256 limit);
    error ValidatorStaking_InvalidEndpoint();
    error ValidatorStaking_ZeroAmount();
    error ValidatorStaking_NotPast(uint256 blockNumber, uint256 currentBlock);
    error ValidatorStaking_InvalidParameters();

    /// @notice Adds the value to the caller's stake and sets its profile. What does not thaw must reach `minimumStake`.
    /// @param endpoint at most 256 bytes of printable ASCII
    /// @dev Only the validator itself can call this for itself: nobody can lengthen another's lock.
    function stake(EnvironmentClass environmentClass, string calldata endpoint) external payable;

    /// @notice Starts to take `amount` wei out: it stops weighing at once and can leave after `thawPeriod` seconds.
    ///         Thawing more restarts the clock of all of it.
    function thaw(uint128 amount) external;

    /// @notice Puts the thawing part back to work.
    function cancelThaw() external;

    /// @notice Credits the thawed part; collect it with `withdraw`. Refused while the caller sits in an unfinished job.
    function release() external;

    /// @notice Draws up to `count` validators, weighted by their stake at `atBlock`, without replacement, none of `seated`.
    /// @dev Seat i = seated.length + j takes the validator at keccak256(abi.encode(seed, i)) mod (remaining weight), counted
    ///      over the leaves in order, leaves of seated and drawn validators counting zero. Fewer than `count` are returned
    ///      when nobody with weight is left. `atBlock` must be past, and `seated` free of duplicates.
    function draw(bytes32 seed, uint256 count, address[] calldata seated, uint48 atBlock) external view returns (address[] memory drawn);

    /// @notice Holds the stake of these validators until `unlock`. Only the market.
    function lock(address[] calldata validators) external;

    /// @notice Ends one lock of each. Only the market.
    function unlock(address[] calldata validators) external;

    /// @notice Takes up to `amount` wei of stake, thawing stake included, and credits it to the treasury. Only the market.
    /// @return slashed what was there to take
    function slash(address validator, uint128 amount) external returns (uint128 slashed);

    function validator(address account) external view returns (Validator memory);

    /// @notice Weight in draws at the end of a past block, in wei.
    function weightAt(address account, uint48 blockNumber) external view returns (uint256);

    function totalWeightAt(uint48 blockNumber) external view returns (uint256);

    /// @notice The validator now on a leaf (counted from 0), or zero. Lists all that have weight when read for 0..leafCount().
    function validatorAt(uint256 leafIndex) external view returns (address);

    /// @notice The validator that was on a leaf at the end of a past block, or zero. A leaf that was given up is given to
    ///         others later; what a past block looked like never changes.
    function validatorAtBlock(uint256 leafIndex, uint48 blockNumber) external view returns (address);

    /// @notice How many leaves were ever in use; never falls.
    function leafCount() external view returns (uint256);

    function market() external view returns (address);

    function minimumStake() external view returns (uint128);

    function thawPeriod() external view returns (uint48);

    function treasury() external view returns (address);
}
