"""The page of a suite's result: everything is in it, nothing runs in it, and nothing is loaded by it."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm import tensors
from aivm.determinism import Absence, Cell, FirstDivergence, Matrix, Tried, of_program
from aivm.determinism.divergence import Distance
from aivm.determinism.page import render
from aivm.determinism.page.histogram import NOT_A_NUMBER, OTHER_SHAPE, histogram, label
from aivm.determinism.plan import Planned
from aivm.determinism.setting import REFERENCE
from aivm.digests import Digest
from aivm.environment import Environment

ENVIRONMENT = Environment.capture()
OUTPUTS = {
    Digest.of(name.encode()): tensors.encode({"y": np.float32(values)})
    for name, values in {"a": [1, 2, 3, 4], "b": [1, 2, np.nextafter(np.float32(3), np.float32(4)), 5]}.items()
}
A, B = OUTPUTS
HOSTILE = "<script>alert('x')</script>&\"'"


class Reader(HTMLParser):
    """Tags in balance, attributes, and the text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(text):
    found = Reader(text)
    assert found.open == []
    return found


def tried(name, digests, *, environment=ENVIRONMENT, error="", differences=()):
    cells = {case: Cell(case=case, digest=digest, error="" if digest else error) for case, digest in digests.items()}
    planned = Planned(name=name, values={"axis": name}, setting=REFERENCE)
    return Tried(
        planned=planned,
        environment=environment,
        cells=cells,
        differences=differences,
        error="" if environment else error,
    )


def result(case="one", name="cpu=avx2", error="it died", operator="sum2"):
    cases = (case, "two")
    matrix = Matrix(
        cases=cases,
        environments=(
            tried("reference", {case: A, "two": A}),
            tried(name, {case: B, "two": A}, differences=("hardware: no",)),
            tried(f"{name} too", {case: B, "two": A}),
            tried("failing", {case: A, "two": None}, error=error),
            tried("dead", {}, environment=None, error=error),
        ),
    )
    divergences = tuple(
        FirstDivergence(
            environment=each,
            axis=each,
            case=case,
            cases=1,
            operator=operator,
            operator_type="Conv",
            tensor=f"{operator} out",
            distance=Distance(elements=4, differing=2, median=1, largest=1_234_567),
            note="watched",
        )
        for each in (name, f"{name} too")
    )
    subject = of_program(f"{name}:f", {case: {"x": np.zeros(1)}, "two": {"x": np.zeros(1)}})
    return render(subject, matrix, divergences, [Absence(axis="gpu", reason=error)], OUTPUTS.get)


def test_the_page_shows_the_matrix_the_operators_the_distances_and_what_was_not_tried():
    found = read(result())
    text = " ".join(found.text)
    for wanted in (
        "cpu=avx2",
        "Conv",
        "sum2",
        "sum2 out",
        "at most 1,234,567 ulp",
        "ruled out",
        "it died",
        "gpu: it died",
    ):
        assert wanted in text
    assert "Determinism class: none" in " ".join(text.split())
    letters = [data for data in found.text if data in ("A", "B", "-")]
    assert "".join(letters) == "AABABAA--"
    titles = [value for name, value in found.attributes if name == "title"]
    assert titles.count(A.hex()) == 5
    assert titles.count(B.hex()) == 2
    assert titles.count("it died") == 1


def test_environments_with_the_same_outputs_share_a_panel():
    found = read(result())
    assert [data for data in found.text if data == "cpu=avx2, cpu=avx2 too"] == ["cpu=avx2, cpu=avx2 too"]
    assert found.tags.count("section") == 2


@pytest.mark.parametrize("place", ["case", "name", "error", "operator"])
def test_what_came_from_elsewhere_is_text_and_nothing_else(place):
    page, found = result(**{place: HOSTILE}), read(result(**{place: HOSTILE}))
    assert "script" not in found.tags
    assert HOSTILE in " ".join(found.text)
    assert HOSTILE not in page
    assert found.tags == read(result(**{place: "plain"})).tags


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_no_text_changes_the_page_s_structure(case, error):
    if case == "two":
        return
    assert read(result(case=case, error=error)).tags == read(result()).tags


def test_the_page_runs_nothing_and_loads_nothing():
    found = read(result())
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & set(found.tags)
    names = {name for name, _ in found.attributes}
    assert not {"src", "href", "style"} & names
    assert not any(name.startswith("on") for name in names)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert "url(" not in result()
    assert "@import" not in result()


def test_the_same_result_gives_the_same_page():
    assert result() == result()


def test_many_cases_have_no_column_each_but_those_that_differ_do():
    cases = tuple(f"case{number}" for number in range(200))
    same = dict.fromkeys(cases, A)
    matrix = Matrix(
        cases=cases, environments=(tried("reference", same), tried("other", same | {"case150": B, "case7": B}))
    )
    page = render(of_program("m:f", {}), matrix, (), (), OUTPUTS.get)
    assert "152 more cases have no column" in page
    assert "case150" in page
    assert "case7<" in page


# ---- histograms


def pair(a, b):
    return tensors.encode({"y": np.asarray(a)}), tensors.encode({"y": np.asarray(b)})


def test_distances_are_counted_by_powers_of_two():
    a = np.zeros(8, np.float32)
    b = np.array([0, 1, 2, 3, 4, 7, 8, 1 << 22], np.uint32).view(np.float32)
    assert histogram([pair(a, b)]) == {0: 1, 1: 1, 2: 2, 3: 2, 4: 1, 23: 1}
    assert sum(histogram([pair(a, b)] * 3).values()) == 24


def test_nan_on_one_side_and_zeros_of_two_signs_are_counted_too():
    a, b = np.float32([np.nan, np.nan, 0.0]), np.float32([np.nan, 1, -0.0])
    assert histogram([pair(a, b)]) == {NOT_A_NUMBER: 1, 0: 1, 1: 1}


def test_tensors_of_other_names_dtypes_or_shapes_are_counted_as_such():
    one = tensors.encode({"y": np.float32([1, 2])})
    other = tensors.encode({"y": np.float32([1]), "z": np.int64([1, 2, 3])})
    assert histogram([(one, other)]) == {OTHER_SHAPE: 5}


@given(st.integers(1, 64))
def test_a_bin_s_label_says_where_it_begins(number):
    text = label(number)
    begin = 2 ** (number - 1)
    assert text.startswith((f"{begin:,}", f"2^{number - 1}"))
    assert label(0) == "same bits"
