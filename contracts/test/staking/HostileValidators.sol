// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {EnvironmentClass} from "../../types/Ids.sol";

/// @title Validators that are contracts, and bad ones.
abstract contract ContractValidator {
    function join(ValidatorStaking staking, uint256 amount) external {
        staking.stake{value: amount}(EnvironmentClass.wrap("class"), "");
    }

    function leaveAll(ValidatorStaking staking, uint128 amount) external {
        staking.thaw(amount);
    }

    function take(ValidatorStaking staking) external {
        staking.release();
    }

    function withdraw(ValidatorStaking staking) external {
        staking.withdraw();
    }
}

/// @dev Refuses to be paid: it has no way to receive.
contract RefusingValidator is ContractValidator {}

/// @dev Comes back in while it is being paid, and counts what it got away with.
contract GreedyValidator is ContractValidator {
    uint256 public attempts;
    uint256 public successes;

    receive() external payable {
        _try(abi.encodeCall(ValidatorStaking.release, ()));
        _try(abi.encodeCall(ValidatorStaking.thaw, (1)));
        _try(abi.encodeWithSignature("withdraw()"));
    }

    function _try(bytes memory what) private {
        ++attempts;
        (bool done,) = msg.sender.call(what);
        if (done) ++successes;
    }
}
