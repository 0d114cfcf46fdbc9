// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAppeals} from "../../interfaces/IAppeals.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {EnvironmentClass, JobId} from "../../types/Ids.sol";
import {JobProgress, JobTerms} from "../../types/Job.sol";
import {House} from "../integration/House.sol";

/// @notice A tree that was given to another class between a job and its appeal. The challenge window is four epochs, which the bounds allow.
contract AppealedClassTest is House {
    EnvironmentClass private constant OLD = EnvironmentClass.wrap("release 1");
    EnvironmentClass private constant NEW = EnvironmentClass.wrap("release 2");
    EnvironmentClass private constant EVIL = EnvironmentClass.wrap("a class of one's own");

    function _parameters() internal pure override returns (IMarketParameters.Parameters memory p) {
        p = super._parameters();
        p.challengeWindow = 4 days;
    }

    function _longestLife() internal pure override returns (uint32) {
        return 5 days;
    }

    function _thawPeriod() internal pure override returns (uint48) {
        return 14 days;
    }

    function setUp() public {
        _build(5);
        for (uint256 i = 0; i < 3; ++i) {
            _addValidator(STAKE, OLD);
        }
        _nextEpoch();
    }

    /// @dev Three honest machines compute a job of their class, and then take the next release of their libraries.
    function test_WhoGotATreeSinceDoesNotJudgeTheClassThatHadIt() public {
        JobId id = _request(3, OLD);
        _open(id);
        _settleTogether(id, _unanimous(3, _right()));
        for (uint256 i = 5; i < 8; ++i) {
            vm.prank(validators[i]);
            staking.stake(NEW, "");
        }
        _nextEpoch();
        _nextEpoch();
        for (uint256 i = 0; i < 7; ++i) {
            _addValidator(1 ether, EVIL);
        }
        _nextEpoch();
        assertLt(block.timestamp, market.deadlineOf(id), "it can be appealed");

        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        uint256 price = appeals.quote(terms);
        address evil = makeFunded("evil", price);
        vm.prank(evil);
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_WrongClass.selector, id, EVIL));
        appeals.appeal{value: price}(id, terms, progress, EVIL);
        _finalise(id);
        for (uint256 i = 5; i < 8; ++i) {
            assertEq(_stakeOf(validators[i]), STAKE, "an honest member's stake");
        }
    }
}
