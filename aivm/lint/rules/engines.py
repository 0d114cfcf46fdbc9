"""What the reproducible engine cannot run, said before anybody runs it: operators, versions, dtypes, attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.lint.errors import UnsupportedOperatorError
from aivm.lint.graphs import called_function
from aivm.lint.report import Finding
from aivm.lint.rules.shapes import self_contained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.arithmetic.errors import ArithmeticEngineError
    from aivm.lint.context import Context
    from aivm.lint.graphs import Site

_OTHER = 'or let the kernel run on ONNX Runtime (name = "onnxruntime" under [runtime]), whose bits differ by machine.'


def check(context: Context) -> Iterator[Finding]:
    """Finds every operator that the engine has not; if there is none, the first thing that it refuses otherwise."""
    if context.engine != "reproducible":
        return
    found = [finding for site in context.sites for finding in _operator(site, context)]
    yield from found or _model(context)


def _operator(site: Site, context: Context) -> Iterator[Finding]:
    # Not all lint needs the engine, which takes a moment to load.
    from aivm.arithmetic.lower import registry  # noqa: PLC0415
    from aivm.arithmetic.lower.flow import FLOW  # noqa: PLC0415
    from aivm.arithmetic.lower.functions import may_have_body  # noqa: PLC0415

    domain = "" if site.is_standard else site.domain
    name, version = site.node.op_type, site.opsets.get(site.domain, 0)
    if called_function(site.node) in context.functions or (domain, name) in registry.table():
        return
    if (not domain and name in FLOW) or may_have_body(name, domain, version):
        return
    message = f"{site.domain}::{name} (operator set {version}) is no operator of the reproducible engine"
    yield _finding(site.where, message, "Express it in operators of docs/operators.md,")


def _model(context: Context) -> Iterator[Finding]:
    from aivm.arithmetic import errors  # noqa: PLC0415
    from aivm.arithmetic.session import parse_model  # noqa: PLC0415

    try:
        parse_model(self_contained(context.model, context.directory))
    except errors.ArithmeticEngineError as error:
        yield _finding("graph", error.message, _remedy(error))


def _remedy(error: ArithmeticEngineError) -> str:
    hint = error.hint or "docs/operators.md says what it takes"
    return f"{hint[:1].upper()}{hint[1:]}: change the graph,"


def _finding(where: str, message: str, remedy: str) -> Finding:
    return Finding(error=UnsupportedOperatorError, where=where, message=message, remedy=f"{remedy} {_OTHER}")
