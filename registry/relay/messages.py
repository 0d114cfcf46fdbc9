"""What members hand in: JSON objects, with bytes in 0x-prefixed hex."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from aivm import typed
from registry.contracts.types import Attestation
from registry.errors import RegistryError

Word = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}\\Z")]
Account = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}\\Z")]
Signature = Annotated[str, Meta(pattern="^0x[0-9a-f]{128}\\Z")]
#: The longest message, in bytes.
LIMIT = 2_000


class RelayError(RegistryError):
    """What was handed in is not taken."""


class HandedProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The VRF proof (81 bytes) that gives a job its seed, for members who do their round before the job is open."""

    job: Word
    proof: Annotated[str, Meta(pattern="^0x[0-9a-f]{162}\\Z")]


class HandedPledge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The commitment that a member would have in the list, and its signature over `registry.ids.pledge_digest`.

    No contract takes that signature, so nobody can put the commitment on chain, and the member into a batch.
    """

    job: Word
    round: Annotated[int, Meta(ge=0, lt=256)]
    validator: Account
    commitment: Word
    signature: Signature


class HandedList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member's signature over `registry.ids.round_digest` of the list of what all members have pledged."""

    job: Word
    round: Annotated[int, Meta(ge=0, lt=256)]
    validator: Account
    signature: Signature


class HandedCommitment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member's commitment for a round, and its signature over `registry.ids.commit_digest`: r and vs of ERC-2098."""

    job: Word
    round: Annotated[int, Meta(ge=0, lt=256)]
    validator: Account
    commitment: Word
    signature: Signature


class HandedOpening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What opens a member's commitment for a round."""

    job: Word
    round: Annotated[int, Meta(ge=0, lt=256)]
    validator: Account
    digest: Word
    answer: Word
    sketch: Word
    environment: Word
    salt: Word

    @property
    def attestation(self) -> Attestation:
        """What was committed to."""
        return Attestation(
            digest=from_hex(self.digest),
            answer=from_hex(self.answer),
            sketch=from_hex(self.sketch),
            environment=from_hex(self.environment),
        )


#: What is about one member's seat in a round.
OfASeat = HandedPledge | HandedList | HandedCommitment | HandedOpening
Handed = HandedProof | OfASeat
Kind = type[HandedProof] | type[HandedPledge] | type[HandedList] | type[HandedCommitment] | type[HandedOpening]


def decode(data: bytes, kind: Kind) -> Handed:
    """Reads a message.

    Raises:
        RelayError: saying what is wrong with it.
    """
    if len(data) > LIMIT:
        raise RelayError(f"a message has at most {LIMIT} bytes, this one {len(data)}")
    try:
        return typed.decode_json(data, kind)
    except msgspec.DecodeError as error:
        raise RelayError(f"not a {kind.__name__}: {error}") from error


def encode(message: Handed) -> bytes:
    """Writes a message."""
    return msgspec.json.encode(message)


def to_hex(value: bytes) -> str:
    """0x-prefixed."""
    return "0x" + value.hex()


def from_hex(text: str) -> bytes:
    """From 0x-prefixed."""
    return bytes.fromhex(text[2:])
