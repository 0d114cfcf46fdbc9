// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {MarketParameters} from "../../MarketParameters.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {EnvironmentClass, JobId, KernelId} from "../../types/Ids.sol";
import {JobStatus} from "../../types/Job.sol";
import {Taker} from "../fixtures/HostileConsumers.sol";
import {House} from "../integration/House.sol";

/// @title Who may change what the market charges, takes and waits; how far; and for whom.
contract ParametersTest is House {
    IMarketParameters.Parameters private p;

    function setUp() public {
        _build(9);
        p = parameters.current();
    }

    function _set() private {
        vm.prank(owner);
        parameters.set(p);
    }

    function _taken() private {
        _set();
        assertEq(keccak256(abi.encode(parameters.current())), keccak256(abi.encode(p)), "in force");
    }

    function _refused(string memory parameter) private {
        IMarketParameters.Bounds memory bounds = parameters.bounds();
        vm.expectRevert(abi.encodeWithSelector(IMarketParameters.MarketParameters_OutOfBounds.selector, parameter));
        _set();
        vm.expectRevert(abi.encodeWithSelector(IMarketParameters.MarketParameters_OutOfBounds.selector, parameter));
        new MarketParameters(owner, bounds, p); // nor could it have begun with them
    }

    /* BOUNDS */

    function test_FeesHaveBounds() public {
        p.seatFee = parameters.GREATEST_SEAT_FEE();
        p.deliveryFeePerGas = parameters.GREATEST_DELIVERY_FEE();
        _taken();
        ++p.seatFee;
        _refused("seatFee");
        --p.seatFee;
        ++p.deliveryFeePerGas;
        _refused("deliveryFeePerGas");
        (p.seatFee, p.deliveryFeePerGas) = (0, 0);
        _taken();
    }

    function test_ASlashIsAtMostTheLeastStake() public {
        p.deviationSlash = parameters.bounds().greatestSlash + 1;
        _refused("deviationSlash");
        --p.deviationSlash;
        _taken();
    }

    function test_AbsenceCostsAtMostADeviation() public {
        p.absenceSlash = p.deviationSlash;
        _taken();
        ++p.absenceSlash;
        _refused("absenceSlash");
        (p.deviationSlash, p.absenceSlash) = (0, 1);
        _refused("absenceSlash");
    }

    function test_TheOpenWindowIsLongerThanRandomnessTakes() public {
        p.openWindow = parameters.bounds().leastOpenWindow;
        _taken();
        --p.openWindow;
        _refused("openWindow");
    }

    function test_TheCommitWindowHoldsTheSlowestKernel() public {
        p.commitWindow = parameters.bounds().leastCommitWindow;
        _taken();
        --p.commitWindow;
        _refused("commitWindow");
    }

    function test_NoWindowIsEmpty() public {
        (p.revealWindow, p.challengeWindow) = (1, 1);
        _taken();
        (p.revealWindow, p.challengeWindow) = (0, 1);
        _refused("revealWindow");
        (p.revealWindow, p.challengeWindow) = (1, 0);
        _refused("challengeWindow");
    }

    function test_TheLastDrawComesInTime() public {
        // openWindow + 2 (commitWindow + revealWindow + openWindow) = a day
        (p.openWindow, p.commitWindow, p.revealWindow, p.challengeWindow) = (4 hours, 4 hours, 2 hours, 1);
        _taken();
        ++p.revealWindow;
        _refused("openWindow, commitWindow, revealWindow: longestDraw");
    }

    function test_TheLongestJobIsShorterThanAThaw() public {
        // The last draw after a day, six hours of commitments and reveals, eighteen to challenge: two days.
        (p.openWindow, p.commitWindow, p.revealWindow, p.challengeWindow) = (4 hours, 4 hours, 2 hours, 18 hours);
        _taken();
        ++p.challengeWindow;
        _refused("windows: longestLife");
    }

    /// @dev Whatever is asked for: what is taken is within every bound, and the sums do not wrap.
    function testFuzz_WhatIsInForceIsWithinTheBounds(IMarketParameters.Parameters memory wanted) public {
        p = wanted;
        IMarketParameters.Bounds memory b = parameters.bounds();
        vm.prank(owner);
        try parameters.set(wanted) {} catch {}
        IMarketParameters.Parameters memory now_ = parameters.current();
        uint256 round = uint256(now_.commitWindow) + now_.revealWindow;
        uint256 draw = uint256(now_.openWindow) + 2 * (round + now_.openWindow);
        assertLe(draw, b.longestDraw, "draw");
        assertLe(draw + round + now_.challengeWindow, b.longestLife, "life");
        assertLe(now_.deviationSlash, b.greatestSlash, "slash");
        assertLe(now_.absenceSlash, now_.deviationSlash, "absence");
        assertGe(now_.openWindow, b.leastOpenWindow, "openWindow");
        assertGe(now_.commitWindow, b.leastCommitWindow, "commitWindow");
        assertGt(now_.revealWindow, 0, "revealWindow");
        assertGt(now_.challengeWindow, 0, "challengeWindow");
        assertLe(now_.seatFee, 100 ether, "seatFee");
        assertLe(now_.deliveryFeePerGas, 10_000 gwei, "deliveryFeePerGas");
    }

    function test_ChangesAreCounted() public {
        assertEq(parameters.version(), 1, "the first");
        p.seatFee = 0.02 ether;
        vm.expectEmit(address(parameters));
        emit IMarketParameters.ParametersChanged(2, p);
        _set();
        assertEq(parameters.version(), 2, "the second");
    }

    /* THE OWNER */

    function test_OnlyTheOwnerChangesAnything() public {
        bytes memory reason = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, anyone);
        vm.expectRevert(reason);
        vm.prank(anyone);
        parameters.set(p);
        vm.expectRevert(reason);
        vm.prank(anyone);
        parameters.setPaused(true);
    }

    function test_OwnershipMovesInTwoSteps() public {
        vm.prank(owner);
        parameters.transferOwnership(anyone);
        assertEq(parameters.owner(), owner, "not yet");
        _taken();
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, requester));
        vm.prank(requester);
        parameters.acceptOwnership();
        vm.prank(anyone);
        parameters.acceptOwnership();
        assertEq(parameters.owner(), anyone, "now");
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, owner));
        _set();
    }

    function test_BehindATimelockAChangeIsSeenBeforeItCounts() public {
        address[] memory one = new address[](1);
        one[0] = owner;
        TimelockController timelock = new TimelockController(2 days, one, one, address(0));
        vm.prank(owner);
        parameters.transferOwnership(address(timelock));
        _throughTimelock(timelock, abi.encodeCall(parameters.acceptOwnership, ()));
        assertEq(parameters.owner(), address(timelock), "owner");
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, owner));
        _set();
        p.seatFee = 0.02 ether;
        bytes memory call = abi.encodeCall(parameters.set, (p));
        vm.prank(owner);
        timelock.schedule(address(parameters), 0, call, 0, 0, 2 days);
        skipTime(2 days - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        vm.prank(owner);
        timelock.execute(address(parameters), 0, call, 0, 0);
        assertEq(parameters.current().seatFee, 0.01 ether, "not yet");
        skipTime(1);
        vm.prank(owner);
        timelock.execute(address(parameters), 0, call, 0, 0);
        assertEq(parameters.current().seatFee, 0.02 ether, "now");
    }

    function _throughTimelock(TimelockController timelock, bytes memory call) private {
        vm.prank(owner);
        timelock.schedule(address(parameters), 0, call, 0, 0, 2 days);
        skipTime(2 days);
        vm.prank(owner);
        timelock.execute(address(parameters), 0, call, 0, 0);
    }

    /* A PAUSE */

    function _pause(bool paused) private {
        vm.expectEmit(address(parameters));
        emit IMarketParameters.PauseChanged(paused);
        vm.prank(owner);
        parameters.setPaused(paused);
    }

    function test_APauseStopsRequests() public {
        KernelId fresh = _register("fresh", 0);
        uint256 price = market.quote(kernel, 3, 0);
        uint256 validation = market.quoteValidation(3);
        _pause(true);
        bytes memory reason = abi.encodeWithSelector(IMarketParameters.MarketParameters_Paused.selector);
        vm.expectRevert(reason);
        vm.prank(requester);
        market.request{value: price}(_wanted(3, address(0), 0));
        vm.expectRevert(reason);
        vm.prank(publisher);
        registry.requestValidation{value: validation}(fresh, ANY, 3);
        assertEq(market.quote(kernel, 3, 0), price, "prices can be read");
        _pause(false);
        _request(3);
    }

    function test_APauseStopsNothingElse() public {
        JobId id = _request(3, address(new Taker()), 200_000);
        JobId late = _request(3);
        JobId split = _opened(3);
        _pause(true);
        _open(id, _proofFor(id));
        _commitBatch(id, _unanimous(3, _right()));
        _settleBatch(id, _unanimous(3, _right()));
        assertTrue(_deliver(id), "delivered");
        _playEach(split, _disagreement(3));
        _settle(split);
        assertStatus(split, JobStatus.Committing); // grows
        _finalise(id);
        _afterDeadline(late);
        _expire(late);
        assertStatus(late, JobStatus.Failed);
        address member = _members(split)[0];
        EnvironmentClass own = staking.validator(member).environmentClass;
        vm.prank(member);
        staking.stake{value: 1 ether}(own, "");
        vm.prank(member);
        staking.thaw(uint128(STAKE + 1 ether));
        skipTime(THAW_PERIOD);
        _settle(split); // too late to grow again: it ends
        assertStatus(split, JobStatus.Failed);
        vm.prank(member);
        staking.release();
        uint256 out = staking.creditOf(member);
        assertEq(out, STAKE + 1 ether - 0.25 ether, "less its absence");
        vm.prank(member);
        staking.withdraw();
        vm.prank(requester);
        market.withdraw();
        assertEq(market.creditOf(requester), 0, "withdrawn");
    }

    /* RUNNING JOBS */

    function test_ARunningJobKeepsItsTerms() public {
        JobId id = _request(3, address(new Taker()), 100_000);
        uint256 escrow = _escrowOf(id);
        p = IMarketParameters.Parameters({
            seatFee: 1 ether,
            deliveryFeePerGas: 9_000 gwei,
            deviationSlash: 0,
            absenceSlash: 0,
            openWindow: 2 hours,
            commitWindow: 1 hours,
            revealWindow: 1 hours,
            challengeWindow: 1
        });
        _set();
        _open(id);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 10 minutes, "commitWindow");
        address[] memory members = _members(id);
        _commit(id, members[0], _right());
        _commit(id, members[1], _wrong());
        _commit(id, members[2], _right());
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 5 minutes, "revealWindow");
        _reveal(id, members[0], _right());
        _reveal(id, members[1], _wrong());
        _reveal(id, members[2], _right());
        _settle(id);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 1 hours, "challengeWindow");
        uint256 deliverer = market.creditOf(anyone);
        _deliver(id);
        assertEq(market.creditOf(anyone) - deliverer, 100_000 * 2 gwei, "deliveryFeePerGas");
        uint256 fee = market.creditOf(members[0]);
        uint256 refund = market.creditOf(requester);
        _finalise(id);
        assertEq(market.creditOf(members[0]) - fee, 0.01 ether, "seatFee");
        assertEq(_stakeOf(members[1]), STAKE - 1 ether, "deviationSlash");
        uint256 spent = 2 * 0.01 ether + 0.05 ether + 100_000 * 2 gwei;
        assertEq(market.creditOf(requester) - refund, escrow - spent, "refund");
        assertEq(address(market).balance, _owed(), "to the wei");
        assertEq(market.quote(kernel, 3, 0), vrf.fee() + 0.05 ether + 15 ether, "the next job pays more");
    }
}
