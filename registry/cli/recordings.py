"""A run of a model, as commands name it: the model, its inputs, and the engine."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from registry.cli.options import Hex32, option
from registry.cli.tensors import dtypes_of, read_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aivm.arithmetic.trace import Recording
    from aivm.tensors import Array

F = TypeVar("F", bound="Callable[..., Any]")

ENGINE_HELP = (
    "`reproducible`, with the options isa and threads, or `onnxruntime`, with level (none, basic, extended, all) and "
    "threads: onnxruntime:threads=4,level=all"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is run: the bytes of an ONNX file or its path, and all its inputs by name."""

    model: Path | bytes
    inputs: Mapping[str, Array] = field(repr=False)

    def record(self, engine: str) -> Recording:
        """Runs the model on an engine and keeps its trace.

        Raises:
            aivm.arithmetic.errors.ArithmeticEngineError: there is no such engine, or the model cannot be run.
        """
        from aivm.arithmetic.diverge import open_recording

        return open_recording(engine, self.model, self.inputs)


def inputs(function: F) -> F:
    """`--input`, `--case` and `--seed`: what a model is run on."""

    @option(
        "--input",
        "input_file",
        envvar="AIVM_INPUT",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Input tensors: .safetensors, .npz or .json.",
    )
    @option("--case", envvar="AIVM_CASE", help="Instead of --input: one of the kernel's conformance cases.")
    @option("--seed", envvar="AIVM_SEED", type=Hex32(), default="00" * 32, help="For kernels with verifiable seeds.")
    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> Any:
        return function(*args, **options)

    return cast("F", command)


def open_run(model: Path, *, input_file: Path | None, case: str | None, seed: bytes) -> Run:
    """What to run.

    Args:
        model: an ONNX file, or the folder of a packed kernel.
        input_file: the inputs, as a kernel's requester gives them.
        case: or the name of one of the kernel's cases.
        seed: what random inputs of a kernel are made from.

    Raises:
        click.UsageError: not exactly one of both is given, or the model has no cases.
        AivmError: the model or its inputs cannot be read, or do not belong together.
    """
    if (input_file is None) == (case is None):
        raise click.UsageError("Give either --input, or --case with a kernel's folder.")
    return _kernel_run(model, input_file, case, seed) if model.is_dir() else _model_run(model, input_file)


def _kernel_run(folder: Path, input_file: Path | None, case: str | None, seed: bytes) -> Run:
    from aivm import kernel as kernels
    from aivm.execution.inputs import feed

    kernel = kernels.load(folder)
    if input_file is not None:
        given: Mapping[str, Array] = read_inputs(input_file, dtypes_of(kernel.manifest))
    elif case is not None and case in kernel.cases:
        given = kernel.cases[case]
    else:
        raise click.UsageError(f"The kernel has no case {case!r}; it has {', '.join(kernel.cases)}.")
    return Run(model=kernel.model, inputs=feed(kernel.manifest, given, seed))


def _model_run(path: Path, input_file: Path | None) -> Run:
    from aivm.arithmetic.lower import dtypes
    from aivm.arithmetic.session import parse_model, read_model

    if input_file is None:
        raise click.UsageError(f"{path} is no kernel's folder, and has no cases; give --input.")
    model = parse_model(read_model(path)[0])
    known = {port.name: dtypes.NUMPY[port.dtype] for port in model.graph.inputs if port.dtype is not None}
    return Run(model=path, inputs=read_inputs(input_file, known))
