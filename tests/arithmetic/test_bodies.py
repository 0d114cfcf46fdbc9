"""A function body is used only if it is the one that the arithmetic was defined with."""

from __future__ import annotations

import function_bodies
import pytest
from graphs import load, normal
from onnx import defs

from aivm.arithmetic.errors import UnsupportedOperatorError
from aivm.arithmetic.lower import bodies

GELU = "g (float[n] x) => (float[n] y) { y = Gelu (x) }"
KEY = "Gelu 20, opset 20"


def test_the_bodies_of_the_installed_onnx_are_those_that_are_kept():
    assert function_bodies.PATH.read_text() == function_bodies.render(), (
        "a body that changed is another arithmetic: see scripts/arithmetic/function_bodies.py"
    )


def test_bodies_that_depend_on_their_node_are_kept_too():
    assert sum(name.startswith("Attention ") for name in bodies.kept()["bodies"]) >= 3


@pytest.mark.parametrize("change", [{}, {KEY: "0" * 64}])
def test_another_body_is_refused_by_name(monkeypatch, change):
    kept = {name: digest for name, digest in bodies.kept()["bodies"].items() if name != KEY} | change
    monkeypatch.setattr(bodies, "kept", lambda: {"onnx": "1.0.0", "bodies": kept})
    with pytest.raises(UnsupportedOperatorError, match="Gelu") as refusal:
        load(GELU)
    assert KEY in refusal.value.message
    assert "install onnx 1.0.0" in refusal.value.hint


def test_the_digest_covers_every_node_of_a_body():
    schema = defs.get_schema("Gelu", 20, "")
    assert bodies.kept()["bodies"][KEY] == bodies.current()[bodies.key_of(schema, 20)]
    assert load(GELU).run({"x": normal(3)})["y"].shape == (3,)
    digests = list(bodies.kept()["bodies"].values())
    assert len(set(digests)) > len(digests) // 2
