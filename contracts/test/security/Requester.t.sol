// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInferenceConsumer} from "../../interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobStatus} from "../../types/Job.sol";
import {House} from "../integration/House.sol";

/// @dev Asks who calls, and not whether it wanted the job.
contract Credulous is IInferenceConsumer {
    address private immutable _market;
    bytes32 public believed;

    constructor(address market) {
        _market = market;
    }

    function onInference(JobId, RecordDigest, bytes32 answer) external {
        require(msg.sender == _market, "not the market");
        believed = answer;
    }
}

/// @dev Takes no result while one of its own functions runs, and one of them calls a stranger.
contract Busy is IInferenceConsumer {
    bool private _inside;
    uint256 public taken;

    function callOut(address stranger, bytes calldata data) external {
        _inside = true;
        (bool done,) = stranger.call(data);
        require(done, "the stranger failed");
        _inside = false;
    }

    function onInference(JobId, RecordDigest, bytes32) external {
        require(!_inside, "busy");
        ++taken;
    }
}

/// @title What a requester, or somebody around its job, can try. What works is said in docs/security.md.
contract RequesterAttacksTest is House {
    function setUp() public {
        _build(20);
    }

    /// @dev Works: so a consumer has to know its own jobs, as IInferenceConsumer says and DigitReader does.
    function test_AnyoneCanSendAnyConsumerTheResultOfAJobOfTheirOwn() public {
        Credulous victim = new Credulous(address(market));
        JobId id = _settled(3, address(victim), 100_000);
        assertTrue(_deliver(id), "delivered");
        assertEq(victim.believed(), LABEL, "it believes what it never asked");
        assertEq(requesterOf[id], requester, "a stranger");
    }

    /// @dev Works, for the price of a job: what is served is not served to all at once. Members that pass blocks on to each other
    ///      are the answer, and it is off chain.
    function test_WhoServesAnInputToAMajorityOnlyHasTheOthersPayForTheirRefusal() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_right(), _right(), _refusal());
        _playEach(id, said);
        _settle(id);
        _finalise(id);
        assertEq(_stakeOf(members[2]), STAKE - 0.25 ether, "the member that was not served");
    }

    /// @dev Works: drawing again costs the randomness and gas, if the committee can be made to refuse. What this buys is a
    ///      committee in which the requester's friends have the majority, so a result is worth what a committee costs.
    function test_ACommitteeThatDoesNotSuitIsSentAwayForTheRandomnessFee() public {
        uint256 before = requester.balance;
        JobId id = _opened(7);
        _play(id, _refusal());
        _settle(id);
        assertStatus(id, JobStatus.Failed);
        vm.prank(requester);
        market.withdraw();
        assertEq(before - requester.balance, vrf.fee(), "the price of another draw");
    }

    /// @dev What a flood costs: a fee each to the operators, while whoever cannot keep up says so and loses nothing.
    function test_AFloodThatAMajorityRefusesCostsItsRequesterAFeeAJobAndNobodyAStake() public {
        uint256 before = requester.balance;
        JobId[] memory flood = new JobId[](12);
        for (uint256 i = 0; i < flood.length; ++i) {
            flood[i] = _request(3);
        }
        for (uint256 i = 0; i < flood.length; ++i) {
            _open(flood[i]);
            Attestation[] memory said = _unanimous(3, _refusal());
            said[i % 3] = _right(); // one had the time
            _settleTogether(flood[i], said);
            assertStatus(flood[i], JobStatus.Failed);
        }
        vm.prank(requester);
        market.withdraw();
        assertEq(before - requester.balance, flood.length * vrf.fee(), "a fee each");
        for (uint256 i = 0; i < validators.length; ++i) {
            assertEq(_stakeOf(validators[i]), STAKE, "no stake");
        }
    }

    /// @dev The fee is lost to a delivery that had to fail; the result is not, and comes again without a fee.
    function test_ADeliveryInsideTheConsumersOwnCallFailsAndCanBeRepeated() public {
        Busy consumer = new Busy();
        JobId id = _settled(3, address(consumer), 100_000);
        consumer.callOut(address(market), abi.encodeCall(IJobMarket.deliver, (id, _termsIn(id), _progressIn(id))));
        assertEq(consumer.taken(), 0, "busy");
        assertEq(market.creditOf(address(consumer)), 100_000 * 2 gwei, "the caller's fee");
        assertTrue(_deliver(id), "again");
        assertEq(consumer.taken(), 1, "taken");
    }

    /// @dev Fails: the largest fee that a kernel can ask for is more than there is. It wraps nowhere, and concerns no other kernel.
    function test_AnAuthorFeeBeyondAllMoneyIsItsKernelsOwnTrouble() public {
        KernelId dear = _register("dear", type(uint96).max);
        _approve(dear);
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        wanted.kernel = dear;
        uint256 price = market.quote(dear, 3, 0);
        assertEq(price, vrf.fee() + 15 * 0.01 ether + uint256(type(uint96).max), "price");
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_FeeTooLow.selector, 1 ether, price));
        vm.prank(requester);
        market.request{value: 1 ether}(wanted);
        vm.deal(requester, price);
        vm.prank(requester);
        JobId id = market.request{value: price}(wanted);
        _open(id);
        _play(id, _right());
        _settle(id);
        uint256 before = market.creditOf(publisher);
        _finalise(id);
        assertEq(market.creditOf(publisher) - before, type(uint96).max, "to the wei");
        assertEq(address(market).balance, _owed(), "to the wei");
    }

    /// @dev Whatever a requester names as the one to be refunded, the members, the author and the deliverer are paid.
    function test_RefundsToContractsOfTheMarketItselfBlockNobody() public {
        address[3] memory sinks = [address(vrf), address(staking), address(registry)];
        for (uint256 i = 0; i < sinks.length; ++i) {
            IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
            wanted.refundTo = sinks[i];
            uint256 price = market.quote(kernel, 3, 0);
            vm.prank(requester);
            JobId id = market.request{value: price}(wanted);
            _open(id);
            address[] memory members = _members(id);
            uint256 before = market.creditOf(members[0]);
            _play(id, _right());
            _settle(id);
            _finalise(id);
            assertEq(market.creditOf(members[0]) - before, 0.01 ether, "paid");
        }
    }
}
