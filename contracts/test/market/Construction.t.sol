// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobMarket} from "../../JobMarket.sol";
import {KernelRegistry} from "../../KernelRegistry.sol";
import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {House} from "../integration/House.sol";

contract ConstructionTest is House {
    IJobMarket.Parameters private p;

    function setUp() public {
        p = _parameters();
        treasury = makeAddr("treasury");
        vrf = _newVrf();
    }

    function _staking(uint256 ahead, uint48 thawPeriod) private returns (address next) {
        next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + ahead);
        staking = new ValidatorStaking(next, treasury, 1 ether, thawPeriod);
    }

    function _refused(uint48 thawPeriod) private {
        address next = _staking(2, thawPeriod);
        registry = new KernelRegistry(next);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_InvalidParameters.selector));
        new JobMarket(vrf, staking, registry, p);
    }

    function _accepted(uint48 thawPeriod) private {
        address next = _staking(2, thawPeriod);
        registry = new KernelRegistry(next);
        market = new JobMarket(vrf, staking, registry, p);
        assertEq(address(market), next, "address");
    }

    function _longest() private view returns (uint48) {
        return uint48(3 * p.openWindow + 3 * (p.commitWindow + p.revealWindow) + p.challengeWindow);
    }

    function test_ParametersAreWhatWasGiven() public {
        _accepted(THAW_PERIOD);
        assertEq(keccak256(abi.encode(market.parameters())), keccak256(abi.encode(p)), "parameters");
        assertEq(address(market.vrf()), address(vrf), "vrf");
        assertEq(address(market.staking()), address(staking), "staking");
        assertEq(address(market.registry()), address(registry), "registry");
    }

    function test_TheStakingMustKnowThisMarket() public {
        _staking(3, THAW_PERIOD);
        registry = new KernelRegistry(vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1));
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_InvalidParameters.selector));
        new JobMarket(vrf, staking, registry, p);
    }

    function test_TheRegistryMustKnowThisMarket() public {
        _staking(2, THAW_PERIOD);
        registry = new KernelRegistry(makeAddr("another market"));
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_InvalidParameters.selector));
        new JobMarket(vrf, staking, registry, p);
    }

    function test_WindowsArePositive() public {
        (p.commitWindow, p.revealWindow, p.challengeWindow) = (1, 1, 1);
        _accepted(THAW_PERIOD);
        p.commitWindow = 0;
        _refused(THAW_PERIOD);
        (p.commitWindow, p.revealWindow) = (1, 0);
        _refused(THAW_PERIOD);
        (p.revealWindow, p.challengeWindow) = (1, 0);
        _refused(THAW_PERIOD);
    }

    function test_WindowsAreAtMostThirtyDays() public {
        p.challengeWindow = 30 days;
        _accepted(200 days);
        p.challengeWindow = 30 days + 1;
        _refused(200 days);
        (p.challengeWindow, p.commitWindow) = (1, 30 days + 1);
        _refused(200 days);
        (p.commitWindow, p.revealWindow) = (1, 30 days + 1);
        _refused(200 days);
        (p.revealWindow, p.openWindow) = (1, 30 days + 1);
        _refused(200 days);
    }

    function test_TheLatestSeedCanStillBeUsed() public {
        p.openWindow = uint32(vrf.maximumLatency());
        _refused(THAW_PERIOD);
        ++p.openWindow;
        _accepted(THAW_PERIOD);
    }

    function test_StakeOutlastsTheLongestJob() public {
        _refused(_longest());
        _accepted(_longest() + 1);
    }

    function test_TheLeastStakePaysForOneFault() public {
        p.deviationSlash = 1 ether;
        _accepted(THAW_PERIOD);
        ++p.deviationSlash;
        _refused(THAW_PERIOD);
    }

    function test_AbsenceCostsAtMostADeviation() public {
        p.absenceSlash = p.deviationSlash;
        _accepted(THAW_PERIOD);
        ++p.absenceSlash;
        _refused(THAW_PERIOD);
    }
}
