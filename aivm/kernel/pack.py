"""Packing: from the author's folder to a manifest that anyone can check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aivm import records, tensors, unixfs
from aivm.digests import Digest
from aivm.environment import Environment
from aivm.kernel import files
from aivm.kernel.aggregating import aggregation_of
from aivm.kernel.author import ANY, CAPTURED, Author, read_author
from aivm.kernel.content import input_record
from aivm.kernel.evidence import check_evidence
from aivm.kernel.folder import read_calibration
from aivm.kernel.runtimes import determinism_of, numerics_of, runtime_of
from aivm.kernel.types import Expected, Kernel, KernelError
from aivm.lint import require_clean, signature
from aivm.lint.linter import MAX_MODEL_BYTES
from aivm.manifest import (
    Answer,
    AnswerConvention,
    Build,
    Case,
    Hamming,
    Hardware,
    Limits,
    Manifest,
    ManifestError,
    Model,
    OutputSpec,
    Promise,
    RandomInput,
    Seeds,
    TensorSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aivm.fingerprint.evidence import Calibration
    from aivm.kernel.author import InputTable, OutputTable
    from aivm.lint import Port, Signature
    from aivm.manifest import Dtype
    from aivm.tensors import Tensors

# Stands for outputs that are not known yet while the cases are run for the first time.
_UNKNOWN = Digest(bytes(32)).hex()


def pack(directory: Path) -> Kernel:
    """Reads kernel.toml, model.onnx and cases/, derives everything else, and writes manifest.json and expected/.

    The cases are run twice, in separate workers: a kernel that does not agree with itself is refused. Nothing is
    written before everything is known, and what is written depends on nothing but the three inputs and, where the
    author says `captured`, on this machine.

    Raises:
        KernelError: for a file that is missing or wrong, or a case whose output is not the same twice; names it.
        EvidenceError: for the rule `hamming` without a calibration, or with one that does not show its tolerance.
        ManifestError: for a value in kernel.toml that a manifest cannot have.
        KernelLintError: for a graph that a kernel must not have.
        EnvironmentMismatchError: if this machine does not satisfy what kernel.toml asks for.
        InputError, EngineError, …: what else an execution raises.
    """
    author, model, card, cases = _read(directory)
    calibration = _read_calibration(directory, model)
    manifest = _manifest(author, model, card, calibration, cases)
    # From here on the values are a manifest's, with its rules checked, or the pack has failed.
    manifest = Manifest.from_record(manifest.record())
    check_evidence(manifest, calibration)
    require_clean(model, manifest)
    kernel = _run(
        Kernel(
            manifest=manifest, model=model, cases=cases, model_card=card, calibration=calibration, directory=directory
        ),
        author,
    )
    written = {f"{name}.json": records.encode(expected.record) for name, expected in kernel.expected.items()}
    written |= {f"{name}{files.TENSORS}": expected.tensors for name, expected in kernel.expected.items()}
    files.write_folder(directory, files.EXPECTED, written)
    files.write_file(directory, files.MANIFEST, kernel.manifest.record())
    return kernel


def draft(directory: Path) -> Kernel:
    """The kernel as far as it is known before anything is run or calibrated: its cases promise nothing.

    With the rule `hamming` its tolerance is 0, and its evidence the digest zero.

    Raises:
        KernelError, ManifestError, KernelLintError: as `pack`.
    """
    author, model, card, cases = _read(directory)
    manifest = _manifest(author, model, card, None, cases)
    if isinstance(manifest.aggregation, Hamming):
        manifest = msgspec.structs.replace(manifest, calibration=_UNKNOWN)
    manifest = Manifest.from_record(manifest.record())
    require_clean(model, manifest)
    return Kernel(manifest=manifest, model=model, cases=cases, model_card=card, directory=directory)


def _read(directory: Path) -> tuple[Author, bytes, bytes | None, dict[str, Tensors]]:
    """What the author made: kernel.toml, the model, its card, the cases."""
    author = read_author(directory)
    model = files.read_file(directory, files.MODEL, limit=MAX_MODEL_BYTES)
    require_clean(model)
    card = (
        None if author.model_card is None else files.read_file(directory, author.model_card, limit=files.MAX_CARD_BYTES)
    )
    cases = {name: _read_case(directory, name) for name in files.case_names(directory)}
    if (size := sum(map(tensors.encoded_size, cases.values()))) > files.MAX_CASE_BYTES:
        raise KernelError(f"all cases together have {size} bytes, at most {files.MAX_CASE_BYTES} are read")
    if not cases:
        hint = f"Save some inputs as {files.CASES}/NAME{files.TENSORS} with aivm.tensors.encode."
        raise KernelError("the kernel has no conformance case", hint=hint)
    return author, model, card, cases


def _run(kernel: Kernel, author: Author) -> Kernel:
    """Runs every case, puts the results into the manifest, and lets a second worker confirm them."""
    # The packages need each other: an execution takes a kernel, and packing is what executes.
    from aivm.execution import InputError, execute, validate  # noqa: PLC0415

    expected: dict[str, Expected] = {}
    promises: list[Promise] = []
    build = kernel.manifest.build
    for name, inputs in kernel.cases.items():
        try:
            execution = execute(kernel, inputs)
        except InputError as error:
            raise type(error)(f"case {name!r}: {error.message}", hint=error.hint) from error
        expected[name] = Expected(record=execution.record, tensors=execution.tensors)
        promises.append(Promise(sketch=Digest(execution.sketch).hex(), answer=execution.record.answer))
        build = _build(author, execution.environment)
    cases = tuple(
        msgspec.structs.replace(case, output=records.digest(expected[case.name].record).hex())
        for case in kernel.manifest.cases
    )
    rule = kernel.manifest.aggregation
    if isinstance(rule, Hamming):
        rule = msgspec.structs.replace(rule, promises=tuple(promises))
    manifest = msgspec.structs.replace(kernel.manifest, cases=cases, build=build, aggregation=rule)
    manifest.record()
    packed = Kernel(
        manifest=manifest,
        model=kernel.model,
        cases=kernel.cases,
        expected=expected,
        model_card=kernel.model_card,
        calibration=kernel.calibration,
        directory=kernel.directory,
    )
    validation = validate(packed).record
    differing = [case.name for case in validation.cases if case.expected != case.actual]
    if differing:
        hint = "The model is not deterministic on this machine: try one thread, or another engine."
        raise KernelError(f"cases {', '.join(differing)} gave another output when they were run again", hint=hint)
    return packed


def _read_case(directory: Path, name: str) -> Tensors:
    path = f"{files.CASES}/{name}{files.TENSORS}"
    data = files.read_file(directory, path, limit=files.MAX_CASE_BYTES)
    try:
        return tensors.decode(data, limit=files.MAX_CASE_BYTES)
    except tensors.TensorFileError as error:
        raise KernelError(f"{path}: {error.message}", hint=error.hint) from error


def _read_calibration(directory: Path, model: bytes) -> Calibration | None:
    calibration = read_calibration(directory)
    if calibration is not None and calibration.model != (cid := str(unixfs.import_bytes(model).cid)):
        hint = "Remove it, pack, and calibrate again."
        raise KernelError(f"{files.CALIBRATION} is about {calibration.model}, the model is {cid}", hint=hint)
    return calibration


def _manifest(
    author: Author,
    model: bytes,
    card: bytes | None,
    calibration: Calibration | None,
    cases: Mapping[str, Tensors],
) -> Manifest:
    found = signature(model)
    _check_names(author, found)
    machine = Environment.capture()
    hardware, outputs = author.hardware, tuple(_output(port, author) for port in found.outputs)
    return Manifest(
        name=author.name,
        version=author.version,
        model=_model(model, found),
        build=_build(author, None),
        runtime=runtime_of(author),
        hardware=Hardware(
            kind=hardware.kind,
            features=machine.processor.features if hardware.features == CAPTURED else _words(hardware.features),
            features_off=_words(hardware.features_off),
            memory_bytes=hardware.memory_bytes,
        ),
        numerics=numerics_of(author, machine),
        seeds=Seeds(
            policy=author.seeds.policy,
            fixed_seed=author.seeds.fixed_seed,
            generator="philox4x32-10/1",
            random_inputs=tuple(
                RandomInput(name=name, distribution=kind) for name, kind in sorted(author.seeds.random_inputs.items())
            ),
        ),
        inputs=tuple(_input(port, author) for port in found.inputs),
        outputs=outputs,
        answer=Answer(convention=author.answer.convention, output=author.answer.output),
        aggregation=aggregation_of(author.aggregation, outputs, cases=len(cases), calibration=calibration),
        limits=Limits(
            time_ms=author.limits.time_ms,
            memory_bytes=author.limits.memory_bytes,
            output_bytes=author.limits.output_bytes,
        ),
        determinism=determinism_of(author),
        author_fee=author.author_fee,
        cases=tuple(
            Case(name=name, input=records.digest(input_record(inputs)[0]).hex(), output=_UNKNOWN)
            for name, inputs in sorted(cases.items())
        ),
        licence=author.licence,
        description=author.description,
        model_card=None if card is None else str(unixfs.import_bytes(card).cid),
        calibration=None if calibration is None else records.digest(calibration).hex(),
    )


def _check_names(author: Author, found: Signature) -> None:
    """A table for a tensor that the graph does not have is a spelling mistake, which would pass in silence."""
    for member, tables, ports in (
        ("inputs", author.inputs, found.inputs),
        ("outputs", author.outputs, found.outputs),
    ):
        names = [port.name for port in ports]
        for name in tables:
            if name not in names:
                hint = f"The graph has {', '.join(map(repr, names))}."
                raise KernelError(f"kernel.toml: [{member}.{name}]: the graph has no such tensor", hint=hint)
    answer, names = author.answer, [port.name for port in found.outputs]
    if answer.convention is not AnswerConvention.NONE and answer.output not in names:
        have = "none" if answer.output is None else repr(answer.output)
        hint = f"Set output under [answer] in kernel.toml: the graph has {', '.join(map(repr, names))}."
        raise ManifestError(f"want the name of an output, have {have}", path="answer.output", hint=hint)


def _model(data: bytes, found: Signature) -> Model:
    imported = unixfs.import_bytes(data)
    return Model(
        cid=str(imported.cid),
        size=imported.size,
        profile=unixfs.PROFILE,
        opsets=dict(found.opsets),
        operators=found.operators,
    )


def _build(author: Author, machine: Environment | None) -> Build:
    """The build that the manifest asks for; what is to be captured is not known before an execution."""
    captured = machine.engine.build if machine is not None and machine.engine is not None else None

    def member(name: str) -> str | None:
        said = getattr(author.build, name)
        if said == CAPTURED:
            return getattr(captured, name, None)
        return None if said == ANY else str(said)

    return Build(
        operating_system=member("operating_system"),
        compiler=member("compiler"),
        compiler_version=member("compiler_version"),
        compiler_flags=member("compiler_flags"),
    )


def _input(port: Port, author: Author) -> TensorSpec:
    table: InputTable | None = author.inputs.get(port.name)
    dtype, shape = _known(port, table)
    return TensorSpec(
        name=port.name,
        dtype=dtype,
        shape=shape,
        minimum=None if table is None or table.minimum is None else str(table.minimum),
        maximum=None if table is None or table.maximum is None else str(table.maximum),
        description="" if table is None else table.description,
    )


def _output(port: Port, author: Author) -> OutputSpec:
    table: OutputTable | None = author.outputs.get(port.name)
    dtype, shape = _known(port, table)
    description = "" if table is None else table.description
    return OutputSpec(name=port.name, dtype=dtype, shape=shape, description=description)


def _known(port: Port, table: InputTable | OutputTable | None) -> tuple[Dtype, tuple[int | str, ...]]:
    assert port.dtype is not None
    assert port.shape is not None  # the linter has refused what has no type or no shape
    return port.dtype, port.shape if table is None or table.shape is None else table.shape


def _words(items: object) -> tuple[str, ...]:
    return tuple(sorted(items)) if isinstance(items, tuple) else ()
