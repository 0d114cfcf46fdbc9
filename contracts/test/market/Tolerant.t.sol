// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobFailure, JobProgress, JobStatus, Outcome, Result} from "../../types/Job.sol";
import {Aggregation, AggregationRule, Manifest} from "../../types/Manifest.sol";
import {House} from "../integration/House.sol";

/// @title Jobs of a kernel whose outputs may differ by a little. The rule itself is in Tally.t.sol.
contract TolerantTest is House {
    uint16 private constant TOLERANCE = 8;

    function setUp() public {
        _build(16);
        Manifest memory manifest = _manifest("embedder", 0.05 ether);
        manifest.aggregation = Aggregation(AggregationRule.Hamming, "sign of each dimension", TOLERANCE);
        kernel = _register(manifest);
        _approve(kernel);
    }

    /// @dev Everyone has a record of its own; sketches are what is near or far.
    function _sketched(uint256 who, uint256 sketch) private pure returns (Attestation memory said) {
        said = _says(RecordDigest.wrap(keccak256(abi.encode("record", who))), LABEL);
        said.sketch = bytes32(sketch);
    }

    function _outcome(JobId id, uint256 seat) private returns (uint256) {
        return uint256(_progressIn(id).outcomes.outcomeOf(seat));
    }

    function test_TheRuleIsTheKernels() public {
        JobId id = _request(3);
        assertTrue(_termsIn(id).rules.rule() == AggregationRule.Hamming, "rule");
        assertEq(_termsIn(id).rules.tolerance(), TOLERANCE, "tolerance");
    }

    function test_TheResultIsTheMedoids() public {
        JobId id = _opened(5);
        Attestation[] memory said = new Attestation[](5);
        said[0] = _sketched(0, 0xff00); // 8 from the second, 16 from the third
        said[1] = _sketched(1, 0x0000);
        said[2] = _sketched(2, 0x00ff);
        said[3] = _sketched(3, type(uint256).max);
        said[4] = _sketched(4, type(uint256).max << 128);
        _commitBatch(id, said);
        _settleBatch(id, said);
        JobProgress memory progress = _progressIn(id);
        bytes32 want = keccak256(abi.encode(Result(said[1].digest, LABEL, said[1].sketch)));
        assertEq(keccak256(abi.encode(progress.result)), want, "the second is near to two, the others to less");
        (Result memory shown,) = market.verifyResult(id, _termsHashIn(id), progress);
        assertEq(keccak256(abi.encode(shown)), want, "to a contract too");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_outcome(id, i), uint256(Outcome.Paid), "near");
        }
    }

    function test_DistanceCostsTheFeeAndNothingElse() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        uint256 earned = market.creditOf(members[2]);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_sketched(0, 0), _sketched(1, 0x200), _sketched(2, 0x1ff));
        _commitBatch(id, said);
        _settleBatch(id, said);
        assertEq(_outcome(id, 2), uint256(Outcome.Unpaid), "nine bits, where eight are tolerated");
        assertEq(_blamesOf(members[2]), 0, "not held");
        uint256 refund = _escrowOf(id) - 2 * 0.01 ether - 0.05 ether;
        uint256 before = market.creditOf(requester);
        _finalise(id);
        assertEq(_stakeOf(members[2]), STAKE, "not slashed");
        assertEq(market.creditOf(members[2]), earned, "not paid");
        assertEq(market.creditOf(requester) - before, refund, "its fee goes back");
        assertEq(staking.creditOf(treasury), 0, "nothing is slashed");
    }

    function test_AmongEquallyGoodTheFirstSeatWins() public {
        JobId id = _opened(3);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_sketched(0, 3), _sketched(1, 0), _sketched(2, 1));
        _playEach(id, said);
        _settle(id);
        assertEq(_progressIn(id).result.sketch, bytes32(uint256(3)), "all are near to all");
    }

    function test_FactsCostWhatTheyAlwaysCost() public {
        JobId id = _opened(7);
        address[] memory members = _members(id);
        for (uint256 i = 0; i < 5; ++i) {
            _commit(id, members[i], _sketched(i, 1 << i));
        }
        _commit(id, members[5], _refusal());
        _afterDeadline(id); // the last is absent
        for (uint256 i = 1; i < 5; ++i) {
            _reveal(id, members[i], _sketched(i, 1 << i)); // and the first withholds
        }
        _reveal(id, members[5], _refusal());
        _afterDeadline(id);
        _settle(id);
        _finalise(id);
        assertEq(_stakeOf(members[0]), STAKE - 1 ether, "withheld");
        assertEq(_stakeOf(members[4]), STAKE, "near");
        assertEq(_stakeOf(members[5]), STAKE - 0.25 ether, "refused what others computed");
        assertEq(_stakeOf(members[6]), STAKE - 0.25 ether, "absent");
    }

    function test_OpinionsTooFarApartGrowTheCommittee() public {
        JobId id = _opened(3);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_sketched(0, 0), _sketched(1, 0xffff), _sketched(2, 0xffff0000));
        _commitBatch(id, said);
        _settleBatch(id, said);
        assertStatus(id, JobStatus.Committing);
        Attestation[] memory more = new Attestation[](4);
        more[0] = _sketched(3, 0xfffff);
        more[1] = _sketched(4, 0xffffe);
        more[2] = _sketched(5, 0x0);
        more[3] = _sketched(6, 0x1ffff); // near to the second of the first round, and to the new ones
        _commitBatch(id, more);
        _settleBatch(id, more);
        assertStatus(id, JobStatus.Settled);
        assertEq(_progressIn(id).result.sketch, said[1].sketch, "a vote of the first round");
        assertEq(_outcome(id, 1), uint256(Outcome.Paid), "paid");
        assertEq(_outcome(id, 0), uint256(Outcome.Unpaid), "not");
        assertEq(_outcome(id, 6), uint256(Outcome.Paid), "paid");
    }

    function test_RefusalsFailATolerantJobToo() public {
        JobId id = _opened(3);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_refusal(), _sketched(1, 0), _refusal());
        _commitBatch(id, said);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.Refused);
        _settleBatch(id, said);
        assertStatus(id, JobStatus.Failed);
    }

    /// @dev Fails: the first seat, with the sketch that everyone has, an answer of its own, and a record that nobody else has.
    function test_ARightSketchDoesNotCarryAWrongAnswer() public {
        JobId id = _opened(5);
        Attestation[] memory said = new Attestation[](5);
        for (uint256 i = 0; i < 5; ++i) {
            said[i] = _sketched(i, 0xabc);
        }
        said[0].answer = "whatever pays";
        _commitBatch(id, said);
        _settleBatch(id, said);
        assertEq(_progressIn(id).result.answer, LABEL, "the answer of the majority");
        assertEq(_outcome(id, 0), uint256(Outcome.Unpaid), "the liar");
    }

    /// @dev Works: the answer and the sketch are the majority's, the record is the medoid's own. Whoever reads the record computes its
    ///      sketch again, and sees it.
    function test_TheRecordOfATolerantResultIsOneMembersWord() public {
        JobId id = _opened(3);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_sketched(0, 0xabc), _sketched(1, 0xabc), _sketched(2, 0xabc));
        said[0].digest = OTHER; // of a record with another sketch
        _commitBatch(id, said);
        _settleBatch(id, said);
        assertEq(RecordDigest.unwrap(_progressIn(id).result.digest), RecordDigest.unwrap(OTHER), "the first of three equally near");
    }
}
