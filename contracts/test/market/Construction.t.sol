// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Appeals} from "../../Appeals.sol";
import {JobMarket} from "../../JobMarket.sol";
import {KernelRegistry} from "../../KernelRegistry.sol";
import {MarketParameters} from "../../MarketParameters.sol";
import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {House} from "../integration/House.sol";

/// @title What must fit together before there can be a market. The parameters' own bounds are in Parameters.t.sol.
contract ConstructionTest is House {
    IMarketParameters.Bounds private b;
    uint48 private thawPeriod;

    function setUp() public {
        owner = makeAddr("owner");
        treasury = makeAddr("treasury");
        vrf = _newVrf();
        thawPeriod = THAW_PERIOD;
        b = IMarketParameters.Bounds({
            greatestSlash: 1 ether, leastOpenWindow: 2 hours, leastCommitWindow: 10 minutes, longestDraw: EPOCH, longestLife: 2 days
        });
    }

    /// @return next where the market will be, which is deployed `ahead` contracts after the staking
    function _parts(uint256 ahead) private returns (address next) {
        parameters = new MarketParameters(owner, b, _parameters());
        next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + ahead);
        staking = new ValidatorStaking(next, treasury, 1 ether, thawPeriod, EPOCH);
    }

    function _refused() private {
        address next = _parts(3);
        registry = new KernelRegistry(next);
        appeals = new Appeals(IJobMarket(next), staking);
        _refusedNow();
    }

    function _refusedNow() private {
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_InvalidParameters.selector));
        new JobMarket(vrf, staking, registry, parameters, appeals);
    }

    function _accepted() private {
        address next = _parts(3);
        // `_parts` has counted from before the staking.
        registry = new KernelRegistry(next);
        appeals = new Appeals(IJobMarket(next), staking);
        market = new JobMarket(vrf, staking, registry, parameters, appeals);
        assertEq(address(market), next, "address");
    }

    function test_ThePartsAreWhatWasGiven() public {
        _accepted();
        assertEq(address(market.vrf()), address(vrf), "vrf");
        assertEq(address(market.staking()), address(staking), "staking");
        assertEq(address(market.registry()), address(registry), "registry");
        assertEq(address(market.parameters()), address(parameters), "parameters");
        assertEq(address(market.appeals()), address(appeals), "appeals");
    }

    function test_ItsCodeFitsInAContract() public {
        _accepted();
        assertLe(address(market).code.length, 24_576, "EIP-170");
    }

    function test_TheStakingMustKnowThisMarket() public {
        address next = _parts(4); // an address later than the market's
        assertTrue(next != address(0));
        address real = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2);
        registry = new KernelRegistry(real);
        appeals = new Appeals(IJobMarket(real), staking);
        _refusedNow();
    }

    function test_TheRegistryMustKnowThisMarket() public {
        address next = _parts(3);
        registry = new KernelRegistry(makeAddr("another market"));
        appeals = new Appeals(IJobMarket(next), staking);
        _refusedNow();
    }

    function test_TheAppealsMustKnowThisMarket() public {
        registry = new KernelRegistry(_parts(3));
        appeals = new Appeals(IJobMarket(makeAddr("another market")), staking);
        _refusedNow();
    }

    function test_TheLatestSeedCanStillBeUsed() public {
        b.leastOpenWindow = uint32(vrf.maximumLatency());
        _refused();
        ++b.leastOpenWindow;
        _accepted();
    }

    function test_TheLastDrawComesBeforeItsWeightsAreForgotten() public {
        b.longestDraw = EPOCH + 1;
        _refused();
        --b.longestDraw;
        _accepted();
    }

    function test_StakeOutlastsTheLongestJobAndAnAppeal() public {
        thawPeriod = EPOCH + 2 * uint48(b.longestLife) + 1 days + 1 days; // the time to resolve, the grace
        _refused();
        ++thawPeriod;
        _accepted();
    }

    function test_TheLeastStakePaysForOneFault() public {
        b.greatestSlash = 1 ether + 1;
        _refused();
        --b.greatestSlash;
        _accepted();
    }
}
