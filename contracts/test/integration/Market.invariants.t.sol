// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobProgress, JobStatus, Outcome} from "../../types/Job.sol";
import {AppealsHandler} from "./AppealsHandler.sol";

/// @title docs/invariants.md, checked after every step of random histories over the contracts.
/// @dev The test is its own handler: a handler that deploys the house would be larger than a contract may be.
contract MarketInvariants is AppealsHandler {
    function setUp() public {
        _begin();
        targetSelector(address(this), _actions());
        targetContract(address(this));
    }

    function _actions() private pure returns (bytes4[] memory actions) {
        actions = new bytes4[](41);
        // What moves a job on comes twice or more, so that histories get far.
        actions[0] = actions[1] = this.ask.selector;
        actions[2] = this.admit.selector;
        actions[3] = actions[4] = this.open.selector;
        actions[5] = this.fulfil.selector;
        actions[6] = this.silence.selector;
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
        actions[35] = this.rehear.selector;
        actions[36] = actions[37] = this.resolve.selector;
        actions[38] = this.meddle.selector;
        actions[39] = actions[40] = this.openTogether.selector;
    }

    /// @dev An invariant says nothing about what its histories never reach.
    function test_TheHistoriesReachEverything() public {
        bytes4[] memory actions = _actions();
        for (uint256 step = 0; step < 1500; ++step) {
            bytes32 random = keccak256(abi.encode("history", step));
            bytes4 action = actions[uint256(random) % actions.length];
            (bool success, bytes memory reason) =
                address(this).call(abi.encodePacked(action, keccak256(abi.encode(random, 1)), keccak256(abi.encode(random, 2))));
            assertTrue(success, string.concat("an action reverted: ", vm.toString(reason)));
        }
        bytes32[31] memory names = [
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
            "reject"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            assertGt(done[names[i]], 0, string(abi.encodePacked(names[i])));
        }
    }

    /* MONEY */

    function invariant_MoneyIsConservedToTheWei() public {
        uint256 ours = forced;
        uint256 theVrfs = 0;
        uint256 theStakings = 0;
        uint256 theAppeals = 0;
        for (uint256 i = 0; i < people.length; ++i) {
            ours += market.creditOf(people[i]);
            theVrfs += vrf.creditOf(people[i]);
            theStakings += staking.creditOf(people[i]);
            theAppeals += appeals.creditOf(people[i]);
        }
        for (uint256 i = 0; i < jobs.length; ++i) {
            ours += held[jobs[i]];
            IVrfCoordinator.Request memory asked = vrf.requestOf(_termsIn(jobs[i]).randomness);
            bool open = asked.status == IVrfCoordinator.Status.Pending || asked.status == IVrfCoordinator.Status.Stalled;
            if (open) theVrfs += asked.fee;
        }
        for (uint256 i = 0; i < vrf.operatorCount(); ++i) {
            theVrfs += vrf.operator(i).bond;
        }
        for (uint256 i = 0; i < appealed.length; ++i) {
            theAppeals += bonds[appealed[i]];
        }
        for (uint256 i = 0; i < validators.length; ++i) {
            theStakings += staking.validator(validators[i]).stake;
        }
        assertEq(address(market).balance, ours, "the market holds escrows and credits, and what was forced on it");
        assertEq(address(vrf).balance, theVrfs, "the coordinator holds bonds, open fees and credits");
        assertEq(address(staking).balance, theStakings, "the staking holds stakes and credits");
        assertEq(address(appeals).balance, theAppeals, "the appeals hold the bonds of those that are open, and credits");
    }

    /// @dev By the handler's own books, so it also says that nobody is paid twice.
    function invariant_EveryoneIsOwedWhatTheRulesSay() public view {
        for (uint256 i = 0; i < people.length; ++i) {
            address account = people[i];
            assertEq(market.creditOf(account) + withdrawn[account], owed[account], "owed");
            assertEq(appeals.creditOf(account) + withdrawnBond[account], owedBond[account], "owed by the appeals");
        }
    }

    function invariant_EveryJobEndsAndIsDeliveredForAFeeAtMostOnce() public view {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobStatus status = market.statusOf(jobs[i]);
            bool over = status == JobStatus.Finalised || status == JobStatus.Failed;
            (bool paid, bool delivered) = market.deliveryOf(jobs[i]);
            assertEq(ends[jobs[i]], over ? 1 : 0, "ends");
            assertEq(firstDeliveries[jobs[i]], paid ? 1 : 0, "paid deliveries");
            assertTrue(paid || !delivered, "delivered for nothing");
            if (status != JobStatus.Settled && status != JobStatus.Finalised) assertFalse(paid, "delivered without a result");
            if (status == JobStatus.Failed) assertEq(held[jobs[i]], 0, "a failed job holds nothing");
        }
    }

    /* THE STATE */

    function invariant_TheStateOfAJobFollowsFromItsEvents() public {
        for (uint256 i = 0; i < jobs.length; ++i) {
            if (market.statusOf(jobs[i]) == JobStatus.Failed) continue; // its last state has no event, and no use
            assertTrue(market.isState(jobs[i], _termsHashIn(jobs[i]), _progressIn(jobs[i])), "state");
        }
    }

    /* SEATS */

    /// @dev Held are those, and only those, whom a result that is not final is against.
    function invariant_BlamesAreFaultsInJobsThatAreNotFinal() public {
        uint256[] memory faults = new uint256[](validators.length);
        for (uint256 i = 0; i < jobs.length; ++i) {
            if (market.statusOf(jobs[i]) != JobStatus.Settled) continue;
            JobProgress memory progress = _progressIn(jobs[i]);
            for (uint256 j = 0; j < progress.seats.length; ++j) {
                if (progress.outcomes.outcomeOf(j) > Outcome.Paid) ++faults[_indexOf(progress.seats[j].memberOf())];
            }
        }
        for (uint256 v = 0; v < validators.length; ++v) {
            assertEq(_blamesOf(validators[v]), faults[v], "blames");
        }
    }

    function _indexOf(address validator) private view returns (uint256 index) {
        while (validators[index] != validator) ++index;
    }

    /// @dev Members are distinct, and what the chain keeps for a seat is what its member has done alone.
    function invariant_ASeatSpeaksOnce() public {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[i];
            JobProgress memory progress = _progressIn(id);
            assertLe(progress.seats.length, CommitteeSize.inRound(_termsIn(id).rules.committeeSize(), progress.round), "seats");
            for (uint256 j = 0; j < progress.seats.length; ++j) {
                address member = progress.seats[j].memberOf();
                for (uint256 k = 0; k < j; ++k) {
                    assertNotEq(member, progress.seats[k].memberOf(), "a validator sits twice");
                }
                uint256 ballot = uint256(market.ballotOf(id, j));
                assertEq(ballot != 0, committedAlone[id][member] || revealedAlone[id][member], "spoke alone");
                assertEq(ballot >> 255 == 1, revealedAlone[id][member], "revealed alone");
                assertFalse(inBatch[id][member] && committedAlone[id][member] && !inList[id][member], "committed twice");
            }
        }
    }

    /* RESULTS */

    function invariant_AResultHasAStrictMajority() public {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[i];
            JobProgress memory progress = _progressIn(id);
            JobStatus status = market.statusOf(id);
            if (status != JobStatus.Settled && status != JobStatus.Finalised) {
                assertEq(RecordDigest.unwrap(progress.result.digest), 0, "a result without a settlement");
                continue;
            }
            if (overturned[id]) continue; // by another committee's result, which this holds for
            Attestation memory winner = _winner(id);
            uint256 votes = 0;
            for (uint256 j = 0; j < progress.seats.length; ++j) {
                Outcome due = _due(id, progress.seats[j].memberOf(), winner, true);
                assertEq(uint256(progress.outcomes.outcomeOf(j)), uint256(due), "outcome");
                if (due == Outcome.Paid) ++votes;
            }
            assertGt(2 * votes, progress.seats.length, "votes");
            assertTrue(RecordDigest.unwrap(progress.result.digest) != 0, "a refusal is not a result");
        }
    }

    /* APPEALS */

    /// @dev Another result than the committee's own is that of a final job, which a larger committee has agreed on.
    function invariant_OnlyAFinalJobChangesAResult() public {
        for (uint256 i = 0; i < appealed.length; ++i) {
            JobId id = appealed[i];
            (address appellant, JobId rerun, bool isOpen) = appeals.appealOf(id);
            assertEq(appellant, knower, "appellant");
            assertEq(isOpen, !over[id], "open until it is over");
            if (isOpen) continue;
            assertEq(bonds[id], 0, "the bond is somebody's");
            if (!overturned[id]) continue;
            assertStatus(id, JobStatus.Finalised);
            assertStatus(rerun, JobStatus.Finalised);
            JobProgress memory progress = _progressIn(id);
            assertEq(keccak256(abi.encode(progress.result)), keccak256(abi.encode(_progressIn(rerun).result)), "result");
            assertGt(_progressIn(rerun).seats.length, progress.seats.length, "judges");
        }
    }

    /* NO STUCK STATE */

    /// @dev What this changes is gone afterwards: the history goes on from where it was.
    function invariant_EverythingCanEnd() public {
        _endEverything();
        for (uint256 i = 0; i < validators.length; ++i) {
            assertEq(_blamesOf(validators[i]), 0, "blames");
        }
        for (uint256 i = 0; i < jobs.length; ++i) {
            assertEq(held[jobs[i]], 0, "escrow");
        }
        for (uint256 i = 0; i < people.length; ++i) {
            address account = people[i];
            assertEq(withdrawn[account], owed[account], "everyone has what was owed");
        }
        assertEq(address(market).balance, forced, "nothing is left");
        assertEq(address(appeals).balance, 0, "nothing is left with the appeals");
        invariant_MoneyIsConservedToTheWei();
    }
}
