"""Axes offer values or say why not; settings add up or contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from subjects import DIGITS, ON_ORT, WORDS

from aivm.determinism import AXES, Absence, Choice, Wishes, named, plan
from aivm.determinism.axes import AxisNameError
from aivm.determinism.masking.process import MaskError, mask
from aivm.determinism.setting import REFERENCE, Launcher, Setting, SettingError
from aivm.determinism.subject import SubjectError


@pytest.mark.parametrize("axis", [axis for axis in AXES if axis.name != "cpu"], ids=lambda axis: axis.name)
@pytest.mark.parametrize("subject", [DIGITS, ON_ORT, WORDS], ids=["reproducible", "onnxruntime", "program"])
def test_every_axis_offers_a_value_or_says_why_not(axis, subject, tmp_path):
    found = list(axis.explore(subject, Wishes(cache=tmp_path)))
    assert found
    for item in found:
        assert item.axis == axis.name
        assert item.reason if isinstance(item, Absence) else item.setting != REFERENCE


def test_values_of_an_axis_are_different_settings(tmp_path):
    planned = plan(DIGITS, Wishes(cache=tmp_path, confined=True))
    names = [each.name for each in planned.environments]
    assert names[0] == "reference"
    assert len(set(names)) == len(names) > 12
    assert all(each.setting.launcher.confined for each in planned.environments)
    assert {absence.axis for absence in planned.absences} >= {"cpu", "emulated"}


def test_an_emulator_that_is_not_set_up_is_an_absence_with_its_remedy(tmp_path):
    (axis,) = named(["emulated"])
    found = list(axis.explore(DIGITS, Wishes(cache=tmp_path, emulated=tmp_path)))
    assert [item.value for item in found] == ["sandybridge", "neoverse-n1"]
    assert all(isinstance(item, Absence) and "emulated.sh setup" in item.remedy for item in found)


def test_without_a_compiler_there_is_no_mask(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", str(tmp_path / "nothing"))
    with pytest.raises(MaskError, match="cannot be compiled"):
        mask(tmp_path)


def test_a_mask_is_compiled_once(tmp_path):
    first = mask(tmp_path)
    made = first.stat().st_mtime_ns
    assert mask(tmp_path) == first
    assert first.stat().st_mtime_ns == made


def test_crossed_axes_are_combined(tmp_path):
    planned = plan(DIGITS, Wishes(cache=tmp_path), named(["threads", "alignment"]), crossed=("threads", "alignment"))
    names = {each.name for each in planned.environments}
    assert {"threads=2", "alignment=4", "threads=2 alignment=60", "threads=4 alignment=4"} <= names
    (both,) = [each for each in planned.environments if each.name == "threads=2 alignment=4"]
    assert (both.setting.threads, both.setting.offset) == (2, 4)


def test_an_axis_that_is_not_run_cannot_be_crossed(tmp_path):
    with pytest.raises(AxisNameError, match="batch"):
        plan(DIGITS, Wishes(cache=tmp_path), named(["threads"]), crossed=("threads", "batch"))


def test_an_unknown_axis_is_named_with_those_that_there_are():
    with pytest.raises(AxisNameError, match="moon") as caught:
        named(["moon"])
    assert "threads" in caught.value.hint


def test_settings_add_up():
    both = Setting(threads=2, variables={"A": "1"}).over(Setting(offset=4, variables={"B": "2"}))
    assert both == Setting(threads=2, offset=4, variables={"A": "1", "B": "2"})
    assert REFERENCE.over(both) == both.over(REFERENCE) == both


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"threads": 2}, {"threads": 4}),
        ({"variables": {"A": "1"}}, {"variables": {"A": "2"}}),
        ({"launcher": Launcher(confined=False)}, {"launcher": Launcher(slowness=3)}),
    ],
)
def test_settings_that_contradict_each_other_are_refused(one, other):
    with pytest.raises(SettingError):
        Setting(**one).over(Setting(**other))


def test_a_choice_is_named_by_axis_and_value():
    assert Choice(axis="isa", value="avx2", setting=REFERENCE).name == "isa=avx2"


def test_a_program_has_no_runtime_to_change():
    with pytest.raises(SubjectError):
        WORDS.variant(Setting(runtime={"version": "1"}))


def test_a_batch_begins_with_the_case_and_goes_on_with_the_others():
    batch = DIGITS.batched("eight", 9)["image"]
    assert batch.shape == (9, 1, 8, 8)
    assert np.array_equal(batch[:1], DIGITS.cases["eight"]["image"])
    assert any(np.array_equal(batch[1:2], DIGITS.cases[name]["image"]) for name in DIGITS.cases if name != "eight")
