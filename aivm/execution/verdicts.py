"""Whether a conformance case gave what the manifest promises: the same bits, or under `hamming` something near."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from aivm.digests import Digest
from aivm.fingerprint import distance
from aivm.manifest.parts import Hamming

if TYPE_CHECKING:
    from aivm.manifest import Manifest

NO_OUTPUT = Digest(bytes(32)).hex()


class Finding(Enum):
    """What one case shows."""

    CONFORMS = auto()
    UNDECIDED = auto()
    FAILS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one case shows.

    Attributes:
        finding: whether the promise is kept.
        actual: the digest that the validation record names, `0x` and 64 hex digits.
        distance: bits between the promised sketch and this one; None under the rule `exact`.
    """

    finding: Finding
    actual: str
    distance: int | None = None


def judge(manifest: Manifest, index: int, *, digest: str, answer: bytes, sketch: bytes) -> Verdict:
    """Compares a case's output with the promise.

    Under `hamming` honest outputs differ, and the record of a validation must not: validators vote on it bit for bit.
    So it names the promised digest where the promise is kept, and no output where not. An output beyond the tolerance
    may still be an honest one, and the promised output too, as long as some output could be near to both: up to twice
    the tolerance apart. Then this machine can neither confirm nor deny.

    Args:
        manifest: promises.
        index: of the case.
        digest: of the output record that came, `0x` and 64 hex digits.
        answer: its 32 bytes.
        sketch: of the output, 32 bytes.
    """
    rule, promised = manifest.aggregation, manifest.cases[index].output
    if not isinstance(rule, Hamming):
        finding = Finding.CONFORMS if digest == promised else Finding.FAILS
        return Verdict(finding=finding, actual=digest)
    promise = rule.promises[index]
    apart = distance(int(promise.sketch, 16), int.from_bytes(sketch))
    if apart <= rule.tolerance and Digest(answer).hex() == promise.answer:
        return Verdict(finding=Finding.CONFORMS, actual=promised, distance=apart)
    finding = Finding.UNDECIDED if apart <= 2 * rule.tolerance else Finding.FAILS
    return Verdict(finding=finding, actual=NO_OUTPUT, distance=apart)
