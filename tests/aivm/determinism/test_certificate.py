"""A certificate reads back, and contradicts itself only to be refused."""

from __future__ import annotations

import json

import msgspec
import pytest
from subjects import DIGITS, WORDS

from aivm import canonical, records
from aivm.determinism import Certificate, Journal, Wishes, named, plan, run
from aivm.determinism.certificate import CertifiedDivergence
from aivm.digests import Digest
from aivm.manifest import DeterminismClass
from aivm.records import RecordError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    planned = plan(DIGITS, Wishes(cache=cache, emulated=cache), named(["isa", "threads", "emulated"]))
    with Journal(cache / "journal.sqlite") as journal:
        return Certificate.of(DIGITS, run(DIGITS, planned, journal), (), planned.absences)


def test_a_certificate_reads_back(certificate):
    data = certificate.record()
    assert records.decode(data, Certificate) == certificate
    assert certificate.digest() == Digest.of(data)
    assert certificate.determinism is DeterminismClass.BITWISE
    assert certificate.manifest == DIGITS.manifest.digest().hex()
    assert certificate.engine == "reproducible aivm-arithmetic-1"
    assert certificate.environment_classes == 3
    assert {absence.value for absence in certificate.absences} == {"sandybridge", "neoverse-n1"}


def test_the_same_machine_gives_the_same_certificate(certificate, tmp_path):
    planned = plan(DIGITS, Wishes(cache=tmp_path, emulated=tmp_path), named(["isa", "threads", "emulated"]))
    with Journal(tmp_path / "journal.sqlite") as journal:
        again = Certificate.of(DIGITS, run(DIGITS, planned, journal), (), planned.absences)
    assert again.digest() == certificate.digest()


@pytest.mark.parametrize("claim", ["pinned", "none", "tolerant"])
def test_a_class_that_does_not_follow_from_the_cells_is_refused(certificate, claim):
    built = json.loads(certificate.record()) | {"determinism": claim}
    with pytest.raises(RecordError, match="the cells show bitwise"):
        records.decode(canonical.encode(built), Certificate)


@pytest.mark.parametrize(
    ("cells", "message"),
    [((1,), "1 cells for 7 cases"), ((2,) * 7, "no number 2"), ((0,) * 7, "the cells show none")],
)
def test_cells_that_are_none_are_refused(certificate, cells, message):
    first = msgspec.structs.replace(certificate.environments[0], cells=cells)
    forged = msgspec.structs.replace(certificate, environments=(first, *certificate.environments[1:]))
    with pytest.raises(RecordError, match=message):
        forged.record()


@pytest.mark.parametrize("name", ["\x1b[2J", "all is well\n", "\x9b2J", "\u202e"])
@pytest.mark.parametrize("member", ["environment", "case"])
def test_names_that_would_write_over_a_terminal_are_refused(certificate, member, name):
    named_ = {"environment": "isa=portable", "case": "zero", member: name}
    parted = CertifiedDivergence(
        **named_, cases=1, operator=None, operator_type=None, tensor=None, largest_ulps=None, note=""
    )
    forged = canonical.encode(json.loads(certificate.record()) | {"divergences": [msgspec.to_builtins(parted)]})
    with pytest.raises(RecordError, match="move the cursor"):
        records.decode(forged, Certificate)


def test_a_program_has_no_certificate(tmp_path):
    planned = plan(WORDS, Wishes(cache=tmp_path), ())
    with Journal(tmp_path / "journal.sqlite") as journal:
        matrix = run(WORDS, planned, journal)
    with pytest.raises(RecordError, match="program"):
        Certificate.of(WORDS, matrix)
