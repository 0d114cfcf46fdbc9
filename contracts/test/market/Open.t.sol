// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {EnvironmentClass, JobId, RandomnessId} from "../../types/Ids.sol";
import {JobFailure, JobProgress, JobStatus, JobTerms} from "../../types/Job.sol";
import {Seat} from "../../types/Seat.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {House} from "../integration/House.sol";

contract OpenTest is House {
    function setUp() public {
        _build(6);
    }

    function test_TheCommitteeFollowsFromTheSeed() public {
        JobId id = _request(5);
        _open(id);
        JobTerms memory terms = _termsIn(id);
        JobProgress memory progress = _progressIn(id);
        bytes32 output = progress.seed;
        assertTrue(vrf.isOutput(terms.randomness, output), "seed");
        assertTrue(output != 0, "a seed there is");
        Seat[] memory want = staking.draw(output, 5, new Seat[](0), staking.ALL_TREES(), terms.rules.epoch());
        assertEq(keccak256(abi.encode(progress.seats)), keccak256(abi.encode(want)), "committee");
        assertTrue(market.isState(id, _termsHashIn(id), progress), "what the events say is what the chain keeps");
        assertStatus(id, JobStatus.Committing);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 10 minutes, "deadline");
    }

    /// @dev Nobody is written to when it is drawn: the thaw period covers every window.
    function test_ADrawHoldsNobody() public {
        JobId id = _opened(3);
        address[] memory members = _committee(id);
        for (uint256 i = 0; i < members.length; ++i) {
            assertEq(_blamesOf(members[i]), 0, "blames");
            assertEq(market.ballotOf(id, i), 0, "nothing said yet");
        }
    }

    function test_StakeMovedAfterTheRequestWeighsNothing() public {
        JobId id = _request(5);
        address rich = _addValidator(900 ether); // in the request's own block
        nextBlock();
        address richer = _addValidator(900 ether);
        _open(id);
        address[] memory members = _committee(id);
        for (uint256 i = 0; i < members.length; ++i) {
            assertTrue(members[i] != rich && members[i] != richer, "drawn by stake that came too late");
        }
    }

    function test_StakeMovedInTheRequestsEpochWeighsNothing() public {
        address rich = _addValidator(900 ether);
        skipTime(EPOCH / 2);
        JobId id = _opened(5);
        address[] memory members = _committee(id);
        for (uint256 i = 0; i < members.length; ++i) {
            assertTrue(members[i] != rich, "drawn by stake that came too late");
        }
    }

    function test_OnlyTheClassThatWasAskedForIsDrawn() public {
        EnvironmentClass other = EnvironmentClass.wrap("aarch64");
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(validators[2 * i]);
            staking.stake(other, "");
        }
        _nextEpoch();
        JobId id = _request(3, other);
        _open(id);
        address[] memory members = _committee(id);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(EnvironmentClass.unwrap(staking.validator(members[i]).environmentClass), EnvironmentClass.unwrap(other), "class");
        }
        // All three are drawn now: nobody is left in this class, though there are others.
        _playEach(id, _disagreement(3));
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.TooFewLeft);
        _settle(id);
    }

    function test_AWrongProofOpensNothing() public {
        JobId id = _request(3);
        nextBlock();
        bytes memory proof = EcvrfProver.witnessed(ORACLE_KEY, abi.encodePacked(keccak256("another input")));
        bytes memory reason = abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, _termsIn(id).randomness);
        vm.expectRevert(reason);
        _open(id, proof);
        assertStatus(id, JobStatus.Requested);
    }

    function test_WithoutASeedOrAProofItIsPending() public {
        JobId id = _request(3);
        nextBlock();
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_SeedPending.selector, id));
        _open(id, "");
    }

    function test_SomebodyElsesFulfilmentDoesNotMatter() public {
        JobId id = _request(3);
        nextBlock();
        bytes memory proof = _proofFor(id);
        vrf.fulfil(_termsIn(id).randomness, proof);
        _open(id, proof);
        assertStatus(id, JobStatus.Committing);
    }

    function test_TheOutputAloneOpensAJobWhoseSeedIsThere() public {
        JobId id = _request(3);
        nextBlock();
        bytes32 output = vrf.fulfil(_termsIn(id).randomness, _proofFor(id));
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_SeedPending.selector, id));
        _open(id, abi.encode(uint256(output) + 1));
        _open(id, abi.encode(output));
        assertStatus(id, JobStatus.Committing);
        assertEq(_progressIn(id).seed, output, "seed");
    }

    function test_OneCommitteeAJob() public {
        JobId id = _opened(3);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Committing, JobStatus.Requested));
        _open(id, "");
    }

    function test_TheDeadlinesSecondIsTheLastToOpenAndTheNextTheFirstToExpire() public {
        JobId early = _request(3);
        JobId late = _request(3);
        nextBlock();
        bytes memory earlyProof = _proofFor(early);
        bytes32 seed = vrf.fulfil(_termsIn(late).randomness, _proofFor(late));
        uint256 deadline = market.deadlineOf(early);
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooEarly.selector, early, deadline + 1));
        _expire(early);
        // The operator is late by now, but nobody has taken its turn away.
        _open(early, earlyProof);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, late, deadline));
        _open(late, abi.encode(seed));
        _expire(late);
        assertStatus(late, JobStatus.Failed);
    }

    function test_AnExpiredJobRefundsAllButTheEarnedRandomnessFee() public {
        JobId id = _request(3, address(1), 50_000);
        uint256 escrow = _escrowOf(id);
        uint256 credit = market.creditOf(requester);
        _afterDeadline(id);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.NoSeed);
        _expire(id);
        assertStatus(id, JobStatus.Failed);
        assertEq(market.creditOf(requester) - credit, escrow, "refund");
        assertEq(address(market).balance, _owed(), "nothing stays behind");
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Failed, JobStatus.Requested));
        _expire(id);
    }

    function test_AJobWhoseSeedCanNeverComeFailsAtOnce() public {
        JobId id = _request(3);
        RandomnessId seed = _termsIn(id).randomness;
        nextBlock();
        // The only operator stays silent, so the request expires, and its fee goes back.
        vm.warp(uint256(vrf.requestOf(seed).deadline) + 1);
        vrf.reassign(seed);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotPending.selector, seed, IVrfCoordinator.Status.Expired));
        _open(id, new bytes(305));
        assertLe(vm.getBlockTimestamp(), market.deadlineOf(id), "well before the job's own deadline");
        _expire(id);
        assertStatus(id, JobStatus.Failed);
        assertEq(vrf.creditOf(requester), vrf.fee(), "the randomness fee came back");
    }

    function test_FewerValidatorsThanSeatsFailsWithARefund() public {
        JobId id = _request(7);
        uint256 escrow = _escrowOf(id);
        uint256 credit = market.creditOf(requester);
        nextBlock();
        bytes memory proof = _proofFor(id);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.TooFewValidators);
        _open(id, proof);
        assertStatus(id, JobStatus.Failed);
        assertEq(market.creditOf(requester) - credit, escrow, "refund");
        for (uint256 i = 0; i < validators.length; ++i) {
            assertEq(_stakeOf(validators[i]), STAKE, "nobody is at fault");
        }
    }

    function test_AnOpenJobDoesNotExpire() public {
        JobId id = _opened(3);
        skipTime(30 days);
        // By the clock it is Revealing, whose state has a committee in it.
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Revealing, JobStatus.Requested));
        _expire(id);
    }
}
