// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {JobKind, JobStatus, Outcome} from "../../types/Job.sol";
import {JobRules, JobRulesLib} from "../../types/JobRules.sol";
import {JobSlot} from "../../types/JobSlot.sol";
import {AggregationRule} from "../../types/Manifest.sol";
import {Outcomes} from "../../types/Outcomes.sol";
import {Seat, seatOf} from "../../types/Seat.sol";
import {VrfTicket, VrfTickets} from "../../types/VrfTicket.sol";

/// @title The words that pack the state of jobs and requests, proven for every content: a field holds what was put in and disturbs no other.
/// @dev For halmos (`make prove-symbolic`), which takes every argument as a symbol; forge does not run functions with this prefix.
contract PackingProofs {
    /* JOB SLOT */

    function check_AStatusChangesNothingElse(uint256 word, uint8 status, uint40 deadline) external pure {
        if (status > uint8(type(JobStatus).max) || word & 0xf > uint256(type(JobStatus).max)) return;
        JobSlot slot = JobSlot.wrap(word);
        JobSlot next = slot.withStatus(JobStatus(status), deadline);
        assert(uint8(next.statusOf()) == status && next.deadlineOf() == deadline);
        assert(next.committedOf() == slot.committedOf() && next.isPaid() == slot.isPaid() && next.isDelivered() == slot.isDelivered());
        assert(next.holds(bytes32(word)));
    }

    function check_ACountChangesNothingElse(uint256 word, uint8 committed) external pure {
        if (committed > 15 || word & 0xf > uint256(type(JobStatus).max)) return;
        JobSlot slot = JobSlot.wrap(word);
        JobSlot next = slot.withCommitted(committed);
        assert(next.committedOf() == committed);
        assert(next.statusOf() == slot.statusOf() && next.deadlineOf() == slot.deadlineOf());
        assert(next.isPaid() == slot.isPaid() && next.isDelivered() == slot.isDelivered() && next.holds(bytes32(word)));
    }

    function check_ADeliveryChangesNothingElse(uint256 word, bool paid, bool delivered) external pure {
        if (word & 0xf > uint256(type(JobStatus).max)) return;
        JobSlot slot = JobSlot.wrap(word);
        JobSlot next = slot.withDelivery(paid, delivered);
        assert(next.isPaid() == paid && next.isDelivered() == delivered);
        assert(next.statusOf() == slot.statusOf() && next.deadlineOf() == slot.deadlineOf());
        assert(next.committedOf() == slot.committedOf() && next.holds(bytes32(word)));
    }

    function check_AHashChangesNothingElse(uint256 word, bytes32 hash) external pure {
        if (word & 0xf > uint256(type(JobStatus).max)) return;
        JobSlot slot = JobSlot.wrap(word);
        JobSlot next = slot.withHash(hash);
        assert(next.holds(hash));
        assert(next.statusOf() == slot.statusOf() && next.deadlineOf() == slot.deadlineOf() && next.committedOf() == slot.committedOf());
        assert(next.isPaid() == slot.isPaid() && next.isDelivered() == slot.isDelivered());
    }

    /// @dev A slot holds a hash exactly if their upper 206 bits are the same.
    function check_ASlotHoldsOneHash(uint256 word, bytes32 hash) external pure {
        assert(JobSlot.wrap(word).holds(hash) == (word >> 50 == uint256(hash) >> 50));
    }

    /* RULES OF A JOB */

    function check_RulesHoldWhatWasAsked(uint8 tree, uint8 size, uint32 callbackGas, bool hamming, uint16 tolerance, bool validation)
        external
        pure
    {
        (JobKind kind, AggregationRule rule) = _kindAndRule(validation, hamming);
        JobRules rules = JobRulesLib.asked(kind, tree, size, callbackGas).by(rule, tolerance);
        assert(rules.kind() == kind && rules.rule() == rule && rules.tolerance() == tolerance);
        assert(rules.tree() == tree && rules.committeeSize() == size && rules.callbackGas() == callbackGas);
    }

    function check_WhatIsInForceDisturbsNothing(uint32 epoch, uint32 open, uint32 commit, uint32 reveal, uint32 challenge, uint32 callbackGas)
        external
        pure
    {
        JobRules before = JobRulesLib.asked(JobKind.Validation, type(uint8).max, type(uint8).max, callbackGas);
        before = before.by(AggregationRule.Hamming, type(uint16).max);
        JobRules rules = before.within(epoch, open, commit, reveal, challenge);
        assert(rules.epoch() == epoch && rules.openWindow() == open && rules.commitWindow() == commit);
        assert(rules.revealWindow() == reveal && rules.challengeWindow() == challenge && rules.callbackGas() == callbackGas);
        assert(rules.kind() == JobKind.Validation && rules.rule() == AggregationRule.Hamming);
        assert(rules.tolerance() == type(uint16).max && rules.tree() == type(uint8).max && rules.committeeSize() == type(uint8).max);
    }

    function _kindAndRule(bool validation, bool hamming) private pure returns (JobKind, AggregationRule) {
        return (validation ? JobKind.Validation : JobKind.Inference, hamming ? AggregationRule.Hamming : AggregationRule.Exact);
    }

    /* SEATS AND OUTCOMES */

    function check_ASeatIsItsMemberAndItsLeaf(address member, uint256 leaf) external pure {
        if (leaf >> 96 != 0) return;
        Seat seat = seatOf(member, leaf);
        assert(seat.memberOf() == member && seat.leafOf() == leaf);
    }

    function check_AnOutcomeIsOfItsSeatAlone(uint256 word, uint8 seat, uint8 other, uint8 outcome) external pure {
        if (seat > 14 || other > 14 || outcome > uint8(type(Outcome).max)) return;
        Outcomes all = Outcomes.wrap(word & ~(uint256(0xf) << (4 * uint256(seat)))); // not yet said
        Outcomes next = all.with(seat, Outcome(outcome));
        assert(uint8(next.outcomeOf(seat)) == outcome);
        if (other != seat) assert((Outcomes.unwrap(next) ^ word) >> (4 * uint256(other)) & 0xf == 0);
    }

    function check_AFaultIsSeen(uint8 seat, uint8 outcome) external pure {
        if (seat > 14 || outcome > uint8(type(Outcome).max)) return;
        Outcomes all = Outcomes.wrap(0).with(seat, Outcome(outcome));
        assert(all.hasFaults() == (outcome > uint8(Outcome.Paid)));
    }

    /// @dev Of a committee of three. Nobody is paid for what was overturned, and no fact is forgotten.
    function check_AnOverturnedResultPaysNobody(uint256 word, bool hamming, uint8 seat) external pure {
        if (seat > 2) return;
        for (uint256 i = 0; i < 3; ++i) {
            if ((word >> (4 * i)) & 0xf > uint256(type(Outcome).max)) return;
        }
        Outcomes first = Outcomes.wrap(word & 0xfff);
        Outcome was = first.outcomeOf(seat);
        Outcome now_ = first.overturned(3, hamming ? AggregationRule.Hamming : AggregationRule.Exact).outcomeOf(seat);
        assert(now_ != Outcome.Paid);
        assert((was == Outcome.Absent) == (now_ == Outcome.Absent) && (was == Outcome.Withheld) == (now_ == Outcome.Withheld));
        assert((now_ == Outcome.Deviated) == (was == Outcome.Paid && !hamming));
    }

    /* REQUESTS FOR RANDOMNESS */

    function check_ATicketHoldsWhatWasPacked(address refundTo, uint32 number, uint32 deadline, uint32 roster, uint8 count) external pure {
        if (roster >> 21 != 0 || count > 64) return;
        VrfTicket ticket = VrfTickets.pack(refundTo, number, deadline, roster, count);
        assert(ticket.exists() && ticket.isOpen() && !ticket.isExpired() && !ticket.isFulfilled() && ticket.attempt() == 0);
        assert(ticket.refundTo() == refundTo && ticket.blockNumber() == number && ticket.deadline() == deadline);
        assert(ticket.roster() == roster && ticket.operatorCount() == count);
    }

    /// @dev At most two operators follow the first; what is left of the request stays as it was.
    function check_TheNextOperatorIsOneFurther(address refundTo, uint32 number, uint32 roster, uint8 count, uint32 deadline, bool second)
        external
        pure
    {
        if (roster >> 21 != 0 || count > 64) return;
        VrfTicket ticket = VrfTickets.pack(refundTo, number, 1, roster, count).next(deadline);
        if (second) ticket = ticket.next(deadline);
        assert(ticket.attempt() == (second ? 2 : 1) && ticket.deadline() == deadline && ticket.isOpen());
        assert(ticket.refundTo() == refundTo && ticket.blockNumber() == number && ticket.roster() == roster);
        assert(ticket.operatorCount() == count);
        VrfTicket last = ticket.expire();
        assert(last.isExpired() && !last.isOpen() && !last.isFulfilled() && last.refundTo() == refundTo && last.attempt() == ticket.attempt());
    }

    function check_AnAnsweredTicketIsNeverOpenAgain(bytes32 output) external pure {
        VrfTicket ticket = VrfTickets.fulfilled(output);
        assert(ticket.exists() && ticket.isFulfilled() && !ticket.isOpen() && !ticket.isExpired());
    }

    /* COMMITTEES */

    /// @dev Odd, at most fifteen, and what is added could outvote what was there, until there are fifteen.
    function check_ACommitteeThatGrowsCanOutvoteTheFirst(uint8 requested, uint8 round) external pure {
        if (!CommitteeSize.isValid(requested) || round >= CommitteeSize.LAST_ROUND) return;
        uint256 size = CommitteeSize.inRound(requested, round);
        uint256 next = CommitteeSize.inRound(requested, uint256(round) + 1);
        assert(size % 2 == 1 && next % 2 == 1 && next <= CommitteeSize.LARGEST && next >= size);
        assert(next == CommitteeSize.LARGEST || 2 * (next - size) > next);
        assert(next <= CommitteeSize.largest(requested) && CommitteeSize.beforeRound(requested, uint256(round) + 1) == size);
    }
}
