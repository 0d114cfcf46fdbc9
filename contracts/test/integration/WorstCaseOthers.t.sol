// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {RandomnessId, EnvironmentClass, JobId, KernelId} from "../../types/Ids.sol";
import {JobProgress, JobStatus, JobTerms} from "../../types/Job.sol";
import {CoordinatorBase} from "../vrf/CoordinatorBase.sol";
import {TestBase} from "../support/TestBase.sol";
import {House} from "./House.sol";

/// @dev Below a quarter of what a transaction may use (EIP-7825).
abstract contract Measured is TestBase {
    function _measure(string memory name) internal {
        vm.snapshotGasLastCall("Worst case, other functions", name);
        assertLt(vm.lastCallGas().gasTotalUsed, uint256(16_777_216) / 4, name);
    }

    function _text(uint256 length) internal pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "x";
        }
        return string(text);
    }
}

/// @title What WorstCase.t.sol leaves out: every other function that changes something, at its dearest. (`KernelRegistry.register` is in
///        RegistryGas.t.sol: it stores a whole manifest.)
contract WorstCaseOthersTest is House, Measured {
    function setUp() public {
        _build(20);
        // In this epoch and the two before a part of the stakes has changed.
        for (uint256 epoch = 0; epoch < 3; ++epoch) {
            if (epoch != 0) _nextEpoch();
            for (uint256 i = epoch; i < validators.length; i += 4) {
                _stakeMore(validators[i], EnvironmentClass.unwrap(staking.validator(validators[i]).environmentClass), "");
            }
        }
    }

    function _stakeMore(address account, bytes32 class, string memory endpoint) private {
        vm.prank(account);
        staking.stake{value: 1 ether}(EnvironmentClass.wrap(class), endpoint);
    }

    function test_GasOfAStakersCalls() public {
        for (uint256 class = 0; class < 62; ++class) {
            address account = makeFunded(string.concat("of class ", vm.toString(class)), 1 ether);
            _stakeMore(account, keccak256(abi.encode(class)), "");
        }
        _nextEpoch();
        address one = validators[3];
        // Out of one tree, and into the last that is free.
        _stakeMore(one, keccak256("the last class"), _text(256));
        _measure("stake, in another class, the 64th");
        vm.prank(one);
        staking.thaw(1 ether);
        _measure("thaw");
        vm.prank(one);
        staking.cancelThaw();
        _measure("cancelThaw");
        uint128 all = staking.validator(one).stake;
        vm.prank(one);
        staking.thaw(all);
        _measure("thaw, everything");
        skipTime(THAW_PERIOD);
        vm.prank(one);
        staking.release();
        _measure("release, everything");
        vm.prank(one);
        staking.withdraw();
        _measure("withdraw");
    }

    function test_GasOfAnAppealThatComesToNothing() public {
        JobId id = _opened(5);
        _settleTogether(id, _unanimous(5, _right()));
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        uint256 price = appeals.quote(terms);
        vm.prank(requester);
        JobId other = appeals.appeal{value: price}(id, terms, progress, EnvironmentClass.wrap(0));
        _open(other);
        _settleTogether(other, _unanimous(7, _refusal()));
        assertStatus(other, JobStatus.Failed);
        vm.prank(anyone);
        appeals.abandon(id, terms, progress);
        _measure("abandon");
    }

    function test_GasOfAPublishersCalls() public {
        vm.prank(anyone);
        registry.registerPublisher(_text(39));
        _measure("registerPublisher");
        KernelId fresh = _register("fresh", 0);
        uint256 price = market.quoteValidation(7);
        vm.prank(publisher);
        registry.requestValidation{value: price}(fresh, ANY, 7);
        _measure("requestValidation");
        vm.prank(publisher);
        registry.setAlias(_text(64), fresh);
        _measure("setAlias");
        vm.prank(publisher);
        registry.deprecate(fresh, _text(256));
        _measure("deprecate");
    }

    function test_GasOfTheOwnersCalls() public {
        IMarketParameters.Parameters memory p = _parameters();
        (p.seatFee, p.deliveryFeePerGas) = (parameters.GREATEST_SEAT_FEE(), parameters.GREATEST_DELIVERY_FEE());
        vm.prank(owner);
        parameters.set(p);
        _measure("set");
        vm.prank(owner);
        parameters.setPaused(true);
        _measure("setPaused");
        vm.prank(owner);
        parameters.transferOwnership(anyone);
        _measure("transferOwnership");
        vm.prank(anyone);
        parameters.acceptOwnership();
        _measure("acceptOwnership");
        vm.prank(anyone);
        parameters.renounceOwnership();
        _measure("renounceOwnership");
    }
}

/// @title The coordinator's, with as many operators as there can be.
contract WorstCaseOperatorsTest is CoordinatorBase, Measured {
    function test_GasOfACoordinatorWithSixtyFourOperators() public {
        _setUpCoordinator();
        for (uint256 number = 0; number < 63; ++number) {
            _register(number, MINIMUM_BOND);
        }
        _register(63, MINIMUM_BOND);
        _measure("registerOperator, the 64th");
        skipBlocks(ACTIVATION_DELAY);
        RandomnessId late = _request();
        _measure("request");
        skipTime(ANSWER_WINDOW + 1);
        nextBlock();
        coordinator.reassign(late);
        _measure("reassign, with an operator deactivated");
        uint256 index = _assigned(late);
        coordinator.fulfil(late, _proof(late));
        _measure("fulfil, by the second operator");
        coordinator.collect(index);
        _measure("collect");
        address account = coordinator.operator(index).account;
        vm.prank(account);
        coordinator.exit();
        _measure("exit");
        skipTime(EXIT_DELAY);
        vm.prank(account);
        coordinator.withdrawBond();
        _measure("withdrawBond");
    }
}
