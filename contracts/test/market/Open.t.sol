// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {JobId, RandomnessId} from "../../types/Ids.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {House} from "../integration/House.sol";

contract OpenTest is House {
    function setUp() public {
        _build(6);
    }

    function test_TheCommitteeFollowsFromTheSeed() public {
        JobId id = _request(5);
        uint48 requestBlock = market.jobOf(id).requestBlock;
        _open(id);
        IJobMarket.Job memory job = market.jobOf(id);
        (, bytes32 output) = vrf.outputOf(job.randomness);
        assertEq(job.seed, output, "seed");
        assertTrue(output != 0, "a seed there is");
        address[] memory want = staking.draw(output, 5, new address[](0), requestBlock - 1);
        assertEq(market.committeeOf(id), want, "committee");
        assertStatus(id, IJobMarket.Status.Committing);
        assertEq(job.deadline, vm.getBlockTimestamp() + 10 minutes, "deadline");
    }

    function test_MembersAreLockedAndSeated() public {
        JobId id = _opened(3);
        address[] memory members = market.committeeOf(id);
        for (uint256 i = 0; i < members.length; ++i) {
            assertEq(_locksOf(members[i]), 1, "locks");
            IJobMarket.Seat memory seat = market.seatOf(id, members[i]);
            assertEq(seat.round, 0, "round");
            assertFalse(seat.committed || seat.revealed, "nothing said yet");
        }
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotSeated.selector, id, anyone));
        market.seatOf(id, anyone);
    }

    function test_StakeMovedAfterTheRequestWeighsNothing() public {
        JobId id = _request(5);
        address rich = _addValidator(900 ether); // in the request's own block
        nextBlock();
        address richer = _addValidator(900 ether);
        _open(id);
        address[] memory members = market.committeeOf(id);
        for (uint256 i = 0; i < members.length; ++i) {
            assertTrue(members[i] != rich && members[i] != richer, "drawn by stake that came too late");
        }
    }

    function test_AWrongProofOpensNothing() public {
        JobId id = _request(3);
        nextBlock();
        bytes memory proof = EcvrfProver.witnessed(ORACLE_KEY, abi.encodePacked(keccak256("another input")));
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, _randomnessOf(id)));
        market.open(id, proof);
        assertStatus(id, IJobMarket.Status.Requested);
    }

    function test_WithoutASeedOrAProofItIsPending() public {
        JobId id = _request(3);
        nextBlock();
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_SeedPending.selector, id));
        market.open(id, "");
    }

    function test_SomebodyElsesFulfilmentDoesNotMatter() public {
        JobId id = _request(3);
        nextBlock();
        bytes memory proof = _proofFor(id);
        vrf.fulfil(_randomnessOf(id), proof);
        market.open(id, "not looked at");
        assertStatus(id, IJobMarket.Status.Committing);
    }

    function test_OneCommitteeAJob() public {
        JobId id = _opened(3);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Committing, IJobMarket.Status.Requested)
        );
        market.open(id, "");
    }

    function test_TheDeadlinesSecondIsTheLastToOpenAndTheNextTheFirstToExpire() public {
        JobId early = _request(3);
        JobId late = _request(3);
        nextBlock();
        bytes memory earlyProof = _proofFor(early);
        vrf.fulfil(_randomnessOf(late), _proofFor(late));
        uint256 deadline = market.jobOf(early).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooEarly.selector, early, deadline + 1));
        market.expire(early);
        // The operator is late by now, but nobody has taken its turn away.
        market.open(early, earlyProof);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, late, deadline));
        market.open(late, "");
        market.expire(late);
        assertStatus(late, IJobMarket.Status.Failed);
    }

    function test_AnExpiredJobRefundsAllButTheEarnedRandomnessFee() public {
        JobId id = _request(3, address(1), 50_000);
        uint256 escrow = _escrowOf(id);
        uint256 credit = market.creditOf(requester);
        _afterDeadline(id);
        market.expire(id);
        assertStatus(id, IJobMarket.Status.Failed);
        assertEq(market.creditOf(requester) - credit, escrow, "refund");
        assertEq(_escrowOf(id), 0, "escrow");
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Failed, IJobMarket.Status.Requested)
        );
        market.expire(id);
    }

    function test_AJobWhoseSeedCanNeverComeFailsAtOnce() public {
        JobId id = _request(3);
        RandomnessId seed = _randomnessOf(id);
        nextBlock();
        // The only operator stays silent, so the request expires, and its fee goes back.
        vm.warp(uint256(vrf.requestOf(seed).deadline) + 1);
        vrf.reassign(seed);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotPending.selector, seed, IVrfCoordinator.Status.Expired));
        market.open(id, "a proof");
        assertLe(vm.getBlockTimestamp(), market.jobOf(id).deadline, "well before the job's own deadline");
        market.expire(id);
        assertStatus(id, IJobMarket.Status.Failed);
        assertEq(vrf.creditOf(requester), vrf.fee(), "the randomness fee came back");
    }

    function test_FewerValidatorsThanSeatsFailsWithARefund() public {
        JobId id = _request(7);
        uint256 escrow = _escrowOf(id);
        nextBlock();
        bytes memory proof = _proofFor(id);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, "fewer validators than seats");
        market.open(id, proof);
        assertStatus(id, IJobMarket.Status.Failed);
        assertEq(market.creditOf(requester), escrow, "refund");
        for (uint256 i = 0; i < validators.length; ++i) {
            assertEq(_locksOf(validators[i]), 0, "locks");
        }
    }

    function test_AnOpenJobDoesNotExpire() public {
        JobId id = _opened(3);
        vm.warp(vm.getBlockTimestamp() + 30 days);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Revealing, IJobMarket.Status.Requested)
        );
        market.expire(id);
    }
}
