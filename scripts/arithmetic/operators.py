"""The table of supported operators in docs/operators.md, made from the registry and ONNX's definitions.

`python scripts/arithmetic/operators.py` writes it; `tests/arithmetic/test_operators.py` holds it current.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import onnx
from onnx import defs

from aivm.arithmetic.lower import bodies, dtypes, registry
from aivm.arithmetic.lower.flow import FLOW

DOCUMENT = Path(__file__).parents[2] / "docs" / "operators.md"
CONFORMANCE = Path(__file__).parents[2] / "tests" / "arithmetic" / "conformance.json"
BEGIN, END = "<!-- operators: generated -->\n", "<!-- operators: end -->"

_GROUPS = {
    "all": dtypes.ALL,
    "numbers": dtypes.NUMBERS,
    "floats": dtypes.FLOATS,
    "integers": dtypes.INTEGERS,
    "unsigned integers": dtypes.UNSIGNED,
    "float32": frozenset({"float32"}),
    "bool": frozenset({"bool"}),
}


def render() -> str:
    """The generated part of the document."""
    rows, missing = [], []
    for (domain, name), schema in sorted(_newest().items()):
        how = _how(domain, name, schema)
        title = f"`{domain}` {name}" if domain else name
        if how is None:
            missing.append(title)
        else:
            rows.append(f"| {title} | {schema.since_version} | {how} |")
    counts = json.loads(CONFORMANCE.read_text())["counts"]
    passed = (
        f"Of the standard's own backend node tests {counts['passing']} pass, {counts['failing']} fail and "
        f"{counts['refused']} are refused by name (`make conformance`)."
    )
    lines = [
        f"ONNX {onnx.__version__}: {len(rows)} operators are supported, {len(missing)} are not.",
        passed,
        "",
        "| operator | newest version | how |",
        "|---|---|---|",
        *rows,
        "",
        "Not supported, and refused by name when a model is loaded: " + ", ".join(missing) + ".",
    ]
    return "\n".join(lines) + "\n"


def _newest() -> dict[tuple[str, str], defs.OpSchema]:
    """The newest version of each operator that is not deprecated, or that is run all the same."""
    newest: dict[tuple[str, str], defs.OpSchema] = {}
    current = {(schema.domain, schema.name) for schema in defs.get_all_schemas() if not schema.deprecated}
    for schema in sorted(defs.get_all_schemas_with_history(), key=lambda item: item.since_version):
        key = (schema.domain, schema.name)
        if schema.domain in registry.DOMAINS and not schema.deprecated and (key in current or key in registry.table()):
            newest[key] = schema
    return newest


def _how(domain: str, name: str, schema: defs.OpSchema, seen: frozenset[str] = frozenset()) -> str | None:
    """How an operator is run, or None if it is not."""
    operator = registry.table().get((domain, name))
    if operator is not None:
        host = "; between two plans, since the data decides its shape" if operator.host else ""
        return f"{_subject(name)}{_limits(operator)}{host}"
    if domain == "" and name in FLOW:
        return "control flow"
    body = _body(schema, schema.max_input) or _body(schema, schema.min_input)
    if body is None or name in seen:
        return None
    for node in body:
        inner = _newest().get((node.domain, node.op_type))
        if inner is None or _how(node.domain, node.op_type, inner, seen | {name}) is None:
            return None
    return "ONNX's function body"


def _subject(name: str) -> str:
    """What the operator's module says about it, without the name."""
    package = importlib.import_module("aivm.arithmetic.lower.ops")
    for path in sorted(Path(package.__path__[0]).glob("*.py")):
        module = importlib.import_module(f"{package.__name__}.{path.stem}")
        text = " ".join((module.__doc__ or "").split()).removesuffix(".")
        head, colon, rest = text.partition(": ")
        if colon and head.split(",")[0].split(" (")[0] == name:
            qualifier = head[len(name) :].removeprefix(",").strip()
            return f"{qualifier}: {rest}".removeprefix(": ") if qualifier.startswith("as") else rest
    raise LookupError(name)


def _limits(operator: registry.Operator) -> str:
    if not operator.types:
        return ""
    parts = []
    for variable, allowed in sorted(operator.types.items()):
        named = next((group for group, members in _GROUPS.items() if members == allowed), None)
        listed = ", ".join(kind for kind in dtypes.NUMPY if kind in allowed)
        parts.append(f"{variable}: {named or listed}")
    return f" ({'; '.join(parts)})"


def _body(schema: defs.OpSchema, inputs: int) -> list[onnx.NodeProto] | None:
    """The nodes of the operator's body, as for so many float32 tensors of four axes."""
    versions = bodies.versions(schema)
    if schema.has_function:
        return list(schema.function_body.node)
    return list(bodies.sample(schema, inputs, max(versions)).node) or None if versions else None


def write(text: str) -> str:
    """The document with this table in it."""
    document = DOCUMENT.read_text()
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + text + END + after


if __name__ == "__main__":
    DOCUMENT.write_text(write(render()))
    sys.stdout.write(render().splitlines()[0] + "\n")
