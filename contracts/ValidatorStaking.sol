// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IValidatorStaking} from "./interfaces/IValidatorStaking.sol";
import {Credits} from "./libraries/Credits.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Sortition} from "./libraries/Sortition.sol";
import {SumTree} from "./libraries/SumTree.sol";
import {Text} from "./libraries/Text.sol";
import {EnvironmentClass} from "./types/Ids.sol";

/// @title Who may validate, with how much at stake. See IValidatorStaking.
/// @notice Properties that the tests hold it to:
///         1. The balance is the sum of all stakes and all credits, to the wei.
///         2. A slash takes from everything a validator has in here, whether it thaws or not. What thaws shrinks in proportion,
///            rounded down, so that thawing is no shelter and a slash never adds weight.
///         3. Nothing leaves while its owner is locked, nor before `thawPeriod` has passed since it stopped weighing.
///         4. A validator has a leaf exactly while it has weight, and the tree's total is the sum of all weights.
///         5. Weights, holders of leaves and therefore draws at a past block never change.
/// @dev On reusing leaves: 5 does not rest on a waiting time. Everything a draw reads (weight, height, holder of a leaf, leaf of
///      a seated account) is a trace keyed by block number, and a checkpoint of a block that is over can no longer be written.
///      A leaf may therefore change hands at any time, also within a block, also when a slash has emptied its holder.
///      On `thawPeriod`: it must exceed the time from a job's request to its latest draw, growth of the committee included
///      (JobMarket checks this when it is deployed). Whoever had weight at the end of the block before the request then still
///      has that weight here as slashable stake when drawn: to take it out, it would have had to start thawing in the request's
///      block or later, and starting later restarts the clock of all of it. The exception is stake slashed in between: a
///      validator without stake can be drawn, has nothing to lose in this job, and none after it.
contract ValidatorStaking is IValidatorStaking, Credits {
    using Leaves for Leaves.Book;
    using Sortition for Sortition.Urn;
    using SumTree for SumTree.Tree;

    /// @notice No dust: a leaf costs at least this much stake, so that filling all of them is dear.
    uint128 public constant LEAST_MINIMUM_STAKE = 1 gwei;
    uint128 public constant GREATEST_MINIMUM_STAKE = type(uint96).max;
    uint48 public constant GREATEST_THAW_PERIOD = 365 days;
    uint256 public constant ENDPOINT_LIMIT = 256;

    /// @inheritdoc IValidatorStaking
    address public immutable market;
    /// @inheritdoc IValidatorStaking
    address public immutable treasury;
    /// @inheritdoc IValidatorStaking
    uint128 public immutable minimumStake;
    /// @inheritdoc IValidatorStaking
    uint48 public immutable thawPeriod;

    mapping(address account => Validator) private _validators;
    SumTree.Tree private _tree;
    Leaves.Book private _leaves;

    modifier onlyMarket() {
        require(msg.sender == market, ValidatorStaking_NotMarket(msg.sender));
        _;
    }

    /// @param market_ where JobMarket is or will be deployed
    /// @param treasury_ is credited what is slashed; must be able to call `withdraw`
    /// @param minimumStake_ in wei
    /// @param thawPeriod_ in seconds
    constructor(address market_, address treasury_, uint128 minimumStake_, uint48 thawPeriod_) {
        require(
            market_ != address(0) && treasury_ != address(0) && minimumStake_ >= LEAST_MINIMUM_STAKE
                && minimumStake_ <= GREATEST_MINIMUM_STAKE && thawPeriod_ != 0 && thawPeriod_ <= GREATEST_THAW_PERIOD,
            ValidatorStaking_InvalidParameters()
        );
        market = market_;
        treasury = treasury_;
        minimumStake = minimumStake_;
        thawPeriod = thawPeriod_;
    }

    /// @inheritdoc IValidatorStaking
    function stake(EnvironmentClass environmentClass, string calldata endpoint) external payable {
        uint256 length = bytes(endpoint).length;
        require(length <= ENDPOINT_LIMIT, ValidatorStaking_EndpointTooLong(length, ENDPOINT_LIMIT));
        require(Text.isPrintable(endpoint), ValidatorStaking_InvalidEndpoint());
        Validator storage self = _validators[msg.sender];
        uint256 working = self.stake - self.thawing + msg.value;
        require(working >= minimumStake, ValidatorStaking_StakeTooLow(working, minimumStake));
        self.environmentClass = environmentClass;
        self.endpoint = endpoint;
        emit ProfileChanged(msg.sender, environmentClass, endpoint);
        if (msg.value == 0) return;
        self.stake = SafeCast.toUint128(self.stake + msg.value);
        emit Staked(msg.sender, msg.value, self.stake);
        _reweigh(msg.sender, self);
    }

    /// @inheritdoc IValidatorStaking
    function thaw(uint128 amount) external {
        Validator storage self = _validators[msg.sender];
        uint128 working = self.stake - self.thawing;
        require(amount != 0, ValidatorStaking_ZeroAmount());
        require(amount <= working, ValidatorStaking_NotEnough(msg.sender, working, amount));
        self.thawing += amount;
        self.thawsAt = SafeCast.toUint48(block.timestamp) + thawPeriod;
        emit Thawing(msg.sender, amount, self.thawsAt);
        _reweigh(msg.sender, self);
    }

    /// @inheritdoc IValidatorStaking
    function cancelThaw() external {
        Validator storage self = _validators[msg.sender];
        uint128 amount = self.thawing;
        require(amount != 0, ValidatorStaking_NothingThawing(msg.sender));
        self.thawing = 0;
        self.thawsAt = 0;
        emit ThawCancelled(msg.sender, amount);
        _reweigh(msg.sender, self);
    }

    /// @inheritdoc IValidatorStaking
    function release() external {
        Validator storage self = _validators[msg.sender];
        uint128 amount = self.thawing;
        require(amount != 0, ValidatorStaking_NothingThawing(msg.sender));
        require(self.locks == 0, ValidatorStaking_Locked(msg.sender, self.locks));
        require(block.timestamp >= self.thawsAt, ValidatorStaking_NotThawed(msg.sender, self.thawsAt));
        uint128 left = self.stake - amount;
        if (left == 0) {
            delete _validators[msg.sender]; // weightless and unlocked, so nothing else remembers it
        } else {
            self.stake = left;
            self.thawing = 0;
            self.thawsAt = 0;
        }
        emit StakeReleased(msg.sender, amount, left);
        _credit(msg.sender, amount);
    }

    /// @inheritdoc IValidatorStaking
    function lock(address[] calldata validators) external onlyMarket {
        // At most one committee.
        for (uint256 i = 0; i < validators.length; ++i) {
            ++_validators[validators[i]].locks;
        }
    }

    /// @inheritdoc IValidatorStaking
    function unlock(address[] calldata validators) external onlyMarket {
        // At most one committee.
        for (uint256 i = 0; i < validators.length; ++i) {
            --_validators[validators[i]].locks;
        }
    }

    /// @inheritdoc IValidatorStaking
    function slash(address account, uint128 amount) external onlyMarket returns (uint128 slashed) {
        Validator storage self = _validators[account];
        uint128 before = self.stake;
        slashed = amount < before ? amount : before;
        if (slashed == 0) return 0;
        uint128 left = before - slashed;
        self.stake = left;
        if (self.thawing != 0) {
            self.thawing = uint128(uint256(self.thawing) * left / before); // at most what it was
            if (self.thawing == 0) self.thawsAt = 0;
        }
        emit Slashed(account, slashed, left);
        _reweigh(account, self);
        _credit(treasury, slashed);
    }

    /// @inheritdoc IValidatorStaking
    function draw(bytes32 seed, uint256 count, address[] calldata seated, uint48 atBlock) external view returns (address[] memory drawn) {
        _requirePast(atBlock);
        Sortition.Urn memory urn = Sortition.urn(_tree, atBlock, seated.length + count);
        // Both loops: at most the largest committee, in calls of the market.
        for (uint256 i = 0; i < seated.length; ++i) {
            uint256 place = _leaves.placeAt(seated[i], atBlock);
            if (place != 0) urn.exclude(_tree, place - 1);
        }
        drawn = new address[](count);
        uint256 seats = 0;
        while (seats < count && urn.remaining != 0) {
            uint256 ticket = uint256(keccak256(abi.encode(seed, seated.length + seats))) % urn.remaining;
            drawn[seats++] = _leaves.holderAt(urn.take(_tree, ticket), atBlock);
        }
        if (seats < count) drawn = _firstOf(drawn, seats);
    }

    /// @inheritdoc IValidatorStaking
    function validator(address account) external view returns (Validator memory) {
        return _validators[account];
    }

    /// @inheritdoc IValidatorStaking
    function weightAt(address account, uint48 blockNumber) external view returns (uint256) {
        _requirePast(blockNumber);
        uint256 place = _leaves.placeAt(account, blockNumber);
        return place == 0 ? 0 : _tree.weightAt(place - 1, blockNumber);
    }

    /// @inheritdoc IValidatorStaking
    function totalWeightAt(uint48 blockNumber) external view returns (uint256) {
        _requirePast(blockNumber);
        return _tree.totalAt(blockNumber);
    }

    /// @inheritdoc IValidatorStaking
    function validatorAt(uint256 leafIndex) external view returns (address) {
        return _leaves.holder(leafIndex);
    }

    /// @inheritdoc IValidatorStaking
    function validatorAtBlock(uint256 leafIndex, uint48 blockNumber) external view returns (address) {
        _requirePast(blockNumber);
        return _leaves.holderAt(leafIndex, blockNumber);
    }

    /// @inheritdoc IValidatorStaking
    function leafCount() external view returns (uint256) {
        return _leaves.count;
    }

    /// @dev Brings the tree up to date with a validator's stake. The weight of this block counts from the next block on.
    function _reweigh(address account, Validator storage self) private {
        uint256 working = self.stake - self.thawing;
        uint256 weight = working >= minimumStake ? working : 0;
        uint256 place = self.leaf;
        if (place == 0) {
            if (weight == 0) return;
            require(_leaves.hasRoom(), ValidatorStaking_Full(SumTree.CAPACITY));
            place = _leaves.take(account) + 1;
            self.leaf = SafeCast.toUint32(place);
        } else if (weight == 0) {
            _leaves.vacate(account, place - 1);
            self.leaf = 0;
        }
        _tree.set(place - 1, weight);
    }

    /// @dev The weights of this block can still change: a draw from them could be steered.
    function _requirePast(uint48 blockNumber) private view {
        require(blockNumber < block.number, ValidatorStaking_NotPast(blockNumber, block.number));
    }

    function _firstOf(address[] memory all, uint256 count) private pure returns (address[] memory first) {
        first = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            first[i] = all[i];
        }
    }
}
