"""Every operator must be one that ONNX defines, at the version that the model imports, or a function of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import defs

from aivm.lint.errors import UnknownOperatorError
from aivm.lint.graphs import called_function
from aivm.lint.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.lint.context import Context
    from aivm.lint.graphs import Site


def check(context: Context) -> Iterator[Finding]:
    """Finds operator sets and operators that the installed ONNX does not know."""
    latest = _latest_versions()
    local = {key[0] for key in context.functions}
    for item in context.model.opset_import:
        domain = item.domain or "ai.onnx"
        if domain not in latest and domain not in local:
            yield _finding("model", f"operator set {domain!r} is not ONNX's", "Express its operators in ai.onnx ones.")
        elif item.version > latest.get(domain, item.version) or item.version < 1:
            message = f"operator set {domain} version {item.version} is not known, the latest is {latest[domain]}"
            yield _finding("model", message, "Export the model for an older operator set.")
    for site in context.sites:
        if called_function(site.node) not in context.functions:
            yield from _operator(site)


def _operator(site: Site) -> Iterator[Finding]:
    name = f"{site.domain}::{site.node.op_type}"
    version = site.opsets.get(site.domain)
    if version is None:
        remedy = "Add it to the imports of the model, or of the function."
        yield _finding(site.where, f"{name}: the operator set {site.domain!r} is not imported", remedy)
        return
    try:
        schema = defs.get_schema(site.node.op_type, min(version, 2**31 - 1), site.node.domain)
    except defs.SchemaError:
        message = f"{name} is not an operator of {site.domain} version {version}"
        yield _finding(site.where, message, "Replace it by standard operators, or by a function in the model.")
        return
    if schema.deprecated:
        yield _finding(site.where, f"{name} is no longer in {site.domain} version {version}", "Use its successor.")


def _latest_versions() -> dict[str, int]:
    latest: dict[str, int] = {}
    for schema in defs.get_all_schemas_with_history():
        domain = schema.domain or "ai.onnx"
        latest[domain] = max(latest.get(domain, 0), schema.since_version)
    latest["ai.onnx"] = defs.onnx_opset_version()
    return latest


def _finding(where: str, message: str, remedy: str) -> Finding:
    return Finding(error=UnknownOperatorError, where=where, message=message, remedy=remedy)
