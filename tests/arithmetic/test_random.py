"""The random generator: its known answers, and the document's definition in plain Python."""

from __future__ import annotations

import json

import numpy as np
import random_vectors
from hypothesis import given
from hypothesis import strategies as st
from reference import randoms

from aivm import seeds

KEPT = json.loads(random_vectors.PATH.read_text())


def test_the_file_is_what_the_generator_gives():
    assert random_vectors.PATH.read_text() == random_vectors.render()


def test_blocks_are_those_of_the_authors_and_of_the_definition():
    answers = [item["words"] for item in KEPT["blocks"]]
    assert answers[:3] == [
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ]
    for item in KEPT["blocks"]:
        counter, key = (random_vectors.from_words(item[name]).tolist() for name in ("counter", "key"))
        assert randoms.philox(counter, key) == random_vectors.from_words(item["words"]).tolist()


def test_elements_are_those_of_the_definition():
    for item in KEPT["elements"]:
        seed = bytes.fromhex(item["seed"])
        drawn = [randoms.word(item["name"], item["first"] + i, seed) for i in range(8)]
        for distribution in seeds.DISTRIBUTIONS:
            values = np.array([getattr(randoms, distribution)(word) for word in drawn]).astype(np.float32)
            assert random_vectors.words(values) == item[distribution]


def test_normals_at_the_ends_and_the_seams_are_those_of_the_definition():
    values = [randoms.normal(word) for word in random_vectors.from_words(KEPT["normals"]["words"]).tolist()]
    assert random_vectors.words(np.array(values).astype(np.float32)) == KEPT["normals"]["normal"]
    assert abs(values[0]) < 6.4
    assert values[0] == -values[6]


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_every_word_gives_the_normal_number_of_the_definition(drawn):
    p = (np.array(drawn, np.uint32).astype(np.float64) + 0.5) * 2.0**-32
    assert seeds.inverse_normal(p).tolist() == [randoms.normal(word) for word in drawn]
