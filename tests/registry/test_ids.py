"""Only what needs no chain; that the contracts compute the same is in tests/differential."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any

import msgspec
import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from support.manifests import REPRODUCIBLE, example_manifest

from aivm.environment import Environment
from registry import ids
from registry.contracts.artifacts import artifact
from registry.contracts.manifest_fields import MANIFEST_TYPE
from registry.contracts.types import Attestation
from registry.ids import kernel_id, manifest_difference, manifest_fields, manifest_id


def leaves(value, path=""):
    """(path, value) of every field of a struct that has no fields itself."""
    if not dataclasses.is_dataclass(value):
        return [(path, value)]
    found = []
    for field in dataclasses.fields(value):
        found += leaves(getattr(value, field.name), f"{path}.{field.name}" if path else field.name)
    return found


def replaced(value, path, new):
    """The struct with one field replaced."""
    head, _, rest = path.partition(".")
    return dataclasses.replace(value, **{head: replaced(getattr(value, head), rest, new) if rest else new})


def another(value):
    """A value of the same type that is not this one."""
    if isinstance(value, Enum):
        return next(word for word in type(value) if word is not value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value[:-1] + b"#" if isinstance(value, bytes) else value + "#"


def test_the_on_chain_struct_is_the_one_that_is_encoded():
    (parameter,) = artifact("KernelRegistry").interface.functions["register"].inputs
    assert parameter.type == MANIFEST_TYPE
    (returned,) = artifact("KernelRegistry").interface.functions["manifestOf"].outputs
    assert returned.type == MANIFEST_TYPE


def test_an_empty_string_on_chain_stands_for_any():
    fields = manifest_fields(example_manifest())
    assert (fields.build.compiler_flags, fields.aggregation.sketch, fields.seeds.fixed_seed) == ("", "", bytes(32))
    assert fields.hardware.features == "avx2,fma"
    assert fields.runtime.options.startswith('{"deterministic":true,"execution_mode":')
    assert len(fields.model_cid) == 36
    assert fields.record == bytes(example_manifest().digest())


def test_an_engine_without_options_has_an_empty_object_on_chain():
    runtime = manifest_fields(example_manifest(**REPRODUCIBLE)).runtime
    assert (runtime.name, runtime.version, runtime.options) == ("reproducible", "aivm-arithmetic-1", "{}")


def test_every_field_is_in_the_id_and_its_difference_is_named():
    manifest = example_manifest()
    fields = manifest_fields(manifest)
    assert manifest_difference(manifest, fields) is None
    seen = {manifest_id(fields)}
    for path, value in leaves(fields):
        altered = replaced(fields, path, another(value))
        assert manifest_difference(manifest, altered) == path
        seen.add(manifest_id(altered))
    assert len(seen) == 1 + len(leaves(fields))


def test_the_first_difference_is_named():
    manifest = example_manifest()
    fields = manifest_fields(manifest)
    altered = replaced(replaced(fields, "author_fee", 5), "hardware.features", "neon")
    assert manifest_difference(manifest, altered) == "hardware.features"


def test_a_manifest_and_its_fields_have_one_id():
    manifest = example_manifest()
    assert manifest_id(manifest) == manifest_id(manifest_fields(manifest))


def test_the_same_manifest_of_another_publisher_is_another_kernel():
    one = manifest_id(example_manifest())
    assert kernel_id("0x" + "01" * 20, one) != kernel_id("0x" + "02" * 20, one)


def test_an_identifier_is_bound_to_everything_that_it_names():
    base = {"chain_id": 1, "coordinator": "0x" + "01" * 20, "requester": "0x" + "02" * 20, "nonce": 3}
    others = [{"chain_id": 2}, {"coordinator": "0x" + "09" * 20}, {"requester": "0x" + "09" * 20}, {"nonce": 4}]
    assert len({ids.randomness_id(**(base | other)) for other in [{}, *others]}) == 5
    base = {"chain_id": 1, "market": "0x" + "01" * 20, "randomness": b"r" * 32}
    others = [{"chain_id": 2}, {"market": "0x" + "09" * 20}, {"randomness": b"s" * 32}]
    assert len({ids.job_id(**(base | other)) for other in [{}, *others]}) == 4


def test_what_a_member_signs_is_bound_to_everything_that_it_names():
    base = {
        "chain_id": 1,
        "market": "0x" + "01" * 20,
        "job": b"j" * 32,
        "round_": 0,
        "seed": b"s" * 32,
        "commitment": b"c" * 32,
    }
    others = [
        {"chain_id": 2},
        {"market": "0x" + "09" * 20},
        {"job": b"k" * 32},
        {"round_": 1},
        {"seed": b"t" * 32},
        {"commitment": b"d" * 32},
    ]
    assert len({ids.commit_digest(**(base | other)) for other in [{}, *others]}) == 7
    assert len({ids.pledge_digest(**(base | other)) for other in [{}, *others]}) == 7
    assert ids.pledge_digest(**base) != ids.commit_digest(**base), "no contract takes a pledge for a commitment"
    lists = [(), (b"c" * 32,), (b"c" * 32, b"d" * 32), (b"d" * 32, b"c" * 32), (b"c" * 32, b"c" * 32, b"d" * 32)]
    named = {name: base[name] for name in base if name != "commitment"}
    signed = {ids.round_digest(**named, commitments=each) for each in lists}
    signed |= {ids.round_digest(**(named | other), commitments=lists[1]) for other in others[:-1]}
    assert len(signed) == len(lists) + len(others) - 1


@pytest.mark.parametrize(
    ("kind", "last", "kind_of_last", "what"),
    [
        ("Commit", "commitment", "bytes32", b"c" * 32),
        ("Pledge", "commitment", "bytes32", b"c" * 32),
        ("Round", "commitments", "bytes32[]", [b"c" * 32, b"d" * 32]),
    ],
)
def test_what_a_member_signs_is_typed_data_that_any_wallet_signs(kind: str, last: str, kind_of_last: str, what: Any):
    message = {
        "types": {
            kind: [
                {"name": "job", "type": "bytes32"},
                {"name": "round", "type": "uint8"},
                {"name": "seed", "type": "bytes32"},
                {"name": last, "type": kind_of_last},
            ],
        },
        "domain": {
            "name": "AIVM JobMarket",
            "version": "1",
            "chainId": 5,
            "verifyingContract": "0x" + "01" * 20,
        },
        "message": {"job": b"j" * 32, "round": 2, "seed": b"s" * 32, last: what},
    }
    signable = encode_typed_data(message["domain"], message["types"], message["message"])
    digest = {"Commit": ids.commit_digest, "Pledge": ids.pledge_digest, "Round": ids.round_digest}[kind]
    about = {"chain_id": 5, "market": "0x" + "01" * 20, "job": b"j" * 32, "round_": 2, "seed": b"s" * 32, last: what}
    assert keccak(b"\x19" + signable.version + signable.header + signable.body) == digest(**about)


def test_a_commitment_is_bound_to_everything_that_it_names():
    attestation = Attestation(digest=b"d" * 32, answer=b"a" * 32, sketch=b"s" * 32, environment=b"e" * 32)
    base = {
        "chain_id": 1,
        "market": "0x" + "01" * 20,
        "job": b"j" * 32,
        "round_": 0,
        "validator": "0x" + "02" * 20,
        "attestation": attestation,
        "salt": b"t" * 32,
    }
    others = [
        {"chain_id": 2},
        {"market": "0x" + "09" * 20},
        {"job": b"k" * 32},
        {"round_": 1},
        {"validator": "0x" + "09" * 20},
        {"salt": b"u" * 32},
    ]
    others += [
        {"attestation": dataclasses.replace(attestation, **{name: b"x" * 32})}
        for name in ("digest", "answer", "sketch", "environment")
    ]
    assert len({ids.commitment(**(base | other)) for other in [{}, *others]}) == 11


def test_domains_are_the_words_of_the_protocol():
    assert keccak(b"aivm/commitment/1") == ids.COMMITMENT_DOMAIN
    assert len({ids.COMMITMENT_DOMAIN, ids.VRF_DOMAIN, ids.VRF_POSSESSION_DOMAIN}) == 3


def test_an_environment_class_follows_from_what_can_change_bits():
    environment = Environment.capture()
    assert ids.environment_class(environment) == keccak(environment.class_record())
    busier = msgspec.structs.replace(environment, memory_bytes=environment.memory_bytes + 1)
    assert ids.environment_class(busier) == ids.environment_class(environment)
