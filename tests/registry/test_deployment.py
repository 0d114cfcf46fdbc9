from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3
from web3.utils.address import get_create_address

from registry import errors
from registry.contracts import JobMarket, KernelRegistry, MarketParameters, Timelock, ValidatorStaking, VrfCoordinator
from registry.contracts.artifacts import artifact
from registry.contracts.contract import creation
from registry.contracts.types import OperationState
from registry.deployment import Deployment, creation_address, deploy, plan, read_parameters
from registry.errors import DeploymentError, WrongChainError
from registry.parameters import DEVELOPMENT_MARKET, BoundParameters, Parameters, StakingParameters, TimelockParameters


@given(st.binary(min_size=20, max_size=20), st.integers(min_value=0, max_value=2**64 - 1))
def test_the_address_of_a_new_contract_is_known_before_it_exists(sender, nonce):
    address = Web3.to_checksum_address(sender)
    assert creation_address(address, nonce) == get_create_address(address, nonce)


def test_the_contracts_know_each_other(chain, deployment):
    market = JobMarket(chain, deployment.job_market)
    staking = ValidatorStaking(chain, deployment.validator_staking)
    assert staking.market() == KernelRegistry(chain, deployment.kernel_registry).market() == market.address
    assert market.parameters() == deployment.market_parameters
    parameters = MarketParameters(chain, deployment.market_parameters)
    assert (parameters.current(), parameters.owner()) == (DEVELOPMENT_MARKET, deployment.timelock)
    assert Timelock(chain, deployment.timelock).delay() == int(deployment.parameters["timelock.delay"]) == 60
    assert staking.treasury() == deployment.treasury
    assert VrfCoordinator(chain, deployment.vrf_coordinator).fee() == int(deployment.parameters["vrf.fee"])
    assert deployment.parameters["market.commit_window"] == "60"


def test_a_record_reads_back_as_it_was(chain, deployment, tmp_path):
    file = tmp_path / "deployments" / "31337.json"
    deployment.save(file)
    assert Deployment.load(file, chain) == deployment
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_parameters_that_a_contract_refuses_are_named(chain, account):
    hasty = replace(DEVELOPMENT_MARKET, open_window=1)
    with pytest.raises(errors.MarketParametersOutOfBounds, match="openWindow"):
        deploy(chain, account("second"), Parameters(market=hasty))
    # Within its own bounds, but those do not fit the coordinator that the market asks.
    with pytest.raises(errors.JobMarketInvalidParameters):
        deploy(chain, account("second"), Parameters(market=hasty, bounds=BoundParameters(least_open_window=1)))
    with pytest.raises(errors.ValidatorStakingInvalidParameters):
        deploy(chain, account("second"), Parameters(staking=StakingParameters(minimum_stake=0)))


def test_two_deployments_live_side_by_side(chain, deployment, account):
    second = deploy(chain, account("second"), Parameters(treasury=account("treasury").address))
    assert not set(second.addresses.values()) & set(deployment.addresses.values())
    assert second.treasury == account("treasury").address


# --- the parameters behind the timelock


@pytest.fixture
def governed(chain, account):
    """A deployment of its own: the timelock, the parameters, and the account that proposes."""
    chosen = Parameters(proposer=account("proposer").address, timelock=TimelockParameters(delay=1000))
    made = deploy(chain, account("governed"), chosen)
    return Timelock(chain, made.timelock), MarketParameters(chain, made.market_parameters), account("proposer")


def propose(timelock, call, proposer):
    """Schedules a call and waits; returns the call that executes it."""
    timelock.chain.transact(timelock.schedule(call, delay=timelock.delay()), sender=proposer)
    timelock.chain.advance_time(timelock.delay())
    return timelock.execute(call)


def test_parameters_change_in_sight_of_all_and_not_before_the_delay(chain, account, governed):
    timelock, parameters, proposer = governed
    dearer = replace(DEVELOPMENT_MARKET, seat_fee=2 * DEVELOPMENT_MARKET.seat_fee)
    call = parameters.set(dearer)
    operation = timelock.operation_of(call)
    scheduled = chain.transact(timelock.schedule(call, delay=1000), sender=proposer)
    assert scheduled.event("CallScheduled")["data"] == call.data
    assert timelock.state_of(operation) is OperationState.WAITING
    chain.advance_time(900)
    with pytest.raises(errors.TimelockUnexpectedOperationState):
        chain.transact(timelock.execute(call), sender=proposer)
    assert parameters.current() == DEVELOPMENT_MARKET
    chain.advance_time(100)
    assert timelock.state_of(operation) is OperationState.READY
    chain.transact(timelock.execute(call), sender=account("anyone"))
    assert parameters.current() == dearer
    with pytest.raises(errors.TimelockUnexpectedOperationState):
        chain.transact(timelock.execute(call), sender=account("anyone"))


def test_nobody_changes_parameters_past_the_timelock(chain, account, governed):
    timelock, parameters, proposer = governed
    call = parameters.set_paused(paused=True)
    for who in (proposer, account("governed"), account("anyone")):
        with pytest.raises(errors.OwnableUnauthorizedAccount):
            chain.transact(call, sender=who)
    for who in (account("governed"), account("anyone")):  # who deployed it has no part in it
        with pytest.raises(errors.AccessControlUnauthorizedAccount):
            chain.transact(timelock.schedule(call, delay=1000), sender=who)
    with pytest.raises(errors.TimelockInsufficientDelay):
        chain.transact(timelock.schedule(call, delay=999), sender=proposer)


def test_what_was_proposed_can_be_taken_back_by_its_proposer_alone(chain, account, governed):
    timelock, parameters, proposer = governed
    call = parameters.set_paused(paused=True)
    chain.transact(timelock.schedule(call, delay=1000), sender=proposer)
    operation = timelock.operation_of(call)
    with pytest.raises(errors.AccessControlUnauthorizedAccount):
        chain.transact(timelock.cancel(operation), sender=account("anyone"))
    chain.transact(timelock.cancel(operation), sender=proposer)
    chain.advance_time(1000)
    with pytest.raises(errors.TimelockUnexpectedOperationState):
        chain.transact(timelock.execute(call), sender=proposer)
    assert timelock.state_of(operation) is OperationState.UNSET


def test_parameters_out_of_bounds_are_refused_even_after_the_delay(chain, account, governed):
    timelock, parameters, proposer = governed
    greedy = replace(DEVELOPMENT_MARKET, deviation_slash=parameters.bounds().greatest_slash + 1)
    with pytest.raises(errors.MarketParametersOutOfBounds, match="deviationSlash"):
        chain.transact(propose(timelock, parameters.set(greedy), proposer), sender=account("anyone"))


def test_ownership_moves_to_another_timelock_in_two_steps_each_of_which_waits(chain, account, governed):
    timelock, parameters, proposer = governed
    code = creation(artifact(Timelock.NAME), 2000, account("successor").address)
    made = chain.transact(code, sender=account("successor"))
    successor = Timelock(chain, made.contract)
    accept = parameters.accept_ownership()
    chain.transact(propose(timelock, parameters.transfer_ownership(made.contract), proposer), sender=account("anyone"))
    assert parameters.owner() == timelock.address, "not before it is accepted"
    with pytest.raises(errors.OwnableUnauthorizedAccount):
        chain.transact(propose(timelock, accept, proposer), sender=account("anyone"))
    chain.transact(propose(successor, accept, account("successor")), sender=account("anyone"))
    assert parameters.owner() == successor.address


@pytest.mark.parametrize(
    "change",
    [
        {"type": "aivm/other"},
        {"unknown": 1},
        {"chain_id": "31337"},
        {"addresses": None},
        {"version": 2},
    ],
)
def test_what_is_no_record_is_refused(chain, deployment, tmp_path, change):
    file = tmp_path / "record.json"
    file.write_text(json.dumps(msgspec.to_builtins(deployment) | change))
    with pytest.raises(DeploymentError, match="record"):
        Deployment.load(file, chain)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", None])
def test_a_file_that_is_missing_or_damaged_is_named(chain, tmp_path, text):
    file = tmp_path / "record.json"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(DeploymentError, match=r"record\.json"):
        Deployment.load(file, chain)


def test_a_chain_that_holds_something_else_is_named(chain, deployment):
    with pytest.raises(WrongChainError, match="chain 5"):
        msgspec.structs.replace(deployment, chain_id=5).check(chain)
    with pytest.raises(DeploymentError, match="no KernelRegistry"):
        msgspec.structs.replace(deployment, kernel_registry="0x" + "00" * 19 + "01").check(chain)
    with pytest.raises(DeploymentError, match="is not the JobMarket"):
        msgspec.structs.replace(deployment, job_market=deployment.validator_staking).check(chain)
    chain.rpc.call("anvil_setCode", deployment.vrf_coordinator, "0x00")
    with pytest.raises(DeploymentError, match="is not the VrfCoordinator"):
        deployment.check(chain)


def test_a_plan_is_what_deploying_then_sends(chain, account):
    deployer = account("planner")
    planned = plan(chain, deployer.address)
    assert chain.nonce(deployer.address) == 0
    made = deploy(chain, deployer)
    for step, name in zip(planned, made.transactions, strict=True):
        mined = chain.rpc.call("eth_getTransactionByHash", made.transactions[name])
        assert step["call"].startswith(f"{name}.constructor(")
        assert (mined["input"], int(mined["nonce"], 16), int(mined["gas"], 16)) == (
            step["data"],
            step["nonce"],
            step["gas"],
        )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[market]\nseat_fee = -1", "market.seat_fee is not a whole number"),
        ("[market]\nseat_fee = 1.5", "market.seat_fee is not a whole number"),
        ("[market]\nseat_fee = true", "market.seat_fee is not a whole number"),
        ("[market]\nseat_fee = '0x1'", "market.seat_fee: '0x1' is no amount"),
        ("[market]\nfee = 1", "there is no market.fee"),
        ("[markets]\nfee = 1", "there is no markets"),
        ("market = 5", "there is no market"),
        ("treasury = 'me'", "treasury is not an address"),
        ("proposer = 7", "proposer is not an address"),
        ("owner = '0x00'", r"there is no owner"),
        ("[timelock]\ndelay = -1", "timelock.delay is not a whole number"),
        ("= 5", "is not TOML"),
    ],
)
def test_a_mistaken_parameter_file_is_named(tmp_path, text, match):
    file = tmp_path / "parameters.toml"
    file.write_text(text)
    with pytest.raises(DeploymentError, match=match):
        read_parameters(file)
    with pytest.raises(DeploymentError, match="cannot be read"):
        read_parameters(tmp_path / "missing.toml")


def test_a_parameter_file_changes_what_it_names(tmp_path):
    file = tmp_path / "parameters.toml"
    file.write_text(
        f"treasury = '0x{'ab' * 20}'\n[market]\nseat_fee = '79228162514264337593543950335'\n"
        "deviation_slash = '0.5ether'\n"
        "[staking]\nthaw_period = 9\n"
    )
    have = read_parameters(file)
    assert have.treasury == "0x" + "ab" * 20
    assert have.market.seat_fee == 2**96 - 1
    assert have.market.deviation_slash == 5 * 10**17
    assert have.staking == StakingParameters(thaw_period=9)
    assert have.vrf == Parameters().vrf
