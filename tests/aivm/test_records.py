"""Records: typed, canonical, strict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm import canonical, records
from aivm.cid import RAW, Cid
from aivm.digests import Digest
from aivm.records import MAX_RECORD, CaseResult, InputRecord, OutputRecord, RecordError, ValidationRecord

CID = str(Cid.of(RAW, b"tensors"))
HEX = Digest.of(b"x").hex()
OTHER = Digest.of(b"y").hex()
OUTPUT = {"type": "aivm/output", "version": 1, "tensors": CID, "size": 7, "answer": HEX}


def output(**changes):
    return canonical.encode(OUTPUT | changes)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"type": "aivm/input"}, "type"),
        ({"type": None}, "type"),
        ({"version": 2}, "version"),
        ({"version": True}, "version"),
        ({"version": "1"}, "version"),
        ({"size": -1}, "size"),
        ({"size": "7"}, "size"),
        ({"size": True}, "size"),
        ({"answer": HEX.upper()}, "answer"),
        ({"answer": HEX + "\n"}, "answer"),
        ({"answer": HEX[2:]}, "answer"),
        ({"answer": None}, "answer"),
        ({"tensors": CID + "\n"}, "tensors"),
        ({"tensors": "Qm" + CID[2:]}, "tensors"),
        ({"tensors": CID[:-1]}, "tensors"),
        ({"tensors": CID.upper()}, "tensors"),
        ({"tensors": CID[:-1] + "b"}, "tensors"),
    ],
)
def test_a_member_that_breaks_a_rule_is_named(changes, path):
    with pytest.raises(RecordError) as caught:
        records.decode(output(**changes), OutputRecord)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")


def test_an_unknown_member_is_refused():
    with pytest.raises(RecordError, match="unknown field `job`"):
        records.decode(output(job=HEX), OutputRecord)


@pytest.mark.parametrize("member", sorted(OUTPUT))
def test_a_missing_member_is_refused(member):
    data = canonical.encode({name: value for name, value in OUTPUT.items() if name != member})
    with pytest.raises(RecordError, match=member):
        records.decode(data, OutputRecord)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'"aivm/output"', b"7", b"{}", b"\xff", b'{"a":1,"a":1}'])
def test_bytes_that_are_no_record_are_refused(data):
    with pytest.raises(RecordError):
        records.decode(data, OutputRecord)


def test_bytes_in_another_order_are_refused():
    data = output()
    swapped = b"{" + data[1:-1].split(b",", 1)[1] + b"," + data[1:-1].split(b",", 1)[0] + b"}"
    with pytest.raises(RecordError, match="canonical form"):
        records.decode(swapped, OutputRecord)


def test_a_record_over_one_mebibyte_is_refused_before_it_is_parsed():
    with pytest.raises(RecordError, match="at most 1048576"):
        records.decode(b" " * (MAX_RECORD + 1), OutputRecord)


def test_a_record_over_one_mebibyte_is_not_written():
    case = CaseResult(name="n" * 1000, expected=HEX, actual=HEX)
    with pytest.raises(RecordError, match="at most 1048576"):
        records.encode(ValidationRecord(manifest=HEX, cases=(case,) * 1000, conforms=True))


def test_a_record_with_a_broken_value_is_not_written():
    with pytest.raises(RecordError, match="answer"):
        records.encode(OutputRecord(tensors=CID, size=7, answer="0x00"))


@pytest.mark.parametrize("equal", [True, False])
def test_a_validation_must_say_what_its_cases_say(equal):
    case = CaseResult(name="a", expected=HEX, actual=HEX if equal else OTHER)
    record = ValidationRecord(manifest=HEX, cases=(case,), conforms=not equal)
    with pytest.raises(RecordError, match="conforms"):
        records.encode(record)
    right = ValidationRecord(manifest=HEX, cases=(case,), conforms=equal)
    assert records.decode(records.encode(right), ValidationRecord) == right


def test_an_output_record_has_exactly_these_bytes():
    record = OutputRecord(tensors=CID, size=7, answer=HEX)
    want = f'{{"answer":"{HEX}","size":7,"tensors":"{CID}","type":"aivm/output","version":1}}'
    assert records.encode(record) == want.encode()
    assert records.digest(record) == Digest.of(want.encode())


@given(st.binary(), st.integers(min_value=0, max_value=2**53 - 1))
def test_what_is_written_reads_back(data, size):
    record = InputRecord(tensors=str(Cid.of(RAW, data)), size=size)
    assert records.decode(records.encode(record), InputRecord) == record
