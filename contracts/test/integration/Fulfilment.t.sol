// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {EnvironmentClass, JobId} from "../../types/Ids.sol";
import {JobStatus} from "../../types/Job.sol";
import {House} from "./House.sol";

/// @title What the seed and the draw of a job cost where ten thousand validate.
contract FulfilmentTest is House {
    function setUp() public {
        _build(9);
        Crowd crowd = new Crowd();
        for (uint256 i = 0; i < 10; ++i) {
            vm.deal(address(crowd), 1000 ether);
            crowd.join(staking, 1000);
        }
        _nextEpoch();
        _opened(3); // so that the operator has earned before
    }

    function test_GasOfASeedAndADrawAmongTenThousand() public {
        JobId id = _request(3);
        _open(id);
        vm.snapshotGasLastCall("goals", "vrf_fulfilment");
        assertStatus(id, JobStatus.Committing);
        id = _request(7);
        _open(id);
        vm.snapshotGasLastCall("JobMarket, ten thousand", "open, 7 seats");
    }
}

/// @dev Contracts that stake when they are made: a thousand in one call, which is far cheaper to simulate than a thousand calls.
contract Crowd {
    function join(ValidatorStaking staking, uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            new CrowdMember{value: 1 ether}(staking);
        }
    }
}

contract CrowdMember {
    constructor(ValidatorStaking staking) payable {
        staking.stake{value: msg.value}(EnvironmentClass.wrap(keccak256("x86-64")), "");
    }
}
