"""The graph must be what the manifest says: size, operator sets, operators, inputs, outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.lint.errors import KernelLintError, ManifestDisagreementError, ShapeMismatchError, TruncatedModelError
from aivm.lint.graphs import elements
from aivm.lint.report import Finding
from aivm.lint.signature import Port, signature_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aivm.lint.context import Context
    from aivm.manifest import Manifest, OutputSpec, TensorSpec

_PACK = "Pack the kernel again, or take the model that the manifest names."


def size(manifest: Manifest, have: int) -> Iterator[Finding]:
    """Compares the size of the file; comes first, since it explains most of what else would be found."""
    want = manifest.model.size
    if have != want:
        error: type[KernelLintError] = TruncatedModelError if have < want else ManifestDisagreementError
        message = f"the file has {have} bytes, the manifest says {want}"
        yield Finding(error=error, where="model.size", message=message, remedy=_PACK)


def ports(context: Context) -> Iterator[Finding]:
    """Finds inputs and outputs that no manifest could describe."""
    signature = signature_of(context.model)
    for kind, found in (("input", signature.inputs), ("output", signature.outputs)):
        for port in found:
            yield from _port(kind, port)


def check(context: Context) -> Iterator[Finding]:
    """Compares the graph's signature with the manifest."""
    manifest = context.manifest
    if manifest is None:
        return
    signature = signature_of(context.model)
    if dict(manifest.model.opsets) != dict(signature.opsets):
        yield _disagreement("model.opsets", dict(manifest.model.opsets), dict(signature.opsets))
    extra = sorted(set(manifest.model.operators) ^ set(signature.operators))
    for operator in extra:
        has, lacks = ("manifest", "graph") if operator in manifest.model.operators else ("graph", "manifest")
        message = f"{operator} is in the {has} and not in the {lacks}"
        yield Finding(error=ManifestDisagreementError, where="model.operators", message=message, remedy=_PACK)
    yield from _compare("inputs", manifest.inputs, signature.inputs)
    yield from _compare("outputs", manifest.outputs, signature.outputs)
    yield from _output_size(manifest)


def _port(kind: str, port: Port) -> Iterator[Finding]:
    where = f"graph/{kind} {port.name!r}"
    if port.dtype is None:
        remedy = "Cast it inside the graph to a type that tensor files have."
        message = "its type is none that a tensor file has"
        yield Finding(error=ManifestDisagreementError, where=where, message=message, remedy=remedy)
    if port.shape is None:
        remedy = "Declare its shape, with names for the dimensions that are free."
        yield Finding(error=ShapeMismatchError, where=where, message="its shape is not declared", remedy=remedy)
    elif any(isinstance(length, int) and length < 1 for length in port.shape):
        message = f"its shape {list(port.shape)} has a dimension below 1"
        yield Finding(error=ShapeMismatchError, where=where, message=message, remedy="Declare the real shape.")


def _compare(member: str, specs: Sequence[TensorSpec | OutputSpec], ports: Sequence[Port]) -> Iterator[Finding]:
    graph = {port.name: port for port in ports}
    for index, spec in enumerate(specs):
        where = f"{member}[{index}]"
        port = graph.pop(spec.name, None)
        if port is None:
            yield _disagreement(f"{where}.name", spec.name, "no such tensor in the graph")
            continue
        if port.dtype is not None and port.dtype is not spec.dtype:
            yield _disagreement(f"{where}.dtype", spec.dtype, port.dtype)
        if port.shape is not None and not _specialises(spec.shape, port.shape):
            message = f"{spec.name!r} has shape {list(port.shape)} in the graph, the manifest says {list(spec.shape)}"
            yield Finding(error=ShapeMismatchError, where=f"{where}.shape", message=message, remedy=_PACK)
    for name in graph:
        message = f"the graph has {name!r}, which the manifest does not list"
        yield Finding(error=ManifestDisagreementError, where=member, message=message, remedy=_PACK)


def _specialises(spec: Sequence[int | str], port: Sequence[int | str]) -> bool:
    """Whether a manifest's shape is the graph's, or fixes what the graph leaves free."""
    return len(spec) == len(port) and all(isinstance(b, str) or a == b for a, b in zip(spec, port, strict=True))


def _output_size(manifest: Manifest) -> Iterator[Finding]:
    least = sum(
        elements(length for length in spec.shape if isinstance(length, int)) * spec.dtype.bits // 8
        for spec in manifest.outputs
    )
    if least > manifest.limits.output_bytes:
        remedy = "Raise limits.output_bytes, or give out less."
        message = f"the outputs have at least {least} bytes, the limit is {manifest.limits.output_bytes}"
        yield Finding(error=ManifestDisagreementError, where="limits.output_bytes", message=message, remedy=remedy)


def _disagreement(where: str, want: object, have: object) -> Finding:
    message = f"the manifest says {want}, the graph {have}"
    return Finding(error=ManifestDisagreementError, where=where, message=message, remedy=_PACK)
