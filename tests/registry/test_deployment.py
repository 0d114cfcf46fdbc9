from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3
from web3.utils.address import get_create_address

from registry import errors
from registry.contracts import JobMarket, KernelRegistry, ValidatorStaking, VrfCoordinator
from registry.contracts.types import MarketParameters
from registry.deployment import Deployment, creation_address, deploy, plan, read_parameters
from registry.errors import DeploymentError, WrongChainError
from registry.parameters import DEVELOPMENT_MARKET, Parameters, StakingParameters


@given(st.binary(min_size=20, max_size=20), st.integers(min_value=0, max_value=2**64 - 1))
def test_the_address_of_a_new_contract_is_known_before_it_exists(sender, nonce):
    address = Web3.to_checksum_address(sender)
    assert creation_address(address, nonce) == get_create_address(address, nonce)


def test_the_contracts_know_each_other(chain, deployment):
    market = JobMarket(chain, deployment.job_market)
    staking = ValidatorStaking(chain, deployment.validator_staking)
    assert staking.market() == KernelRegistry(chain, deployment.kernel_registry).market() == market.address
    assert market.parameters() == DEVELOPMENT_MARKET
    assert staking.treasury() == deployment.treasury
    assert VrfCoordinator(chain, deployment.vrf_coordinator).fee() == int(deployment.parameters["vrf.fee"])
    assert deployment.parameters["market.commit_window"] == "60"


def test_a_record_reads_back_as_it_was(chain, deployment, tmp_path):
    file = tmp_path / "deployments" / "31337.json"
    deployment.save(file)
    assert Deployment.load(file, chain) == deployment
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_parameters_that_a_contract_refuses_are_named(chain, account):
    market = msgspec.convert(
        {**{f: getattr(DEVELOPMENT_MARKET, f) for f in DEVELOPMENT_MARKET.__dataclass_fields__}, "open_window": 1},
        MarketParameters,
    )
    with pytest.raises(errors.JobMarketInvalidParameters):
        deploy(chain, account("second"), Parameters(market=market))
    with pytest.raises(errors.ValidatorStakingInvalidParameters):
        deploy(chain, account("second"), Parameters(staking=StakingParameters(minimum_stake=0)))


def test_two_deployments_live_side_by_side(chain, deployment, account):
    second = deploy(chain, account("second"), Parameters(treasury=account("treasury").address))
    assert not set(second.addresses.values()) & set(deployment.addresses.values())
    assert second.treasury == account("treasury").address


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
