"""The table of operators is what the engine has."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import standard

from aivm.arithmetic.lower import registry
from aivm.arithmetic.lower.flow import FLOW

SCRIPT = runpy.run_path(
    str(Path(__file__).parents[2] / "scripts" / "arithmetic" / "operators.py"), run_name="operators"
)


def test_the_document_has_the_current_table():
    document = SCRIPT["DOCUMENT"].read_text()
    assert SCRIPT["write"](SCRIPT["render"]()) == document, "run scripts/arithmetic/operators.py"


def test_an_operator_with_a_passing_case_is_in_the_table_and_no_other_is_listed_as_missing():
    supported, missing = SCRIPT["render"]().split("Not supported")
    cases = standard.cases()
    for name in standard.kept()["passing"]:
        for node in cases[name].model.graph.node:
            title = f"`{node.domain}` {node.op_type}" if node.domain else node.op_type
            assert f"| {title} |" in supported, name
            assert f" {title}," not in missing, name


def test_the_arithmetic_defines_every_operator_that_is_no_function_body():
    words = set(re.findall(r"[A-Za-z][A-Za-z0-9]*", (SCRIPT["DOCUMENT"].parent / "arithmetic.md").read_text()))
    assert {name for _, name in registry.table()} | set(FLOW) <= words


def test_each_operator_has_a_file_of_its_own():
    files = {operator.lower.__code__.co_filename for operator in registry.table().values()}
    unary = [operator for operator in registry.table().values() if operator.lower.__qualname__.startswith("unary.")]
    assert len(files) == len(registry.table()) - len(unary) + 1
