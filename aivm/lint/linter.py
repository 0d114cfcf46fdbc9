"""Running the rules, in an order in which no rule is given what an earlier one has found to be dangerous."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]  # it ships no types
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]

from aivm.lint.context import Context
from aivm.lint.errors import NestingError, OversizedModelError, TruncatedModelError
from aivm.lint.graphs import MAX_DEPTH, TooDeepError, function_key, sites
from aivm.lint.report import Finding, LintReport
from aivm.lint.rules import agreement, engines, external_data, functions, loops, operators, randomness, results, shapes
from aivm.lint.signature import Signature, signature_of
from aivm.lint.wire import too_much

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.manifest import Manifest

#: The most bytes of a model file: protobuf cannot hold more than 2 GiB, and readers copy.
MAX_MODEL_BYTES = 2**30


def lint(
    model: bytes | Path,
    manifest: Manifest | None = None,
    *,
    directory: Path | None = None,
    engine: str | None = None,
) -> LintReport:
    """Looks for everything in a model that a kernel must not have.

    Args:
        model: the bytes of an ONNX file, or its path.
        manifest: what the graph is compared with, if given.
        directory: the folder that external data may lie in. Without it there may be none, as in every kernel, whose
            manifest names one file.
        engine: the name of the engine that is to run the graph, where there is no manifest to say it. What the engine
            `reproducible` cannot run is found too.

    Raises:
        OSError: if the file at the path cannot be read; whatever is in it gives findings, never an error.
    """
    if isinstance(model, Path):
        size = model.stat().st_size
        if size > MAX_MODEL_BYTES:
            return LintReport(findings=(_too_large(size),))
        model = model.read_bytes()
    if manifest is not None:
        engine = manifest.runtime.name
    return LintReport(findings=tuple(_run(model, manifest, directory, engine)))


def require_clean(model: bytes | Path, manifest: Manifest | None = None, *, directory: Path | None = None) -> None:
    """Raises the first finding.

    Raises:
        KernelLintError: the subclass of the first finding's rule.
    """
    lint(model, manifest, directory=directory).raise_first()


def signature(model: bytes | Path) -> Signature:
    """What a model takes and gives, and what it is made of.

    Raises:
        TruncatedModelError: the bytes are no ONNX model.
        NestingError: its graphs are nested too deeply.
    """
    data = model.read_bytes() if isinstance(model, Path) else model
    try:
        return signature_of(parse(data))
    except TooDeepError as error:
        raise _too_deep(error).exception() from error


def parse(data: bytes) -> onnx.ModelProto:
    """The parsed model; nothing more of it is checked.

    Raises:
        TruncatedModelError: the bytes are no ONNX model.
    """
    parsed = _parse(data)
    if isinstance(parsed, Finding):
        raise parsed.exception()
    return parsed


def _run(data: bytes, manifest: Manifest | None, directory: Path | None, engine: str | None) -> Iterator[Finding]:
    if len(data) > MAX_MODEL_BYTES:
        yield _too_large(len(data))
        return
    if manifest is not None:
        found = list(agreement.size(manifest, len(data)))
        yield from found
        if found:
            return
    parsed = _parse(data)
    if isinstance(parsed, Finding):
        yield parsed
        return
    try:
        nodes = tuple(sites(parsed))
    except TooDeepError as error:
        yield _too_deep(error)
        return
    context = Context(
        model=parsed,
        size=len(data),
        sites=nodes,
        functions={function_key(function): function for function in parsed.functions},
        manifest=manifest,
        engine=engine,
        directory=directory,
    )
    stages = (
        (functions.check, external_data.check),
        (operators.check, randomness.check, loops.check, results.check),
        (agreement.ports,),
        (shapes.check,),
        (engines.check,),
        (agreement.check,),
    )
    for stage in stages:
        found = [finding for check in stage for finding in check(context)]
        yield from found
        if found:
            return  # the next stage could not be trusted with this model


def _parse(data: bytes) -> onnx.ModelProto | Finding:
    much = too_much(data, onnx.ModelProto.DESCRIPTOR)
    if much is not None:
        remedy = "Make a smaller graph, and keep weights as raw data."
        return Finding(error=OversizedModelError, where="model", message=f"it has {much}", remedy=remedy)
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        return _truncated(f"not an ONNX file, or cut off: {error}")
    for member, there in (
        ("graph", model.HasField("graph")),
        ("ir_version", model.HasField("ir_version")),
        ("opset_import", bool(model.opset_import)),
        ("graph.node", bool(model.graph.node)),
        ("graph.output", bool(model.graph.output)),
    ):
        if not there:
            return _truncated(f"no ONNX model, or cut off: it has no {member}")
    if not _is_text(model):
        return _truncated("not an ONNX file, or damaged: a name in it is not UTF-8")
    return model


def _is_text(model: Message) -> bool:
    """Whether every string in the model is one: protobuf hands out bytes where it is not."""
    left: list[Message] = [model]
    while left:
        for field, value in left.pop().ListFields():
            values = [value] if isinstance(value, Message | str | bytes) else value
            if field.type == FieldDescriptor.TYPE_STRING and not all(isinstance(text, str) for text in values):
                return False
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                left.extend(values)
    return True


def _truncated(message: str) -> Finding:
    remedy = "Export or copy the file again."
    return Finding(error=TruncatedModelError, where="model", message=message, remedy=remedy)


def _too_large(size: int) -> Finding:
    message = f"the file has {size} bytes, at most {MAX_MODEL_BYTES} are allowed"
    return Finding(error=OversizedModelError, where="model", message=message, remedy="Make a smaller model.")


def _too_deep(error: TooDeepError) -> Finding:
    message = f"graphs are nested deeper than {MAX_DEPTH} levels"
    return Finding(error=NestingError, where=error.where, message=message, remedy="Flatten the graph.")
