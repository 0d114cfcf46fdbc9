"""A board takes what a member signed or can open, and nothing else, whoever hands it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from aivm import vrf
from registry.contracts.types import Attestation, JobStatus
from registry.relay import Board, HandedCommitment, HandedList, HandedOpening, HandedPledge, HandedProof, RelayError
from registry.relay.messages import LIMIT, decode, encode, to_hex
from registry.relay.signatures import HALF_ORDER, sign, signer_of

if TYPE_CHECKING:
    from conftest import Committee

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
STRANGER = Account.from_key(b"\x77" * 32)


def test_every_member_s_commitment_is_kept_once(committee: Committee):
    for member in [*committee.members, *committee.members]:
        committee.board.take(committee.handed(member))
    kept = committee.board.commitments(b"\x0b" * 32)
    assert set(kept) == {member.address for member in committee.members}


def test_an_address_counts_in_any_case_of_its_letters(committee: Committee):
    member = committee.members[0]
    message = committee.handed(member)
    committee.board.take(msgspec.structs.replace(message, validator=message.validator.lower()))
    assert list(committee.board.commitments(b"\x0b" * 32)) == [member.address]


@pytest.mark.parametrize(
    "about",
    [
        {"signed_by": STRANGER},
        {"chain_id": 1},
        {"market": "0x" + "bb" * 20},
        {"job": b"\x0c" * 32},
        {"seed": b"\x06" * 32},
    ],
    ids=lambda about: next(iter(about)),
)
def test_a_signature_about_something_else_or_of_somebody_else_is_refused_by_name(committee: Committee, about: Any):
    member = committee.members[0]
    with pytest.raises(RelayError, match=f"not signed by {member.address}"):
        committee.board.take(committee.handed(member, **about))
    assert committee.board.commitments(b"\x0b" * 32) == {}


def test_a_signature_for_another_commitment_is_refused(committee: Committee):
    first, second = committee.members[:2]
    message = committee.handed(first, commitment=b"\x66" * 32)
    swapped = msgspec.structs.replace(message, commitment=committee.handed(first).commitment)
    with pytest.raises(RelayError, match="not signed by"):
        committee.board.take(swapped)
    with pytest.raises(RelayError, match="not signed by"):
        committee.board.take(msgspec.structs.replace(message, validator=second.address))


def test_whoever_has_no_seat_is_refused_however_well_it_signs(committee: Committee):
    with pytest.raises(RelayError, match="has no seat in round 0"):
        committee.board.take(committee.handed(STRANGER))


def test_a_job_that_is_not_followed_or_no_longer_keeps_nothing(committee: Committee):
    message = committee.handed(committee.members[0])
    elsewhere = Board(chain_id=31337, market="0x" + "aa" * 20)
    with pytest.raises(RelayError, match="not followed here"):
        elsewhere.take(message)
    committee.board.take(message)
    committee.board.forget(b"\x0b" * 32)
    assert committee.board.commitments(b"\x0b" * 32) == {}
    with pytest.raises(RelayError, match="not followed here"):
        committee.board.take(message)


def test_what_was_handed_in_for_another_round_is_refused_when_it_is_replayed(committee: Committee):
    old = committee.handed(committee.members[0])
    committee.board.take(old)
    committee.board.follow(committee.job(round=1))
    assert committee.board.commitments(b"\x0b" * 32) == {}, "a new round starts anew"
    with pytest.raises(RelayError, match="round 1 here"):
        committee.board.take(old)
    with pytest.raises(RelayError, match="not signed by"):
        committee.board.take(msgspec.structs.replace(old, round=1))


def test_what_was_signed_before_a_reorganisation_gave_another_seed_is_dropped(committee: Committee):
    committee.board.take(committee.handed(committee.members[0]))
    committee.board.follow(committee.job())
    assert committee.board.commitments(b"\x0b" * 32), "the same round again"
    committee.board.follow(committee.job(seed=b"\x06" * 32))
    assert committee.board.commitments(b"\x0b" * 32) == {}


def test_a_commitment_comes_too_late_once_the_reveals_have_begun_and_an_opening_too_early_before(committee: Committee):
    member = committee.members[0]
    with pytest.raises(RelayError, match="is committing"):
        committee.board.take(committee.opening(member))
    committee.board.follow(committee.job(JobStatus.REVEALING))
    with pytest.raises(RelayError, match="is revealing"):
        committee.board.take(committee.handed(member))


def test_an_opening_is_kept_if_it_opens_what_the_chain_has(committee: Committee):
    committee.board.follow(committee.job(JobStatus.REVEALING))
    first, second = committee.members[:2]
    committee.board.take(committee.opening(first))
    for changes in ({"digest": b"\x09" * 32}, {"answer": b"\x09" * 32}, {"sketch": b"\x09" * 32}, {"salt": bytes(32)}):
        with pytest.raises(RelayError, match=f"does not open the commitment of {second.address}"):
            committee.board.take(committee.opening(second, **changes))
    stolen = msgspec.structs.replace(committee.opening(first), validator=second.address)
    with pytest.raises(RelayError, match="does not open"):
        committee.board.take(msgspec.structs.replace(stolen, salt="0x" + "00" * 32))
    assert set(committee.board.openings(b"\x0b" * 32)) == {first.address}


# --- the list of all commitments


JOB = b"\x0b" * 32


def test_the_first_pledge_of_a_member_stands_and_one_by_another_s_hand_never_does(committee: Committee):
    first, second = committee.members[:2]
    committee.board.take(committee.pledge(first))
    committee.board.take(committee.pledge(first))
    with pytest.raises(RelayError, match=f"{first.address} has pledged another commitment here before"):
        committee.board.take(committee.pledge(first, commitment=b"\x66" * 32))
    with pytest.raises(RelayError, match=f"the pledge is not signed by {second.address}"):
        committee.board.take(committee.pledge(second, signed_by=first))
    with pytest.raises(RelayError, match="has no seat in round 0"):
        committee.board.take(committee.pledge(STRANGER))
    assert committee.board.pledges(JOB) == {first.address: committee.pledge(first)}


def test_zero_is_no_commitment_since_it_would_bind_nobody(committee: Committee):
    """A list with an empty place leaves its member free to commit alone, once it has seen what the others opened."""
    member = committee.members[0]
    for message in (committee.pledge(member, commitment=bytes(32)), committee.handed(member, commitment=bytes(32))):
        with pytest.raises(RelayError, match=f"{member.address} commits to nothing"):
            committee.board.take(message)
    assert committee.board.pledges(JOB) == committee.board.commitments(JOB) == {}


def test_what_is_signed_for_one_kind_of_message_is_no_other(committee: Committee):
    """Above all: nobody can make a batch of what members have pledged."""
    member = committee.members[0]
    pledge, handed = committee.pledge(member), committee.handed(member)
    with pytest.raises(RelayError, match="the commitment is not signed by"):
        committee.board.take(msgspec.structs.replace(handed, signature=pledge.signature))
    with pytest.raises(RelayError, match="the pledge is not signed by"):
        committee.board.take(msgspec.structs.replace(pledge, signature=handed.signature))


def test_signatures_of_a_list_are_taken_once_this_validator_has_signed_the_same(committee: Committee):
    first = committee.members[0]
    with pytest.raises(RelayError, match="has not signed a list yet"):
        committee.board.take(committee.signed_list(first))
    committee.board.sign_list(JOB, committee.list())
    for member in committee.members:
        committee.board.take(committee.signed_list(member))
    assert set(committee.board.lists(JOB)) == {member.address for member in committee.members}


@pytest.mark.parametrize(
    "about",
    [
        {"signed_by": STRANGER},
        {"chain_id": 1},
        {"market": "0x" + "bb" * 20},
        {"job": b"\x0c" * 32},
        {"seed": b"\x06" * 32},
        {"round_": 1},
        {"commitments": ()},
        {"commitments": (bytes(32),) * 5},
    ],
    ids=lambda about: next(iter(about)),
)
def test_a_signature_of_another_list_or_by_somebody_else_is_refused_by_name(committee: Committee, about: Any):
    committee.board.sign_list(JOB, committee.list())
    member = committee.members[0]
    message = msgspec.structs.replace(committee.signed_list(member, **about), round=0)
    with pytest.raises(RelayError, match=f"the list that this validator has signed is not signed by {member.address}"):
        committee.board.take(message)
    assert committee.board.lists(JOB) == {}


def test_a_list_in_another_order_or_one_short_or_one_long_is_another_list(committee: Committee):
    member, listed = committee.members[0], committee.list()
    committee.board.sign_list(JOB, listed)
    for other in (listed[::-1], listed[:-1], (*listed, listed[0]), (*listed, bytes(32))):
        with pytest.raises(RelayError, match="is not signed by"):
            committee.board.take(committee.signed_list(member, commitments=other))


def test_a_new_round_or_another_seed_starts_without_pledges_and_lists(committee: Committee):
    member = committee.members[0]
    for change in ({"round": 1}, {"seed": b"\x06" * 32}):
        committee.board.follow(committee.job())
        committee.board.take(committee.pledge(member))
        committee.board.sign_list(JOB, committee.list())
        committee.board.take(committee.signed_list(member))
        committee.board.follow(committee.job(**change))
        assert committee.board.pledges(JOB) == committee.board.lists(JOB) == {}
        with pytest.raises(RelayError):
            committee.board.take(committee.signed_list(member))


def test_an_opening_is_taken_for_the_list_while_the_chain_has_nothing_and_then_for_what_it_has(committee: Committee):
    first, second, third = committee.members[:3]
    with pytest.raises(RelayError, match="has signed no list"):
        committee.board.take(committee.opening(first))
    other = committee.commitment(third, said=Attestation(**{**vars_of(committee, third), "answer": b"\x09" * 32}))
    listed = tuple(other if member is third else committee.commitment(member) for member in committee.members)
    committee.board.sign_list(JOB, listed)
    committee.board.take(committee.opening(first))
    with pytest.raises(RelayError, match=f"does not open the commitment of {second.address}"):
        committee.board.take(committee.opening(second, salt=bytes(32)))
    committee.board.take(committee.opening(third, answer=b"\x09" * 32))
    assert set(committee.board.openings(JOB)) == {first.address, third.address}
    # The chain has another commitment of the third member than the list: what it opened there opens nothing here.
    committee.board.follow(committee.job(JobStatus.REVEALING))
    assert set(committee.board.openings(JOB)) == {first.address}


def vars_of(committee: Committee, member: Any) -> dict[str, bytes]:
    """What a member attests, by name."""
    said = committee.opening(member).attestation
    return {name: getattr(said, name) for name in ("digest", "answer", "sketch", "environment")}


@pytest.mark.parametrize("word", ["answer", "sketch"])
def test_a_refusal_that_says_more_is_refused_since_no_settlement_could_show_it(committee: Committee, word: str):
    member = committee.members[0]
    words = {**vars_of(committee, member), "digest": bytes(32), "answer": bytes(32), "sketch": bytes(32)}
    for wrong in (False, True):
        said = {**words, word: b"\x09" * 32} if wrong else words
        own = committee.commitment(member, said=Attestation(**said))
        committee.board.sign_list(JOB, (own, *committee.list()[1:]))
        if wrong:
            with pytest.raises(RelayError, match="refuses, and answers all the same"):
                committee.board.take(committee.opening(member, **said))
        else:
            committee.board.take(committee.opening(member, **said))


# --- the proof of a job's randomness


KEY, ALPHA = b"\x21" * 32, b"\x07" * 32


def proof_of(key: bytes = KEY, alpha: bytes = ALPHA, job: bytes = JOB) -> HandedProof:
    return HandedProof(job=to_hex(job), proof=to_hex(vrf.prove(key, alpha)))


def test_a_proof_is_taken_once_it_is_known_what_has_to_be_proven_and_by_whom(committee: Committee):
    board = committee.board
    with pytest.raises(RelayError, match="no proof is expected"):
        board.take(proof_of())
    board.expect(JOB, vrf.public_key(KEY), ALPHA)
    for wrong in (
        proof_of(key=b"\x22" * 32),
        proof_of(alpha=bytes(32)),
        HandedProof(job=to_hex(JOB), proof="0x" + "00" * 81),
    ):
        with pytest.raises(RelayError, match="does not prove the randomness of job"):
            board.take(wrong)
    assert board.proof(JOB) is None
    board.take(proof_of())
    board.take(HandedProof(job=to_hex(JOB), proof="0x" + "00" * 81))  # nobody replaces it
    assert board.proof(JOB) == vrf.prove(KEY, ALPHA)
    with pytest.raises(RelayError, match="no proof is expected"):
        board.take(proof_of(job=b"\x0c" * 32))


def test_a_proof_of_what_had_to_be_proven_before_is_forgotten(committee: Committee):
    board = committee.board
    board.expect(JOB, vrf.public_key(KEY), ALPHA)
    board.take(proof_of())
    board.expect(JOB, vrf.public_key(KEY), ALPHA)
    assert board.proof(JOB) is not None
    board.expect(JOB, vrf.public_key(KEY), bytes(32))  # another block, after a reorganisation
    assert board.proof(JOB) is None
    board.expect(JOB, vrf.public_key(b"\x22" * 32), ALPHA)  # another operator
    with pytest.raises(RelayError, match="does not prove"):
        board.take(proof_of())
    board.forget(JOB)
    with pytest.raises(RelayError, match="no proof is expected"):
        board.take(proof_of(key=b"\x22" * 32))


# --- signatures, as the contract has them


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32).filter(any))
def test_a_signature_gives_its_signer_and_nobody_for_another_digest(digest: bytes, key: bytes):
    try:
        account = Account.from_key(key)
    except ValueError:
        return  # not below the order of the curve
    signature = sign(account, digest)
    assert signer_of(digest, signature) == account.address
    assert signer_of(bytes([digest[0] ^ 1]) + digest[1:], signature) != account.address


@given(st.binary(max_size=80))
def test_no_bytes_whatever_are_more_than_nobody_s_signature(signature: bytes):
    assert signer_of(b"\x02" * 32, signature) != Account.from_key(b"\x01" * 32).address


@pytest.mark.parametrize("r", [0, ORDER, 2**256 - 1])
@pytest.mark.parametrize("s", [0, 1, HALF_ORDER, HALF_ORDER + 1, 2**255 - 1])
def test_numbers_beyond_the_curve_are_nobody_s_signature(r: int, s: int):
    assert signer_of(b"\x02" * 32, r.to_bytes(32) + s.to_bytes(32)) is None


# --- messages


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"job":1}',
        b"[" * LIMIT,
        b'{"job":"0x' + b"0" * LIMIT + b'"}',
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(text: bytes):
    for kind in (HandedProof, HandedPledge, HandedList, HandedCommitment, HandedOpening):
        with pytest.raises(RelayError):
            decode(text, kind)


@pytest.mark.parametrize(
    "change",
    [
        {"round": -1},
        {"round": 256},
        {"round": 1.5},
        {"round": "0"},
        {"round": 2**70},
        {"job": "0x" + "0B" * 32},
        {"job": "0x" + "0b" * 31},
        {"job": "0b" * 33},
        {"validator": "0x"},
        {"commitment": None},
        {"signature": "0x" + "00" * 65},
        {"signature": "0x" + "00" * 63 + "0g"},
        {"extra": 1},
        {"job": "0x" + "0b" * 32 + "\n"},
    ],
    ids=str,
)
def test_a_message_with_one_wrong_member_is_refused(committee: Committee, change: Any):
    fields = msgspec.to_builtins(committee.handed(committee.members[0]))
    with pytest.raises(RelayError, match="HandedCommitment"):
        decode(msgspec.json.encode(fields | change), HandedCommitment)


def test_messages_read_back_as_they_were(committee: Committee):
    member = committee.members[0]
    for message in (
        proof_of(),
        committee.pledge(member),
        committee.signed_list(member),
        committee.handed(member),
        committee.opening(member),
    ):
        assert decode(encode(message), type(message)) == message
        assert len(encode(message)) < LIMIT


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_text_whatever_does_more_than_to_be_refused(text: bytes):
    with pytest.raises(RelayError):
        decode(text, HandedOpening)
