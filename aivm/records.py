"""Records: small typed objects with one byte form, named by the SHA-256 of it (docs/protocol.md §2).

>>> data = encode(InputRecord(tensors="bafk…", size=120))
>>> decode(data, InputRecord) == InputRecord(tensors="bafk…", size=120)
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec

from aivm import canonical, typed
from aivm.cid import Cid, CidError
from aivm.digests import Digest
from aivm.errors import AivmError

#: So that a record is one block everywhere.
MAX_RECORD = 2**20


def whole(pattern: str) -> str:
    r"""The pattern of a whole text, for readers in Python and in ECMAScript.

    In Python `$` also matches before a final newline, and ECMAScript has no `\Z`.
    """
    return rf"^(?:{pattern})$(?!\n)"


HexDigest = Annotated[
    str, msgspec.Meta(pattern=whole("0x[0-9a-f]{64}"), description="0x and 64 lower-case hexadecimal digits")
]
ContentCid = Annotated[
    str, msgspec.Meta(pattern=whole("b[a-z2-7]{58}"), description="CIDv1 in base32 of a raw or dag-pb block, sha2-256")
]
Size = Annotated[int, msgspec.Meta(ge=0, lt=canonical.INTEGER_BOUND)]


class RecordError(AivmError):
    """Bytes or values that are not a record of the kind asked for.

    Attributes:
        path: the member at fault, such as `inputs[0].shape[1]`; empty for the record as a whole.
    """

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message, hint=hint)
        self.path = path


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of every record type. A subclass gives its `tag`, and overrides `check` for rules that types cannot say."""

    #: What the reader raises for this type of record.
    error: ClassVar[type[RecordError]] = RecordError

    #: The version of the record's format.
    format: Literal[1] = msgspec.field(default=1, name="version")

    def check(self) -> None:
        """Raises `error` if members contradict each other."""


class InputRecord(Record, frozen=True, kw_only=True, tag="aivm/input"):
    """The input of a job or of a conformance case: a canonical tensor file by its content CID."""

    tensors: ContentCid
    size: Size

    def check(self) -> None:
        check_cid(self.tensors, "tensors", self.error)


class OutputRecord(Record, frozen=True, kw_only=True, tag="aivm/output"):
    """The output of one execution. Nothing in it differs between honest validators."""

    tensors: ContentCid
    size: Size
    answer: HexDigest

    def check(self) -> None:
        check_cid(self.tensors, "tensors", self.error)


class CaseResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One conformance case: the output record digest that the manifest promises, and the one that came out."""

    name: str
    expected: HexDigest
    actual: HexDigest


class ValidationRecord(Record, frozen=True, kw_only=True, tag="aivm/validation"):
    """What a validator found when it ran all conformance cases of a kernel.

    `refused` names the error because of which nothing was run: a broken model, a record that differs from the chain.
    """

    manifest: HexDigest
    cases: tuple[CaseResult, ...]
    refused: str | None = None
    conforms: bool

    def check(self) -> None:
        if self.conforms != (self.refused is None and all(case.expected == case.actual for case in self.cases)):
            raise self.error(f"is {str(self.conforms).lower()}, but the cases say the opposite", path="conforms")


R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """The bytes of a record, after checking every rule of its type.

    Raises:
        RecordError: (or the type's own subclass) naming the member that breaks a rule.
    """
    value = msgspec.to_builtins(record)
    _convert(value, type(record))
    data = _canonical(value, type(record))
    if len(data) > MAX_RECORD:
        raise record.error(f"the record is {len(data)} bytes, and at most {MAX_RECORD} are allowed")
    return data


def decode(data: bytes, record_type: type[R]) -> R:
    """Reads the bytes of a record of a known type.

    Raises:
        RecordError: (or the type's own subclass) if the bytes are too many, are not canonical JSON, are another type
            or version of record, have a member too many or too few, or break a rule of the type.
    """
    if len(data) > MAX_RECORD:
        raise record_type.error(f"the record is {len(data)} bytes, and at most {MAX_RECORD} are allowed")
    try:
        value = canonical.decode(data)
    except canonical.CanonicalError as error:
        raise record_type.error(error.message, hint=error.hint) from error
    return _convert(value, record_type)


def digest(record: Record) -> Digest:
    """The SHA-256 of the record's bytes, which is also its name in content stores."""
    return Digest.of(encode(record))


def check_cid(text: str, path: str, error_type: type[RecordError] = RecordError) -> Cid:
    """The CID that a member writes in its one canonical form.

    Raises:
        RecordError: (or `error_type`) if it is no CIDv1 with sha2-256, or is written in another form.
    """
    try:
        cid = Cid.parse(text)
    except CidError as error:
        raise error_type(f"{text!r} is not a content CID: {error.message}", path=path) from error
    if str(cid) != text:
        raise error_type(f"{text!r} is not in canonical form, which is {cid}", path=path)
    return cid


def _canonical(value: Any, record_type: type[Record]) -> bytes:
    try:
        return canonical.encode(value)
    except canonical.CanonicalError as error:
        raise record_type.error(error.message, hint=error.hint) from error


def _convert(value: Any, record_type: type[R]) -> R:
    config = record_type.__struct_config__
    if not isinstance(value, dict):
        raise record_type.error(f"a record is a JSON object, this is {_kind(value)}")
    for member, want in (("type", config.tag), ("version", 1)):
        have = value.get(member)
        if have != want or isinstance(have, bool):
            raise record_type.error(f"want {want!r}, have {have!r}", path=member)
    try:
        record = typed.convert(value, record_type)
    except msgspec.ValidationError as error:
        raise _explain(error, value, record_type.error) from error
    record.check()
    return record


_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`(?P<path>\$[^`]*)`)?$", re.DOTALL)
_PATTERN = re.compile(r"^expected `str` matching regex '\^\(\?:(?P<inner>.*)\)\$\(\?!\\\\n\)'$", re.DOTALL)


def _explain(error: msgspec.ValidationError, value: Any, error_type: type[RecordError]) -> RecordError:
    """Puts the member first, and adds what was found there.

    Msgspec says "Expected `int`, got `str` - at `$.inputs[0].shape[1]`".
    """
    match = _AT.match(str(error))
    assert match is not None
    path = (match["path"] or "").removeprefix("$").removeprefix(".").removesuffix("[...]")
    what = match["what"].replace("Object ", "")
    what = what[:1].lower() + what[1:]
    pattern = _PATTERN.match(what)
    if pattern is not None:
        what = "want text of the form " + pattern["inner"].replace("\\\\", "\\")
    found = _at(value, path)
    return error_type(
        f"{what}, have {found!r:.100}" if found is not _ABSENT and repr(found) not in what else what, path=path
    )


_ABSENT = object()


def _at(value: Any, path: str) -> Any:
    """The scalar at a member path, or _ABSENT."""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return _ABSENT if isinstance(value, dict | list | tuple) else value


def _kind(value: Any) -> str:
    return {"list": "an array", "str": "a string", "NoneType": "null"}.get(type(value).__name__, f"{value!r}")
