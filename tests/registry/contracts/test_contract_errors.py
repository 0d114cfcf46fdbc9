from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from registry import errors
from registry.contracts.artifacts import all_artifacts, parse
from registry.contracts.reverts import HINTS, decode_revert, error_classes, revert_data
from registry.contracts.types import JobStatus
from registry.errors import ContractError, PanicError, RequireError, RpcResponseError, UnknownContractError


def data_of(signature, *values):
    types = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(types.split(",") if types else [], values)


def test_a_custom_error_is_an_exception_of_its_own_name_with_its_arguments():
    error = decode_revert(data_of("JobMarket_FeeTooLow(uint256,uint256)", 1, 5))
    assert type(error) is errors.JobMarketFeeTooLow
    assert str(error) == "JobMarket_FeeTooLow(have=1, want=5)"
    assert error.arguments == {"have": 1, "want": 5}
    assert error.name == "JobMarket_FeeTooLow"
    assert "quote" in error.hint


def test_arguments_have_their_types_and_names_of_enumerations_are_shown():
    error = decode_revert(data_of("JobMarket_WrongStatus(bytes32,uint8,uint8)", b"\x01" * 32, 2, 3))
    assert error.arguments["have"] is JobStatus.COMMITTING
    assert str(error) == f"JobMarket_WrongStatus(job=0x{'01' * 32}, have=Committing, want=Revealing)"


def test_every_custom_error_of_every_contract_has_a_class():
    declared = [entry for artifact in all_artifacts() for entry in artifact.interface.errors.values()]
    assert len(declared) > 60
    for entry in declared:
        kind = getattr(errors, entry.name.replace("_", ""))
        assert issubclass(kind, ContractError)
        assert kind.name == entry.name


def test_hints_are_for_errors_that_exist():
    assert HINTS.keys() <= {kind.name for kind in error_classes().values()}


def test_a_name_that_no_contract_declares_is_no_attribute():
    with pytest.raises(AttributeError, match="JobMarketNonsense"):
        _ = errors.JobMarketNonsense


def test_reverts_with_a_text_and_panics_are_named():
    require = decode_revert(data_of("Error(string)", "not today"))
    assert isinstance(require, RequireError)
    assert "not today" in str(require)
    panic = decode_revert(data_of("Panic(uint256)", 0x11))
    assert isinstance(panic, PanicError)
    assert "overflow" in str(panic)


def test_an_unknown_selector_is_shown_in_hex():
    error = decode_revert(bytes.fromhex("deadbeef00"))
    assert type(error) is UnknownContractError
    assert "0xdeadbeef" in str(error)


SELECTORS = [entry.selector for artifact in all_artifacts() for entry in artifact.interface.errors.values()]
SELECTORS += [keccak(text="Error(string)")[:4], keccak(text="Panic(uint256)")[:4]]


@given(st.one_of(st.just(b""), st.sampled_from(SELECTORS)), st.binary(max_size=200))
def test_no_revert_data_whatever_can_break_the_decoder(selector, rest):
    error = decode_revert(selector + rest)
    assert isinstance(error, ContractError)
    assert error.data == selector + rest
    assert error.diagnostics()


@pytest.mark.parametrize(
    ("code", "text", "data", "want"),
    [
        (3, "execution reverted", "0x12345678", b"\x12\x34\x56\x78"),  # geth, anvil
        (-32015, "VM execution error", "Reverted 0x12345678", b"\x12\x34\x56\x78"),  # OpenEthereum's heirs
        (-32603, "Error: reverted", {"message": "x", "data": "0x12345678"}, b"\x12\x34\x56\x78"),  # Hardhat
        (-32603, "Internal", {"originalError": {"data": "0x12345678"}}, b"\x12\x34\x56\x78"),  # wallets
        (-32000, "execution reverted", None, b""),
        (3, "boom", None, b""),
        (-32000, "nonce too low", None, None),
        (-32000, "nonce too low", "0xzz", None),
        (-32000, "nonce too low", {"data": {"data": {"data": {"data": {"data": "0x00"}}}}}, None),
    ],
)
def test_revert_data_are_found_where_each_node_puts_them(code, text, data, want):
    assert revert_data(RpcResponseError("eth_call", code, text, data)) == want


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"contractName": 1}', "null", '{"contractName":"A","sourceName":"a"}']
)
def test_a_damaged_artifact_is_named(text):
    with pytest.raises(errors.ArtifactError, match=r"X\.json"):
        parse(text, "X.json")
