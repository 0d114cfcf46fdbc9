from __future__ import annotations

import inspect
import json
import re
import threading
import urllib.request

import pytest
from eth_account import Account
from fake_node import FakeNode, error

from registry import errors
from registry.chain import Chain
from registry.chain.rpc import Rpc
from registry.contracts import (
    Appeals,
    JobMarket,
    KernelRegistry,
    MarketParameters,
    Timelock,
    ValidatorStaking,
    VrfCoordinator,
)
from registry.contracts.abi import snake
from registry.contracts.artifacts import all_artifacts, artifact
from registry.contracts.contract import Contract
from registry.contracts.types import SOLIDITY_TYPES, JobStatus, KernelStatus
from registry.contracts.validator_staking import ALL_TREES
from registry.errors import (
    ArtifactError,
    EventNotFoundError,
    InsufficientFundsError,
    NoContractError,
    NotDevelopmentChainError,
    OutOfGasError,
    RegistryError,
    RpcUnavailableError,
    TransactionError,
    TransactionPendingError,
)
from registry.jobs import JobUnknownError, job_of

ETHER = 10**18
CLASS = b"\x07" * 32
CONTRACTS = [Appeals, JobMarket, KernelRegistry, MarketParameters, Timelock, ValidatorStaking, VrfCoordinator]
STRANGER = "0x00000000000000000000000000000000000000AA"


@pytest.fixture
def staking(chain, deployment):
    return ValidatorStaking(chain, deployment.validator_staking)


@pytest.fixture
def alice(chain, account):
    chain.fund(STRANGER, 0)
    return account("alice")


def stake(staking, endpoint="http://127.0.0.1:1"):
    return staking.stake(CLASS, endpoint)


# --- what a transaction does, and what it does not ---


def test_a_call_that_would_revert_is_never_sent(chain, staking, alice):
    before = chain.balance(alice.address)
    with pytest.raises(errors.ValidatorStakingStakeTooLow) as caught:
        chain.transact(stake(staking), value=5, sender=alice)
    assert caught.value.arguments == {"have": 5, "want": ETHER}
    assert caught.value.transaction is None
    assert (chain.balance(alice.address), chain.nonce(alice.address)) == (before, 0)


def test_a_transaction_that_reverts_on_chain_raises_the_same_error(chain, staking, alice):
    with chain.node.lock:  # both are simulated before either is mined
        first = chain.send(staking.stake(CLASS, ""), value=ETHER, sender=alice)
        second = chain._sender.send(staking.thaw(2 * ETHER), alice, 0, 500_000)
    chain.wait(first)
    with pytest.raises(errors.ValidatorStakingNotEnough) as caught:
        chain.wait(second)
    assert caught.value.transaction == second


def test_without_traces_the_reason_is_found_by_calling_again(chain, staking, alice, monkeypatch):
    call = chain.rpc.call

    def no_traces(method, *params):
        if method == "debug_traceTransaction":
            raise errors.RpcResponseError(method, -32601, "Method not found")
        return call(method, *params)

    chain.transact(stake(staking), value=ETHER, sender=alice)
    sent = chain._sender.send(staking.thaw(2 * ETHER), alice, 0, 500_000)
    chain.node.wake()
    monkeypatch.setattr(chain.rpc, "call", no_traces)
    with pytest.raises(errors.ValidatorStakingNotEnough):
        chain.wait(sent)


def test_a_transaction_that_runs_out_of_gas_says_so(chain, staking, alice):
    with pytest.raises(OutOfGasError, match="60000"):
        chain.transact(stake(staking), value=ETHER, sender=alice, gas=60_000)


def test_what_an_account_cannot_pay_is_named(chain, staking):
    poor = Account.from_key(b"\x05" * 32)
    with pytest.raises(InsufficientFundsError):
        chain.transact(stake(staking), value=ETHER, sender=poor)
    chain.fund(poor.address, ETHER)
    with pytest.raises(InsufficientFundsError):
        chain.transact(stake(staking), value=ETHER, sender=poor)


def test_ether_is_not_sent_to_an_address_without_code(chain, alice):
    nowhere = ValidatorStaking(chain, STRANGER)
    before = chain.balance(alice.address)
    with pytest.raises(NoContractError, match=STRANGER):
        chain.transact(stake(nowhere), value=ETHER, sender=alice)
    assert chain.balance(alice.address) == before
    with pytest.raises(NoContractError):
        nowhere.minimum_stake()


def test_another_contract_at_an_address_is_named(chain, deployment):
    wrong = JobMarket(chain, deployment.validator_staking)
    with pytest.raises(errors.UnknownContractError):
        wrong.parameters()


def test_a_dry_run_shows_the_transaction_and_sends_nothing(chain, staking, alice):
    shown = chain.as_(alice).dry_run(stake(staking), value=ETHER)
    assert shown["call"] == f"ValidatorStaking.stake(environment_class=0x{CLASS.hex()}, endpoint=http://127.0.0.1:1)"
    assert json.loads(json.dumps(shown)) == shown
    assert chain.nonce(alice.address) == 0
    receipt = chain.transact(stake(staking), value=ETHER, sender=alice)
    mined = chain.rpc.call("eth_getTransactionByHash", receipt.transaction)
    assert (mined["input"], int(mined["value"], 16), int(mined["nonce"], 16)) == (shown["data"], ETHER, shown["nonce"])
    with pytest.raises(errors.ValidatorStakingEndpointTooLong):
        chain.dry_run(stake(staking, "x" * 257), sender=alice.address, value=ETHER)


def test_a_receipt_holds_the_events_with_their_types(chain, staking, alice):
    receipt = chain.as_(alice).transact(stake(staking), value=2 * ETHER)
    assert receipt.event("Staked").arguments == {"validator": alice.address, "amount": 2 * ETHER, "stake": 2 * ETHER}
    assert receipt.event("ProfileChanged")["environment_class"] == CLASS
    assert receipt.gas_used > 21_000
    assert receipt.fee >= receipt.gas_used
    with pytest.raises(EventNotFoundError, match=r"Slashed.*ProfileChanged, Staked"):
        receipt.event("Slashed")


# --- nonces ---


def test_two_processes_with_one_account_do_not_trip_over_its_nonce(chain, staking, alice):
    with Chain.connect(chain.rpc.urls) as other:
        for turn in range(6):
            (chain, other)[turn % 2].transact(stake(staking), value=ETHER, sender=alice)
    assert staking.validator(alice.address).stake == 6 * ETHER


def test_many_threads_send_from_one_account(chain, staking, alice):
    failures = []

    def work():
        try:
            for _ in range(5):
                chain.transact(stake(staking), value=ETHER, sender=alice)
        except RegistryError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert staking.validator(alice.address).stake == 20 * ETHER
    assert chain.nonce(alice.address) == 20


def test_transactions_can_be_sent_ahead_and_waited_for_later(chain, staking, alice):
    sent = [chain.send(stake(staking), value=ETHER, sender=alice) for _ in range(20)]
    receipts = [chain.wait(transaction) for transaction in sent]
    assert [receipt.event("Staked")["stake"] for receipt in receipts] == [(n + 1) * ETHER for n in range(20)]


def test_an_endpoint_that_sends_it_on_and_then_fails_does_not_send_it_twice(chain, staking, alice):
    def fail_after_sending(request):
        body = json.dumps(request).encode()
        ask = urllib.request.Request(chain.node.url, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(ask) as answer:
            said = answer.read()
        sent = isinstance(request, dict) and request["method"] == "eth_sendRawTransaction"
        return (502, b"") if sent else (200, said)

    for _ in range(3):
        with FakeNode(fail_after_sending) as flaky, Chain.connect([flaky.url, chain.node.url]) as other:
            other.transact(stake(staking), value=ETHER, sender=alice)
            assert flaky.calls.count("eth_sendRawTransaction") == 1
    assert staking.validator(alice.address).stake == 3 * ETHER
    assert chain.nonce(alice.address) == 3


def test_a_transaction_that_is_not_mined_is_reported_with_its_hash(chain, staking, alice):
    with Chain.connect(chain.rpc.urls) as other, chain.node.lock:
        other.timeout = 0.05
        with pytest.raises(TransactionPendingError, match=r"0x[0-9a-f]{64}") as caught:
            other.transact(stake(staking), value=ETHER, sender=alice)
    assert chain.wait(caught.value.transaction).event("Staked")


def base_fee(chain):
    return int(chain.rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)  # noqa: FBT003 - JSON-RPC


def under_a_base_fee(chain, transaction, fee):
    """The receipt, or None, after one block with this base fee; then the fee is as before."""
    usual = base_fee(chain)
    chain.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(fee))
    chain.mine()
    receipt = chain.rpc.call("eth_getTransactionReceipt", transaction)
    chain.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(usual))
    return receipt


def test_a_base_fee_that_doubles_does_not_hold_a_transaction_up_and_one_that_triples_does(chain, staking, alice):
    """What is said of it in docs/security.md: fees leave room to double, and are not raised afterwards."""
    chain.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    chain.mine()
    tip = int(chain.rpc.call("eth_maxPriorityFeePerGas"), 16)
    with Chain.connect(chain.rpc.urls) as other:
        with chain.node.lock:
            first = other.send(stake(staking), value=ETHER, sender=alice)
            assert under_a_base_fee(chain, first, 2 * 10**9) is not None
        chain.mine()
        with chain.node.lock:
            second = other.send(stake(staking), value=ETHER, sender=alice)
            assert under_a_base_fee(chain, second, 3 * 10**9 + tip) is None
            chain.rpc.call("anvil_dropTransaction", second)


def test_other_refusals_of_a_node_keep_their_text(chain, staking, alice):
    with pytest.raises(TransactionError, match="intrinsic gas"):
        chain.transact(stake(staking), value=ETHER, sender=alice, gas=100)
    assert chain.transact(stake(staking), value=ETHER, sender=alice).event("Staked")


# --- reading ---


def test_every_typed_read_of_an_empty_deployment_answers(chain, deployment, staking):
    registry = KernelRegistry(chain, deployment.kernel_registry)
    market = JobMarket(chain, deployment.job_market)
    vrf = VrfCoordinator(chain, deployment.vrf_coordinator)
    nothing = bytes(32)
    assert registry.kernel_of(nothing).status is KernelStatus.UNKNOWN
    assert registry.manifest_of(nothing).author_fee == 0
    assert registry.terms_of(nothing).status is KernelStatus.UNKNOWN
    assert registry.handle_of(STRANGER) == ""
    assert market.status_of(nothing) is JobStatus.UNKNOWN
    assert (market.deadline_of(nothing), market.ballot_of(nothing, 0)) == (0, nothing)
    with pytest.raises(JobUnknownError, match="0x0000"):
        job_of(market, nothing)
    assert market.credit_of(STRANGER) == 0
    assert vrf.operators() == []
    epoch = staking.current_epoch()
    assert (staking.leaf_count(0), staking.weights_at(epoch), staking.total_weight_at(ALL_TREES, epoch)) == (0, {}, 0)
    assert staking.tree_of(b"\x0c" * 32) == (63, False)
    parameters = MarketParameters(chain, market.parameters())
    assert parameters.address == deployment.market_parameters
    assert not parameters.paused()
    assert registry.market() == staking.market() == deployment.job_market
    with pytest.raises(errors.KernelRegistryUnknownName):
        registry.resolve("nobody", "nothing", "latest")


def test_a_contract_can_be_read_as_of_a_block(chain, staking, alice):
    before = chain.block_number()
    chain.transact(stake(staking), value=ETHER, sender=alice)
    assert staking.at(before).validator(alice.address).stake == 0
    assert staking.validator(alice.address).stake == ETHER


def test_a_mistaken_argument_is_refused_before_anything_is_asked(staking):
    with pytest.raises(ArtifactError, match="stake"):
        staking.stake("not bytes", "x")
    with pytest.raises(ArtifactError, match="no function nonsense"):
        staking.read("nonsense")


def test_time_dependent_reads_see_the_present_on_an_idle_chain(chain):
    chain.advance_time(1000)
    header = chain.header("latest")
    assert chain.now() >= header.timestamp
    chain.rpc.call("evm_increaseTime", hex(500))
    assert chain.now() >= header.timestamp + 500
    assert chain.header("latest") == header


def test_an_anchor_undoes_everything_within(chain, staking, alice):
    chain.transact(stake(staking), value=ETHER, sender=alice)
    block, now, balance = chain.block_number(), chain.now(), chain.balance(alice.address)
    with chain.anchor():
        chain.transact(stake(staking), value=ETHER, sender=alice)
        with chain.anchor():
            chain.advance_time(10_000)
            chain.transact(stake(staking), value=ETHER, sender=alice)
        assert chain.now() < now + 1000
    with chain.node.lock, chain.anchor():  # what is still pending goes too
        chain.send(stake(staking), value=ETHER, sender=alice)
    assert chain.nonce(alice.address) == 1
    assert (chain.block_number(), chain.balance(alice.address)) == (block, balance)
    assert staking.validator(alice.address).stake == ETHER
    assert chain.transact(stake(staking), value=ETHER, sender=alice).event("Staked")["stake"] == 2 * ETHER


def test_web3_speaks_through_the_same_endpoints(chain, staking, alice):
    assert chain.web3.eth.chain_id == chain.chain_id
    assert chain.web3.eth.get_balance(alice.address) == 100 * ETHER
    contract = chain.web3.eth.contract(address=staking.address, abi=staking.artifact.abi)
    assert contract.functions.minimumStake().call() == ETHER


def test_a_chain_that_is_not_ours_is_not_bent():
    with FakeNode(result="0x1") as node, Chain.connect([node.url]) as chain:
        for bend in (lambda: chain.fund(STRANGER, 1), chain.mine, lambda: chain.advance_time(1)):
            with pytest.raises(NotDevelopmentChainError):
                bend()
        with pytest.raises(NotDevelopmentChainError), chain.anchor():
            pass


def test_connecting_to_the_wrong_chain_is_refused(shared_chain):
    with pytest.raises(RpcUnavailableError, match="serves chain 31337, not 1"):
        Chain.connect(shared_chain.rpc.urls, chain_id=1)


# --- events ---


def test_events_are_filtered_by_name_argument_and_block(chain, staking, account):
    people = [account(name) for name in ("alice", "bob", "carol")]
    receipts = [chain.transact(stake(staking), value=ETHER, sender=one) for one in people for _ in range(2)]
    start = receipts[0].block
    assert len(chain.logs(staking, from_block=start)) == 13  # with the class's tree
    assert len(chain.logs(staking, "Staked", "ProfileChanged", from_block=start)) == 12
    assert len(chain.logs(staking, "Staked", from_block=start)) == 6
    bobs = chain.logs(staking, "Staked", from_block=start, topics={"validator": people[1].address})
    assert [log["stake"] for log in bobs] == [ETHER, 2 * ETHER]
    assert chain.logs(staking, "Staked", from_block=start, to_block=start)[0].block == start
    assert chain.logs(staking, "Slashed", "Thawing", from_block=start) == []
    with pytest.raises(RegistryError, match="no event Nonsense"):
        chain.logs(staking, "Nonsense")
    with pytest.raises(ArtifactError, match="no indexed argument amount"):
        chain.logs(staking, "Staked", topics={"amount": 1})


def test_all_events_about_one_subject_are_found_in_one_query(chain, staking, account):
    people = [account(name) for name in ("alice", "bob")]
    for one in people:
        chain.transact(stake(staking), value=ETHER, sender=one)
    bobs = chain.logs(staking, topics={"validator": people[1].address})
    assert [log.event for log in bobs] == ["ProfileChanged", "Staked"]
    assert {log["validator"] for log in bobs} == {people[1].address}
    with pytest.raises(RegistryError, match="one event, or none"):
        chain.logs(staking, "Staked", "Slashed", topics={"validator": people[1].address})
    with pytest.raises(RegistryError, match="first indexed argument is amount"):
        chain.logs(staking, topics={"amount": 1})


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_a_node_that_limits_ranges_still_gives_every_event_once(chain, staking, alice, limit, monkeypatch):
    monkeypatch.setattr("registry.chain.logs.FIRST_RANGE", 50)
    call, asked = chain.rpc.call, []
    start = chain.block_number() + 1
    for _ in range(12):
        chain.transact(stake(staking), value=ETHER, sender=alice)

    def limited(method, *params):
        if method == "eth_getLogs":
            first, last = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
            if last - first + 1 > limit:
                raise errors.RpcResponseError(method, -32005, f"more than {limit} blocks")
            asked.append((first, last))
        return call(method, *params)

    monkeypatch.setattr(chain.rpc, "call", limited)
    logs = chain.logs(staking, "Staked", from_block=start)
    assert [log["stake"] for log in logs] == [(n + 1) * ETHER for n in range(12)]
    assert [first for first, _ in asked] == [start, *(last + 1 for _, last in asked[:-1])]


def test_a_node_that_refuses_every_range_is_named(deployment):
    with FakeNode(error(-32000, "logs are off")) as node, Chain(Rpc([node.url]), chain_id=1) as chain:
        staking = ValidatorStaking(chain, deployment.validator_staking)
        with pytest.raises(errors.RpcResponseError, match="logs are off"):
            chain.logs(staking, to_block=1000)


# --- the types against the artifacts ---


def test_every_struct_and_enumeration_of_the_contracts_has_its_type():
    seen, wrong = set(), []

    def visit(entry):
        internal = entry.get("internalType", "").split("[")[0]
        seen.add(internal)
        if internal.startswith(("struct ", "enum ")) and internal not in SOLIDITY_TYPES:
            wrong.append(internal)
        parts = entry.get("components", ())
        if internal in SOLIDITY_TYPES and internal.startswith("struct "):
            names = [snake(part["name"]) for part in parts]
            assert names == list(SOLIDITY_TYPES[internal].__dataclass_fields__), internal
        for part in parts:
            visit(part)

    ours = {kind.NAME for kind in CONTRACTS}
    for compiled in all_artifacts():
        if compiled.name in ours:
            for entry in compiled.abi:
                for parameter in (*entry.get("inputs", ()), *entry.get("outputs", ())):
                    visit(parameter)
    assert wrong == []
    assert set(SOLIDITY_TYPES) <= seen


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_function_that_a_class_names_exists(kind):
    source = inspect.getsource(kind) + "".join(inspect.getsource(base) for base in kind.__mro__[1:-2])
    named = set(re.findall(r'self\.(?:prepare|read)\(\s*"(\w+)"', source))
    assert named
    assert named <= artifact(kind.NAME).interface.functions.keys()


def test_contracts_are_shown_by_name_and_address(chain, staking):
    assert isinstance(staking, Contract)
    assert repr(staking) == f"ValidatorStaking({staking.address})"
    assert staking.address in chain._interfaces
