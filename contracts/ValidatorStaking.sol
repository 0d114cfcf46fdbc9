// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IValidatorStaking} from "./interfaces/IValidatorStaking.sol";
import {Credits} from "./libraries/Credits.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Sortition} from "./libraries/Sortition.sol";
import {Text} from "./libraries/Text.sol";
import {WeightForest} from "./libraries/WeightForest.sol";
import {EnvironmentClass} from "./types/Ids.sol";
import {Seat, seatOf} from "./types/Seat.sol";

/// @title Who may validate, with how much at stake. See IValidatorStaking.
/// @notice Properties that the tests hold it to:
///         1. The balance is the sum of all stakes and all credits, to the wei.
///         2. A slash takes from everything a validator has in here, whether it thaws or not. What thaws shrinks in proportion,
///            rounded down, so that thawing is no shelter and a slash never adds weight.
///         3. Nothing leaves while its owner is blamed, nor before `thawPeriod` has passed since it started to thaw.
///         4. A validator has a leaf exactly while it has weight in the next epoch, and every node's weight is the sum of those below it.
///         5. Weights in an epoch, and therefore draws for it, never change once it has begun.
///         6. No function's cost grows with the number of validators.
/// @dev On `thawPeriod`: it must exceed an epoch, the time from a job's request to its end, growth of the committee included, and
///      that of an appeal from it, which is another job and the time to resolve it (JobMarket checks this when it is deployed). Whoever
///      has weight in an epoch was not thawing that part when the epoch began; a job of this epoch is requested before the epoch ends;
///      so until that job is decided, by itself or by an appeal, the stake is still here. Those at fault by its own committee are held
///      by `blame` from then on; those whom an appeal finds at fault, by the thaw alone. The exception is stake slashed in between: a validator
///      without stake can be drawn until the epoch ends, has nothing to lose in this job, and none after it.
contract ValidatorStaking is IValidatorStaking, Credits {
    using Leaves for Leaves.Book;
    using Sortition for Sortition.Urn;
    using WeightForest for WeightForest.Forest;

    /// @notice No dust: a leaf costs at least this much stake, and a stake takes one an epoch, so that filling a tree is dear.
    uint128 public constant LEAST_MINIMUM_STAKE = 1 gwei;
    uint128 public constant GREATEST_MINIMUM_STAKE = type(uint96).max;
    uint48 public constant GREATEST_THAW_PERIOD = 365 days;
    uint32 public constant GREATEST_EPOCH_LENGTH = 30 days;
    uint256 public constant ENDPOINT_LIMIT = 256;
    /// @notice Units of weight in the minimum stake. More stake than 4,096 times the minimum weighs no more.
    uint256 public constant UNITS = 16;
    uint256 public constant GREATEST_WEIGHT = 4096 * UNITS;
    /// @notice Of 10,000 parts of what is slashed, for whoever had it slashed: their gas, and no reason to wish for it.
    uint256 public constant REPORTER_SHARE = 500;
    uint256 public constant ALL_TREES = type(uint8).max;
    /// @notice All classes with a tree of their own, the second seat from another than the first.
    uint256 public constant SPREAD = ALL_TREES - 1;
    /// @dev The tree that classes share for which there is none.
    uint256 private constant SHARED = WeightForest.TREES - 1;

    /// @inheritdoc IValidatorStaking
    address public immutable market;
    /// @inheritdoc IValidatorStaking
    address public immutable treasury;
    /// @inheritdoc IValidatorStaking
    uint128 public immutable minimumStake;
    /// @inheritdoc IValidatorStaking
    uint48 public immutable thawPeriod;
    /// @inheritdoc IValidatorStaking
    uint32 public immutable epochLength;

    mapping(address account => Validator) private _validators;
    WeightForest.Forest private _forest;
    Leaves.Book private _leaves;
    mapping(uint256 tree => EnvironmentClass) private _classOf;
    mapping(uint256 tree => uint256 epoch) private _assignedIn;
    mapping(EnvironmentClass => uint256 treePlusOne) private _treeOf;

    modifier onlyMarket() {
        require(msg.sender == market, ValidatorStaking_NotMarket(msg.sender));
        _;
    }

    /// @param market_ where JobMarket is or will be deployed
    /// @param treasury_ is credited what is slashed; must be able to call `withdraw`
    /// @param minimumStake_ in wei
    /// @param thawPeriod_ in seconds
    /// @param epochLength_ in seconds
    constructor(address market_, address treasury_, uint128 minimumStake_, uint48 thawPeriod_, uint32 epochLength_) {
        require(
            market_ != address(0) && treasury_ != address(0) && minimumStake_ >= LEAST_MINIMUM_STAKE
                && minimumStake_ <= GREATEST_MINIMUM_STAKE && epochLength_ != 0 && epochLength_ <= GREATEST_EPOCH_LENGTH
                && thawPeriod_ > epochLength_ && thawPeriod_ <= GREATEST_THAW_PERIOD,
            ValidatorStaking_InvalidParameters()
        );
        market = market_;
        treasury = treasury_;
        minimumStake = minimumStake_;
        thawPeriod = thawPeriod_;
        epochLength = epochLength_;
    }

    // ---- stake

    /// @inheritdoc IValidatorStaking
    function stake(EnvironmentClass environmentClass, string calldata endpoint) external payable {
        uint256 length = bytes(endpoint).length;
        require(length <= ENDPOINT_LIMIT, ValidatorStaking_EndpointTooLong(length, ENDPOINT_LIMIT));
        require(Text.isPrintable(endpoint), ValidatorStaking_InvalidEndpoint());
        require(EnvironmentClass.unwrap(environmentClass) != 0, ValidatorStaking_InvalidClass());
        Validator storage self = _validators[msg.sender];
        uint256 working = self.stake - self.thawing + msg.value;
        require(working >= minimumStake, ValidatorStaking_StakeTooLow(working, minimumStake));
        if (EnvironmentClass.unwrap(environmentClass) != EnvironmentClass.unwrap(self.environmentClass)) {
            _leave(self);
            self.environmentClass = environmentClass;
        }
        self.endpoint = endpoint;
        emit ProfileChanged(msg.sender, environmentClass, endpoint);
        if (msg.value != 0) {
            self.stake = SafeCast.toUint128(self.stake + msg.value);
            emit Staked(msg.sender, msg.value, self.stake);
        }
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
        require(self.blamed == 0, ValidatorStaking_Blamed(msg.sender, self.blamed));
        require(block.timestamp >= self.thawsAt, ValidatorStaking_NotThawed(msg.sender, self.thawsAt));
        uint128 left = self.stake - amount;
        if (left == 0) {
            delete _validators[msg.sender]; // weightless and not blamed, so nothing else remembers it
        } else {
            self.stake = left;
            self.thawing = 0;
            self.thawsAt = 0;
        }
        emit StakeReleased(msg.sender, amount, left);
        _credit(msg.sender, amount);
    }

    // ---- the market

    /// @inheritdoc IValidatorStaking
    function blame(address[] calldata validators) external onlyMarket {
        // At most one committee.
        for (uint256 i = 0; i < validators.length; ++i) {
            ++_validators[validators[i]].blamed;
        }
    }

    /// @inheritdoc IValidatorStaking
    function absolve(address[] calldata validators) external onlyMarket {
        // At most one committee.
        for (uint256 i = 0; i < validators.length; ++i) {
            --_validators[validators[i]].blamed;
        }
    }

    /// @inheritdoc IValidatorStaking
    function slash(address account, uint128 amount, address reporter) external onlyMarket returns (uint128 slashed) {
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
        uint256 reward = slashed * REPORTER_SHARE / 10_000;
        emit Slashed(account, slashed, left, reporter, reward);
        _reweigh(account, self);
        _credit(reporter, reward);
        _credit(treasury, slashed - reward);
    }

    // ---- draws

    /// @inheritdoc IValidatorStaking
    function draw(bytes32 seed, uint256 count, Seat[] calldata seated, uint256 tree, uint256 epoch)
        external
        view
        returns (Seat[] memory drawn)
    {
        uint256 present = currentEpoch();
        // Epochs are whole numbers: one or its predecessor is what is meant.
        // slither-disable-next-line incorrect-equality
        require(epoch == present || epoch + 1 == present, ValidatorStaking_WrongEpoch(epoch, present));
        Sortition.Urn memory urn = tree >= SPREAD
            ? Sortition.urn(_forest, WeightForest.LEVELS, 0, epoch, seated)
            : Sortition.urn(_forest, WeightForest.TREE_LEVELS, tree, epoch, seated);
        // The tree that classes share is the last, and so what weighs there lies behind all that can be drawn.
        uint256 behind = tree == SPREAD ? _forest.treeWeightAt(SHARED, epoch) : 0;
        drawn = new Seat[](count);
        uint256 seats = 0;
        // What is behind is part of what remains; and a committee has at most the largest one's seats.
        unchecked {
            for (; seats < count; ++seats) {
                uint256 weight = urn.remaining - behind;
                if (weight == 0) break;
                uint256 seat = seated.length + seats;
                uint256 ticket = _ticket(seed, seat);
                if (seat == 1 && tree == SPREAD) {
                    ticket = _ofAnotherTree(seats == 0 ? seated[0] : drawn[0], epoch, ticket, weight);
                    if (ticket >= weight) break;
                } else {
                    ticket %= weight;
                }
                uint256 leaf = urn.take(_forest, ticket);
                drawn[seats] = seatOf(_leaves.holders[leaf], leaf);
            }
        }
        assembly ("memory-safe") {
            mstore(drawn, seats)
        }
    }

    /// @dev keccak256(abi.encode(seed, seat)).
    function _ticket(bytes32 seed, uint256 seat) private pure returns (uint256 ticket) {
        assembly ("memory-safe") {
            mstore(0x00, seed)
            mstore(0x20, seat)
            ticket := keccak256(0x00, 0x40)
        }
    }

    // ---- views

    /// @inheritdoc IValidatorStaking
    function validator(address account) external view returns (Validator memory) {
        return _validators[account];
    }

    /// @inheritdoc IValidatorStaking
    function currentEpoch() public view returns (uint256) {
        return block.timestamp / epochLength;
    }

    /// @inheritdoc IValidatorStaking
    function weightAt(uint256 leaf, uint256 epoch) external view returns (uint256) {
        return _forest.weightAt(leaf, epoch);
    }

    /// @inheritdoc IValidatorStaking
    function weightsAt(uint256 level, uint256 index, uint256 epoch) external view returns (uint256) {
        return _forest.weightsAt(level, index, epoch);
    }

    /// @inheritdoc IValidatorStaking
    function totalWeightAt(uint256 tree, uint256 epoch) external view returns (uint256) {
        return WeightForest.sum(
            tree == ALL_TREES ? _forest.weightsAt(WeightForest.LEVELS, 0, epoch) : _forest.weightsAt(WeightForest.TREE_LEVELS, tree, epoch)
        );
    }

    /// @inheritdoc IValidatorStaking
    function classesAt(uint256 epoch) external view returns (uint256 count) {
        for (uint256 i = 0; i < WeightForest.TREES / 8; ++i) {
            uint256 weights = _forest.weightsAt(WeightForest.TREE_LEVELS + 1, i, epoch);
            for (; weights != 0; weights >>= WeightForest.WEIGHT_BITS) {
                if (weights & WeightForest.GREATEST_WEIGHT != 0) ++count;
            }
        }
        if (_forest.treeWeightAt(SHARED, epoch) != 0) --count;
    }

    /// @inheritdoc IValidatorStaking
    function assignedIn(uint256 tree) external view returns (uint256) {
        return _assignedIn[tree];
    }

    /// @inheritdoc IValidatorStaking
    function holderOf(uint256 leaf) external view returns (address) {
        return _leaves.holders[leaf];
    }

    /// @inheritdoc IValidatorStaking
    function leafCount(uint256 tree) external view returns (uint256) {
        return _leaves.trees[tree].used;
    }

    /// @inheritdoc IValidatorStaking
    function classOf(uint256 tree) external view returns (EnvironmentClass) {
        return _classOf[tree];
    }

    /// @inheritdoc IValidatorStaking
    function treeOf(EnvironmentClass environmentClass) external view returns (uint256 tree, bool own) {
        uint256 place = _treeOf[environmentClass];
        return place == 0 ? (SHARED, false) : (place - 1, true);
    }

    // ---- inside

    /// @dev Brings the forest up to date with a validator's stake, from the next epoch on.
    function _reweigh(address account, Validator storage self) private {
        uint256 working = self.stake - self.thawing;
        if (working < minimumStake) return _leave(self);
        uint256 epoch = currentEpoch();
        uint256 place = self.leaf;
        if (place == 0) {
            // Else one stake could pass through all leaves of a tree, or through all trees, which then rest. A slash never comes here.
            require(self.movedIn != epoch, ValidatorStaking_MovedAlready(account, epoch));
            self.movedIn = SafeCast.toUint48(epoch);
            place = _leaves.take(_treeFor(self.environmentClass, epoch), account, epoch) + 1;
            self.leaf = SafeCast.toUint32(place);
        }
        _forest.set(place - 1, Math.min(working * UNITS / minimumStake, GREATEST_WEIGHT), epoch + 1);
    }

    /// @dev Takes a validator off its leaf, if it has one.
    function _leave(Validator storage self) private {
        uint256 place = self.leaf;
        if (place == 0) return;
        uint256 epoch = currentEpoch();
        self.leaf = 0;
        _leaves.vacate(place - 1, epoch);
        _forest.set(place - 1, 0, epoch + 1);
    }

    /// @dev The tree of a class; one that nobody uses becomes its own, or else it shares the last, so that nobody can keep a class
    ///      out by filling the trees.
    function _treeFor(EnvironmentClass environmentClass, uint256 epoch) private returns (uint256 tree) {
        uint256 place = _treeOf[environmentClass];
        if (place != 0) return place - 1;
        // At most 63 turns, and only for the first validator of a class.
        for (tree = 0; tree < SHARED; ++tree) {
            if (!_leaves.isIdle(tree, epoch)) continue;
            delete _treeOf[_classOf[tree]];
            _classOf[tree] = environmentClass;
            _treeOf[environmentClass] = tree + 1;
            _assignedIn[tree] = epoch;
            emit TreeAssigned(environmentClass, tree);
            return tree;
        }
    }

    /// @dev The ticket that a number falls on when the first seat's tree counts zero. `weight` if nothing else is there.
    function _ofAnotherTree(Seat first, uint256 epoch, uint256 number, uint256 weight) private view returns (uint256 ticket) {
        uint256 tree = first.treeOf();
        uint256 own = _forest.treeWeightAt(tree, epoch) - _forest.weightAt(first.leafOf(), epoch);
        if (own == weight) return weight;
        ticket = number % (weight - own);
        if (ticket >= _forest.weightBefore(tree, epoch)) ticket += own;
    }
}
