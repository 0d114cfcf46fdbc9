// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobProgress, JobStatus, JobTerms, Outcome} from "../../types/Job.sol";
import {Seat} from "../../types/Seat.sol";
import {AppealsHandler} from "./AppealsHandler.sol";

/// @title docs/invariants.md as code: what holds in every state, by the handler's books.
/// @dev Those that speak of one job take it decoded, so that a state is read once for all of them.
abstract contract MarketProperties is AppealsHandler {
    struct Job {
        JobId id;
        JobStatus status;
        JobTerms terms;
        JobProgress progress;
    }

    /// @param all or only for those jobs that had an event in the last step, which is where something can have gone wrong
    function _assertEveryProperty(bool all) internal {
        property_MoneyIsConservedToTheWei();
        property_EveryoneIsOwedWhatTheRulesSay();
        property_BlamesAreFaultsInJobsThatAreNotFinal();
        property_OnlyAFinalJobChangesAResult();
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[i];
            if (!all && changedIn[id] != steps) continue;
            Job memory job = Job(id, market.statusOf(id), _termsIn(id), _progressIn(id));
            property_EveryJobEndsAndIsDeliveredForAFeeAtMostOnce(job);
            property_TheStateOfAJobFollowsFromItsEvents(job);
            property_ASeatSpeaksOnce(job);
            property_ACommitteeFollowsFromItsSeed(job);
            property_SeatedStakeStays(job);
            property_AResultHasAStrictMajority(job);
        }
    }

    /* MONEY */

    function property_MoneyIsConservedToTheWei() internal {
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
    function property_EveryoneIsOwedWhatTheRulesSay() internal view {
        for (uint256 i = 0; i < people.length; ++i) {
            address account = people[i];
            assertEq(market.creditOf(account) + withdrawn[account], owed[account], "owed");
            assertEq(appeals.creditOf(account) + withdrawnBond[account], owedBond[account], "owed by the appeals");
        }
    }

    function property_EveryJobEndsAndIsDeliveredForAFeeAtMostOnce(Job memory job) internal view {
        bool isOver = job.status == JobStatus.Finalised || job.status == JobStatus.Failed;
        (bool paid, bool delivered) = market.deliveryOf(job.id);
        assertEq(ends[job.id], isOver ? 1 : 0, "ends");
        assertEq(firstDeliveries[job.id], paid ? 1 : 0, "paid deliveries");
        assertTrue(paid || !delivered, "delivered for nothing");
        if (job.status != JobStatus.Settled && job.status != JobStatus.Finalised) assertFalse(paid, "delivered without a result");
        if (job.status == JobStatus.Failed) assertEq(held[job.id], 0, "a failed job holds nothing");
    }

    /* THE STATE */

    function property_TheStateOfAJobFollowsFromItsEvents(Job memory job) internal {
        if (job.status == JobStatus.Failed) return; // its last state has no event, and no use
        assertTrue(market.isState(job.id, _termsHashIn(job.id), job.progress), "state");
    }

    /* SEATS */

    /// @dev Held are those, and only those, whom a result that is not final is against.
    function property_BlamesAreFaultsInJobsThatAreNotFinal() internal {
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
    function property_ASeatSpeaksOnce(Job memory job) internal view {
        (JobId id, Seat[] memory seats) = (job.id, job.progress.seats);
        assertLe(seats.length, CommitteeSize.inRound(job.terms.rules.committeeSize(), job.progress.round), "seats");
        for (uint256 j = 0; j < seats.length; ++j) {
            address member = seats[j].memberOf();
            for (uint256 k = 0; k < j; ++k) {
                assertNotEq(member, seats[k].memberOf(), "a validator sits twice");
            }
            uint256 ballot = uint256(market.ballotOf(id, j));
            assertEq(ballot != 0, committedAlone[id][member] || revealedAlone[id][member], "spoke alone");
            assertEq(ballot >> 255 == 1, revealedAlone[id][member], "revealed alone");
            assertFalse(inBatch[id][member] && committedAlone[id][member] && !inList[id][member], "committed twice");
        }
    }

    /// @dev Drawn again, all at once, it is the same: of the seed, and of the weights with which the request's epoch began.
    function property_ACommitteeFollowsFromItsSeed(Job memory job) internal view {
        Seat[] memory seats = job.progress.seats;
        uint256 epoch = job.terms.rules.epoch();
        bool isOver = job.status == JobStatus.Finalised || job.status == JobStatus.Failed;
        if (isOver || seats.length == 0 || staking.currentEpoch() > epoch + 1) return; // older weights are forgotten
        Seat[] memory again = staking.draw(job.progress.seed, seats.length, new Seat[](0), job.terms.rules.tree(), epoch);
        assertEq(keccak256(abi.encode(again)), keccak256(abi.encode(seats)), "drawn again");
    }

    /// @dev Until a job can have been decided, by itself or by an appeal, what weighed in its draw is still there, less what was
    ///      slashed since its request's epoch began.
    function property_SeatedStakeStays(Job memory job) internal view {
        if (job.status == JobStatus.Finalised || job.status == JobStatus.Failed) return;
        if (vm.getBlockTimestamp() > requestedAt[job.id] + _longestDecision()) return;
        uint256 epoch = job.terms.rules.epoch();
        for (uint256 j = 0; j < job.progress.seats.length; ++j) {
            address member = job.progress.seats[j].memberOf();
            uint256 there = _stakeOf(member) + _slashedSince(member, epoch * EPOCH);
            assertGe(there, weighed[job.id][member], "stake that weighed in the draw has left");
        }
    }

    /* RESULTS */

    function property_AResultHasAStrictMajority(Job memory job) internal {
        (JobId id, JobProgress memory progress) = (job.id, job.progress);
        if (job.status != JobStatus.Settled && job.status != JobStatus.Finalised) {
            assertEq(RecordDigest.unwrap(progress.result.digest), 0, "a result without a settlement");
            return;
        }
        if (overturned[id]) return; // by another committee's result, which this holds for
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

    /* APPEALS */

    /// @dev Another result than the committee's own is that of a final job, which a larger committee has agreed on.
    function property_OnlyAFinalJobChangesAResult() internal {
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

    /// @dev Whoever calls this ends everything: a test lets what it changes be gone afterwards.
    function property_EverythingCanEnd() internal {
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
        property_MoneyIsConservedToTheWei();
    }
}
