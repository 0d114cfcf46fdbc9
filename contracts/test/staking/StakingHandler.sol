// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {EnvironmentClass} from "../../types/Ids.sol";
import {Seat} from "../../types/Seat.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title Does what validators and a market may do, in any order, and keeps books of its own.
/// @dev Every call that must succeed is made plainly, so that a revert fails the run. Those that must not are tried.
contract StakingHandler is TestBase {
    uint256 public constant PEOPLE = 6;
    /// @notice Few enough that people meet in them.
    uint256 public constant CLASSES = 3;
    address public constant REPORTER = address(0x4e704e);

    ValidatorStaking public immutable staking;
    address[] public people;

    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public slashed;
    /// @notice What a blamed validator must still have: its stake at the first blame, with what it added and without what was
    ///         slashed since.
    mapping(address => uint256) public held;
    bytes32 public rememberedSeed;
    bytes32 public rememberedDraw;
    uint256 public rememberedEpoch;

    constructor(ValidatorStaking staking_) {
        staking = staking_;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people.push(address(uint160(0x1000000 + i)));
        }
    }

    function stake(uint256 who, uint96 amount) external {
        address account = _one(who);
        IValidatorStaking.Validator memory now_ = staking.validator(account);
        uint256 working = now_.stake - now_.thawing;
        uint256 least = working < staking.minimumStake() ? staking.minimumStake() - working : 0;
        uint256 value = bound(amount, least, least + 10 * uint256(staking.minimumStake()));
        vm.deal(account, account.balance + value);
        EnvironmentClass class_ = EnvironmentClass.wrap(bytes32(1 + who % CLASSES));
        bool moves = now_.leaf == 0 || EnvironmentClass.unwrap(class_) != EnvironmentClass.unwrap(now_.environmentClass);
        vm.prank(account);
        (bool done,) = address(staking).call{value: value}(abi.encodeCall(ValidatorStaking.stake, (class_, "")));
        assertEq(done, !moves || now_.movedIn != staking.currentEpoch(), "a place once an epoch");
        if (!done) return;
        deposited += value;
        if (now_.blamed != 0) held[account] += value;
    }

    function thaw(uint256 who, uint128 amount, bool all) external {
        address account = _one(who);
        IValidatorStaking.Validator memory now_ = staking.validator(account);
        uint128 working = now_.stake - now_.thawing;
        if (working == 0) return;
        vm.prank(account);
        staking.thaw(all ? working : uint128(bound(amount, 1, working)));
        IValidatorStaking.Validator memory then_ = staking.validator(account);
        assertEq(then_.stake, now_.stake, "a thaw moves no money");
        assertEq(then_.thawsAt, block.timestamp + staking.thawPeriod(), "a thaw restarts the clock of all");
    }

    function cancelThaw(uint256 who) external {
        address account = _one(who);
        IValidatorStaking.Validator memory now_ = staking.validator(account);
        if (now_.thawing == 0) return;
        bool moves = now_.leaf == 0 && now_.stake >= staking.minimumStake();
        vm.prank(account);
        (bool done,) = address(staking).call(abi.encodeCall(ValidatorStaking.cancelThaw, ()));
        assertEq(done, !moves || now_.movedIn != staking.currentEpoch(), "a place once an epoch");
    }

    function release(uint256 who) external {
        address account = _one(who);
        IValidatorStaking.Validator memory now_ = staking.validator(account);
        bool may = now_.thawing != 0 && now_.blamed == 0 && now_.thawsAt <= block.timestamp;
        vm.prank(account);
        (bool done,) = address(staking).call(abi.encodeCall(ValidatorStaking.release, ()));
        assertEq(done, may, "released exactly when thawed and not blamed");
    }

    function withdraw(uint256 who) external {
        uint256 place = who % (PEOPLE + 2);
        address account = place < PEOPLE ? people[place] : place == PEOPLE ? staking.treasury() : REPORTER;
        if (staking.creditOf(account) == 0) return;
        vm.prank(account);
        withdrawn += staking.withdraw();
    }

    function slash(uint256 who, uint128 amount) external {
        address account = _one(who);
        IValidatorStaking.Validator memory now_ = staking.validator(account);
        uint256 most = uint256(now_.stake) + now_.stake / 4;
        uint128 asked = uint128(bound(amount, 0, most));
        vm.prank(staking.market());
        uint128 taken = staking.slash(account, asked, REPORTER);
        assertEq(taken, asked < now_.stake ? asked : now_.stake, "a slash takes what there is");
        IValidatorStaking.Validator memory then_ = staking.validator(account);
        assertEq(then_.stake, now_.stake - taken, "from the stake");
        if (now_.stake != 0) {
            assertEq(then_.thawing, uint256(now_.thawing) * then_.stake / now_.stake, "what thaws shrinks in proportion");
        }
        slashed += taken;
        if (then_.blamed != 0) held[account] -= taken;
    }

    function blame(uint256 who) external {
        address account = _one(who);
        IValidatorStaking.Validator memory now_ = staking.validator(account);
        if (now_.blamed == 0) held[account] = now_.stake;
        vm.prank(staking.market());
        staking.blame(_only(account));
    }

    function absolve(uint256 who) external {
        address account = _one(who);
        if (staking.validator(account).blamed == 0) return;
        vm.prank(staking.market());
        staking.absolve(_only(account));
    }

    function wait(uint256 seconds_, bool thawed) external {
        skipBlocks(1);
        skipTime(thawed ? staking.thawPeriod() : bound(seconds_, 0, 2 * uint256(staking.epochLength())));
    }

    /// @notice Writes down how this epoch's draw ends; `property_AnEpochsDrawsNeverChange` makes it again.
    function remember(bytes32 seed) external {
        (rememberedSeed, rememberedEpoch) = (seed, staking.currentEpoch());
        rememberedDraw = keccak256(abi.encode(staking.draw(seed, PEOPLE, new Seat[](0), staking.ALL_TREES(), rememberedEpoch)));
    }

    function _one(uint256 who) private view returns (address) {
        return people[who % PEOPLE];
    }

    function _only(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }
}
