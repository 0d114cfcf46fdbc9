// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MarketProperties} from "./MarketProperties.sol";

/// @title docs/invariants.md, checked after every step of random histories over the contracts.
/// @dev The test is its own handler: a handler that deploys the house would be larger than a contract may be.
contract MarketInvariants is MarketProperties {
    function setUp() public {
        _begin();
        targetSelector(address(this), _actions());
        targetContract(address(this));
    }

    function _actions() private pure returns (bytes4[] memory actions) {
        actions = new bytes4[](49);
        // What moves a job on comes twice or more, so that histories get far.
        actions[0] = actions[1] = this.ask.selector;
        actions[2] = this.admit.selector;
        actions[3] = actions[4] = this.open.selector;
        actions[5] = this.fulfil.selector;
        actions[6] = actions[44] = this.silence.selector;
        actions[7] = this.pass.selector;
        actions[8] = this.force.selector;
        actions[9] = this.commit.selector;
        actions[10] = this.commitAll.selector;
        actions[11] = actions[12] = actions[13] = this.commitTogether.selector;
        actions[14] = this.reveal.selector;
        actions[15] = this.revealAll.selector;
        actions[16] = actions[17] = actions[18] = this.settle.selector;
        actions[19] = this.finalise.selector;
        actions[20] = this.deliver.selector;
        actions[21] = this.withdraw.selector;
        actions[22] = this.stake.selector;
        actions[23] = this.thaw.selector;
        actions[24] = this.release.selector;
        actions[25] = this.govern.selector;
        actions[26] = this.misbehave.selector;
        actions[27] = this.speakTwice.selector;
        actions[28] = actions[29] = this.lie.selector;
        actions[30] = actions[31] = this.together.selector;
        actions[32] = actions[33] = actions[34] = this.appeal.selector;
        actions[35] = actions[45] = this.rehear.selector;
        actions[36] = actions[37] = this.resolve.selector;
        actions[38] = this.meddle.selector;
        actions[39] = actions[40] = actions[41] = actions[42] = actions[43] = actions[46] = this.press.selector;
        actions[47] = actions[48] = this.openTogether.selector;
    }

    /// @dev One campaign checks them all. From every state everything can end; every eighth is tried, and the last of each history.
    function invariant_EveryPropertyHolds() public {
        _assertEveryProperty(steps % 8 == 0);
        if (steps % 8 == 0) property_EverythingCanEnd();
    }

    function afterInvariant() public {
        _assertEveryProperty(true);
        property_EverythingCanEnd();
    }

    /// @dev An invariant says nothing about what its histories never reach: these are as many, and as long, as in the short profile.
    function test_TheHistoriesReachEverything() public {
        bytes32[35] memory names = _everything();
        uint256[35] memory reached;
        bytes4[] memory actions = _actions();
        uint256 beginning = vm.snapshotState();
        for (uint256 history = 0; history < 16; ++history) {
            for (uint256 step = 0; step < 32; ++step) {
                bytes32 random = keccak256(abi.encode("history", history, step));
                bytes4 action = actions[uint256(random) % actions.length];
                (bool success, bytes memory reason) =
                    address(this).call(abi.encodePacked(action, keccak256(abi.encode(random, 1)), keccak256(abi.encode(random, 2))));
                assertTrue(success, string.concat("an action reverted: ", vm.toString(reason)));
            }
            for (uint256 i = 0; i < names.length; ++i) {
                reached[i] += done[names[i]];
            }
            vm.revertToState(beginning);
        }
        for (uint256 i = 0; i < names.length; ++i) {
            assertGt(reached[i], 0, string(abi.encodePacked(names[i])));
        }
    }

    function _everything() private pure returns (bytes32[35] memory) {
        return [
            bytes32("ask"),
            "admit",
            "govern",
            "open",
            "openTogether",
            "fulfil",
            "silence",
            "commit",
            "batch",
            "reveal",
            "settle",
            "settle by distance",
            "grow",
            "fail",
            "fail to settle",
            "slash",
            "finalise",
            "deliver",
            "fail to deliver",
            "withdraw",
            "release",
            "misbehave",
            "forge",
            "lie",
            "expire",
            "commit twice",
            "reveal twice",
            "together",
            "list",
            "appeal",
            "uphold",
            "reject",
            "abandon",
            "resolve too late",
            "meddle"
        ];
    }
}
