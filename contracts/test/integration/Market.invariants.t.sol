// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @title docs/invariants.md, checked after every step of random histories over the four contracts.
/// @dev The test is its own handler: a handler that deploys the house would be larger than a contract may be.
contract MarketInvariants is MarketHandler {
    function setUp() public {
        _begin();
        targetSelector(address(this), _actions());
        targetContract(address(this));
    }

    function _job(uint256 i) private view returns (JobId id, IJobMarket.Job memory job) {
        id = jobs[i];
        job = market.jobOf(id);
    }

    function _actions() private pure returns (bytes4[] memory actions) {
        actions = new bytes4[](25);
        // What moves a job on comes twice or more, so that histories get far.
        actions[0] = actions[1] = this.ask.selector;
        actions[2] = this.admit.selector;
        actions[3] = actions[4] = this.open.selector;
        actions[5] = this.fulfil.selector;
        actions[6] = this.silence.selector;
        actions[7] = this.pass.selector;
        actions[8] = this.force.selector;
        actions[9] = this.commit.selector;
        actions[10] = actions[11] = this.commitAll.selector;
        actions[12] = this.reveal.selector;
        actions[13] = actions[14] = this.revealAll.selector;
        actions[15] = actions[16] = this.settle.selector;
        actions[17] = this.finalise.selector;
        actions[18] = this.deliver.selector;
        actions[19] = this.withdraw.selector;
        actions[20] = this.stake.selector;
        actions[21] = this.thaw.selector;
        actions[22] = this.misbehave.selector;
        actions[23] = this.speakTwice.selector;
        actions[24] = this.release.selector;
    }

    /// @dev An invariant says nothing about what its histories never reach.
    function test_TheHistoriesReachEverything() public {
        bytes4[] memory actions = _actions();
        for (uint256 step = 0; step < 1000; ++step) {
            bytes32 random = keccak256(abi.encode("history", step));
            bytes4 action = actions[uint256(random) % actions.length];
            (bool success,) =
                address(this).call(abi.encodePacked(action, keccak256(abi.encode(random, 1)), keccak256(abi.encode(random, 2))));
            assertTrue(success, "an action reverted");
        }
        bytes32[16] memory names = [
            bytes32("ask"),
            "admit",
            "open",
            "fulfil",
            "silence",
            "commit",
            "reveal",
            "settle",
            "grow",
            "fail",
            "finalise",
            "deliver",
            "fail to deliver",
            "withdraw",
            "misbehave",
            "expire"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            assertGt(done[names[i]], 0, string(abi.encodePacked(names[i])));
        }
        assertGt(done["commit twice"], 0, "commit twice");
        assertGt(done["reveal twice"], 0, "reveal twice");
    }

    /* MONEY */

    function invariant_MoneyIsConservedToTheWei() public view {
        _assertMoney();
    }

    function _assertMoney() private view {
        uint256 ours = forced;
        uint256 theVrfs = 0;
        uint256 theStakings = 0;
        for (uint256 i = 0; i < people.length; ++i) {
            ours += market.creditOf(people[i]);
            theVrfs += vrf.creditOf(people[i]);
            theStakings += staking.creditOf(people[i]);
        }
        for (uint256 i = 0; i < jobs.length; ++i) {
            (, IJobMarket.Job memory job) = _job(i);
            ours += job.escrow;
            IVrfCoordinator.Request memory asked = vrf.requestOf(job.randomness);
            bool open = asked.status == IVrfCoordinator.Status.Pending || asked.status == IVrfCoordinator.Status.Stalled;
            if (open) theVrfs += asked.fee;
        }
        for (uint256 i = 0; i < vrf.operatorCount(); ++i) {
            theVrfs += vrf.operator(i).bond;
        }
        for (uint256 i = 0; i < validators.length; ++i) {
            theStakings += staking.validator(validators[i]).stake;
        }
        assertEq(address(market).balance, ours, "the market holds escrows and credits, and what was forced on it");
        assertEq(address(vrf).balance, theVrfs, "the coordinator holds bonds, open fees and credits");
        assertEq(address(staking).balance, theStakings, "the staking holds stakes and credits");
    }

    /// @dev By the handler's own books, so it also says that nobody is paid twice.
    function invariant_EveryoneIsOwedWhatTheRulesSay() public view {
        for (uint256 i = 0; i < people.length; ++i) {
            address account = people[i];
            assertEq(market.creditOf(account) + withdrawn[account], owed[account], "owed");
        }
    }

    function invariant_EveryJobEndsAndIsDeliveredForAFeeAtMostOnce() public view {
        for (uint256 i = 0; i < jobs.length; ++i) {
            (JobId id, IJobMarket.Job memory job) = _job(i);
            bool over = job.status == IJobMarket.Status.Finalised || job.status == IJobMarket.Status.Failed;
            assertEq(ends[id], over ? 1 : 0, "ends");
            assertEq(firstDeliveries[id], job.deliveryPaid ? 1 : 0, "paid deliveries");
            if (job.status == IJobMarket.Status.Failed) assertEq(job.escrow, 0, "a failed job holds nothing");
        }
    }

    /* SEATS */

    function invariant_LocksAreSeatsInUnfinishedJobs() public view {
        for (uint256 v = 0; v < validators.length; ++v) {
            address validator = validators[v];
            uint256 seats = 0;
            for (uint256 i = 0; i < jobs.length; ++i) {
                (JobId id, IJobMarket.Job memory job) = _job(i);
                if (job.status == IJobMarket.Status.Finalised || job.status == IJobMarket.Status.Failed) continue;
                address[] memory members = market.committeeOf(id);
                for (uint256 j = 0; j < members.length; ++j) {
                    if (members[j] == validator) ++seats;
                }
            }
            assertEq(staking.validator(validator).locks, seats, "locks");
        }
    }

    /// @dev Members are distinct, every seat has spoken at most once, and the job's counts are those of its round's seats.
    function invariant_OneCommitmentAndOneRevealASeat() public view {
        for (uint256 i = 0; i < jobs.length; ++i) {
            (JobId id, IJobMarket.Job memory job) = _job(i);
            address[] memory members = market.committeeOf(id);
            assertLe(members.length, CommitteeSize.inRound(job.committeeSize, job.round), "seats");
            uint256 committed = 0;
            uint256 revealed = 0;
            for (uint256 j = 0; j < members.length; ++j) {
                for (uint256 k = 0; k < j; ++k) {
                    assertNotEq(members[j], members[k], "a validator sits twice");
                }
                IJobMarket.Seat memory seat = market.seatOf(id, members[j]);
                assertEq(commits[id][members[j]], seat.committed ? 1 : 0, "commitments");
                assertEq(reveals[id][members[j]], seat.revealed ? 1 : 0, "reveals");
                assertTrue(seat.committed || !seat.revealed, "revealed without a commitment");
                if (seat.round != job.round) continue;
                if (seat.committed) ++committed;
                if (seat.revealed) ++revealed;
            }
            assertEq(job.committed, committed, "committed");
            assertEq(job.revealed, revealed, "revealed");
        }
    }

    /* RESULTS */

    function invariant_AResultHasAStrictMajority() public view {
        for (uint256 i = 0; i < jobs.length; ++i) {
            (JobId id, IJobMarket.Job memory job) = _job(i);
            if (job.status != IJobMarket.Status.Settled && job.status != IJobMarket.Status.Finalised) {
                assertEq(RecordDigest.unwrap(job.digest), 0, "a result without a settlement");
                assertFalse(job.delivered, "delivered without a result");
                continue;
            }
            address[] memory members = market.committeeOf(id);
            uint256 votes = 0;
            for (uint256 j = 0; j < members.length; ++j) {
                IJobMarket.Seat memory seat = market.seatOf(id, members[j]);
                bool same = RecordDigest.unwrap(seat.attestation.digest) == RecordDigest.unwrap(job.digest)
                    && seat.attestation.answer == job.answer;
                if (seat.revealed && same) ++votes;
            }
            assertGt(2 * votes, members.length, "votes");
            assertTrue(RecordDigest.unwrap(job.digest) != 0, "a refusal is not a result");
        }
    }

    /* NO STUCK STATE */

    /// @dev What this changes is gone afterwards: the history goes on from where it was.
    function invariant_EverythingCanEnd() public {
        _endEverything();
        for (uint256 i = 0; i < validators.length; ++i) {
            assertEq(staking.validator(validators[i]).locks, 0, "locks");
        }
        for (uint256 i = 0; i < jobs.length; ++i) {
            (, IJobMarket.Job memory job) = _job(i);
            assertEq(job.escrow, 0, "escrow");
        }
        for (uint256 i = 0; i < people.length; ++i) {
            address account = people[i];
            assertEq(withdrawn[account], owed[account], "everyone has what was owed");
        }
        assertEq(address(market).balance, forced, "nothing is left");
        _assertMoney();
    }
}
