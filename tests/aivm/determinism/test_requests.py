"""Several cases in one request: the same cells as one by one, whatever fails on the way, and nothing run twice."""

from __future__ import annotations

import os

import numpy as np
import pytest
from subjects import DIGITS, program

from aivm import tensors
from aivm.determinism import Journal
from aivm.determinism.feeds import Feeds, read_feed
from aivm.determinism.place import Place
from aivm.determinism.plan import Planned
from aivm.determinism.running import StoppedError, run_environment
from aivm.determinism.setting import REFERENCE, Setting

HERE = Planned(name="reference", values={}, setting=REFERENCE)
#: Programs refuse what adds up to more than five.
CASES = {name: {"x": np.float32([number])} for name, number in zip("abcdefg", (1, 2, 9, 3, 8, 4, 0), strict=True)}
REFUSED = {"c", "e"}


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


@pytest.fixture
def started(monkeypatch):
    """How many workers were started."""
    places = []
    original = Place.__init__

    def begin(place, *args, **named):
        places.append(place)
        original(place, *args, **named)

    monkeypatch.setattr(Place, "__init__", begin)
    return places


def test_every_case_is_read_as_it_was_written_and_nobody_can_change_it():
    with Feeds(DIGITS) as feeds:
        for case, inputs in DIGITS.cases.items():
            span = feeds.spans[case]
            assert read_feed(feeds.descriptor, span.offset, span.size) == tensors.encode(inputs)
        for change in (lambda: os.pwrite(feeds.descriptor, b"x", 0), lambda: os.ftruncate(feeds.descriptor, 0)):
            with pytest.raises(PermissionError):
                change()


def test_a_request_holds_at_least_one_case_and_no_more_than_there_is_room_for():
    subject = program("doubled", CASES)
    with Feeds(subject) as feeds:
        size = feeds.spans["a"].size
        assert len(feeds.some(list(CASES), 1)) == 1
        assert len(feeds.some(list(CASES), 3 * size)) == 3
        assert feeds.some(["b"], 0) == [[feeds.spans["b"].offset, feeds.spans["b"].size]]


@pytest.mark.parametrize("setting", [REFERENCE, Setting(offset=4), Setting(batch=5)])
def test_cells_are_those_of_single_runs(setting, journal, tmp_path):
    planned = Planned(name="a", values={}, setting=setting)
    with Feeds(DIGITS) as feeds:
        many = run_environment(DIGITS, planned, journal, {}, feeds=feeds)
    with Journal(tmp_path / "other.sqlite") as other:
        single = run_environment(DIGITS, planned, other, {})
    assert [cell.digest for cell in many.cells.values()] == [cell.digest for cell in single.cells.values()]
    assert {cell.digest for cell in many.cells.values()} == set(DIGITS.expected.values())
    assert many.digest == single.digest


@pytest.mark.parametrize(
    ("name", "error", "workers"), [("broken", "ModelFailedError", 1), ("dies", "WorkerCrashedError", 4)]
)
def test_cases_that_fail_are_named_and_the_others_have_their_outputs(name, error, workers, journal, started):
    subject = program(name, CASES)
    with Feeds(subject) as feeds:
        tried = run_environment(subject, HERE, journal, {}, feeds=feeds)
    assert list(tried.cells) == list(CASES)
    assert {case for case, cell in tried.cells.items() if cell.digest is None} == REFUSED
    assert all(tried.cells[case].error.startswith(error) for case in REFUSED)
    # One that dies with its request, then one for each that dies alone, and the last.
    assert len(started) == workers


def test_outputs_that_fill_a_reply_are_all_kept(journal):
    subject = program("wide", CASES)
    with Feeds(subject) as feeds:
        tried = run_environment(subject, HERE, journal, {}, feeds=feeds)
    for case, cell in tried.cells.items():
        file = journal.output(cell.digest)
        assert tensors.decode(file, limit=len(file))["y"][-1] == CASES[case]["x"].sum()


def test_a_suite_that_is_stopped_repeats_no_request_that_was_answered(journal, monkeypatch):
    subject = program("wide", CASES)  # two cases fill a reply
    asked = []
    original = Place.run_some

    def run_some(place, cases, known=()):
        found = original(place, cases, known)
        asked.append(list(cases)[: len(found)])
        return found

    monkeypatch.setattr(Place, "run_some", run_some)
    with Feeds(subject) as feeds:
        with pytest.raises(StoppedError):
            run_environment(subject, HERE, journal, {}, feeds=feeds, stopped=lambda: len(asked) == 2)
        run_environment(subject, HERE, journal, {}, feeds=feeds)
    assert asked[:3] == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert len(asked) == 3  # the last case is asked for alone


class Full:
    """A keeper without room for outputs."""

    def __init__(self):
        self.cells = []

    def known(self, subject, place):
        del subject, place
        return {}

    def add(self, subject, place, cells):
        del subject, place
        self.cells += cells

    def add_environment(self, environment):
        del environment

    def add_outputs(self, outputs):
        raise OSError(28, f"no space for {len(outputs)} outputs")


def test_what_cannot_be_written_ends_the_run_and_no_worker_is_left(started):
    subject, keeper = program("wide", CASES), Full()
    with Feeds(subject) as feeds, pytest.raises(OSError, match="no space"):
        run_environment(subject, HERE, keeper, {}, feeds=feeds)
    assert keeper.cells == []
    assert not any(place.alive for place in started)
