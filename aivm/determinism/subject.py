"""What the suite runs: a kernel, or a Python function that stands for one, with its cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from aivm import canonical, tensors
from aivm.determinism.runtimes import changed_runtime, engine_runtime
from aivm.digests import Digest
from aivm.environment import Environment, compliance
from aivm.errors import AivmError
from aivm.execution.inputs import feed
from aivm.manifest import DeterminismClass, HardwareKind, Provider

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aivm.determinism.setting import Setting
    from aivm.execution.protocol import Executable
    from aivm.manifest import Manifest, OutputSpec, Runtime, TensorSpec
    from aivm.tensors import Array, Tensors


class SubjectError(AivmError):
    """Something that the suite cannot run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which tensors hold one example for each index of their first dimension.

    Attributes:
        inputs: names.
        outputs: names.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A computation and its cases.

    Attributes:
        name: for people.
        digest: its identity: of the manifest, or of the program's name and cases.
        cases: for every case all inputs, the random ones too.
        expected: for every case the digest of its output, where one is promised.
        known: tensor files by the digest of the output that they are, where they are at hand.
        manifest: of a kernel, with the engine that is compared; None for a program.
        model: of a kernel, the bytes of the ONNX file.
        program: `module:function` of a program, which maps arrays by name to arrays by name.
        paths: folders in which its module is.
        rows: what can be run in a batch, if anything can.
    """

    name: str
    digest: Digest
    cases: Mapping[str, Mapping[str, Array]] = field(repr=False)
    expected: Mapping[str, Digest] = field(default_factory=dict, repr=False)
    known: Mapping[Digest, bytes] = field(default_factory=dict, repr=False)
    manifest: Manifest | None = None
    model: bytes = field(default=b"", repr=False)
    program: str = ""
    paths: tuple[str, ...] = ()
    rows: Rows | None = None

    @property
    def engine(self) -> str:
        """The engine's name; `python` for a program."""
        return self.manifest.runtime.name if self.manifest else "python"

    def variant(self, setting: Setting) -> Manifest | None:
        """The manifest that a setting asks for: its runtime, and what follows from that.

        Raises:
            SubjectError: a setting changes the runtime of a program, or a member that the runtime has not.
        """
        if self.manifest is None:
            if setting.runtime:
                raise SubjectError(f"{self.name} is a program, and has no engine to change")
            return None
        manifest = self.manifest
        if setting.runtime:
            runtime = changed_runtime(manifest.runtime, setting.runtime)
            kind = HardwareKind.CUDA if runtime.provider is Provider.CUDA else HardwareKind.CPU
            hardware = msgspec.structs.replace(manifest.hardware, kind=kind)
            manifest = msgspec.structs.replace(manifest, runtime=runtime, hardware=hardware)
        if setting.flush_to_zero and manifest.runtime.name == "onnxruntime":
            numerics = msgspec.structs.replace(manifest.numerics, flush_to_zero=True)
            manifest = msgspec.structs.replace(manifest, numerics=numerics)
        return manifest

    def differences(self, environment: Environment) -> list[str]:
        """Why the manifest rules an environment out: nothing that an honest node may do. Empty if it allows it."""
        if self.manifest is None:
            return []
        return [str(mismatch) for mismatch in compliance(self.manifest, environment)]

    def batched(self, case: str, size: int) -> dict[str, Array]:
        """A case's inputs at the head of a batch, filled up with the other cases and its own examples.

        Args:
            case: its name.
            size: examples in the batch, at least as many as the case has.

        Returns:
            Arrays by name; those that `rows` names have `size` along the first dimension, [size, ...].
        """
        assert self.rows is not None
        inputs = dict(self.cases[case])
        others = [other for name, other in self.cases.items() if name != case]
        for name in self.rows.inputs:
            first = inputs[name]
            fitting = [o[name] for o in others if o[name].dtype == first.dtype and o[name].shape[1:] == first.shape[1:]]
            pool = np.concatenate([*fitting, first])
            filler = pool[np.arange(max(0, size - len(first))) % len(pool)]
            inputs[name] = np.concatenate([first, filler])
        return inputs


def of_kernel(kernel: Executable, *, engine: str | None = None) -> Subject:
    """A kernel with its cases.

    Args:
        kernel: a packed kernel.
        engine: run it on this engine instead of the manifest's: the same model and cases as another kernel.

    Raises:
        SubjectError: the engine is not installed.
        InputError: a case's inputs break the kernel's conventions.
    """
    manifest = kernel.manifest
    if engine is not None and engine != manifest.runtime.name:
        manifest = _on(manifest, engine_runtime(engine))
    own = manifest is kernel.manifest
    cases = {name: feed(manifest, inputs) for name, inputs in kernel.cases.items()}
    promised = {case.name: Digest.from_hex(case.output) for case in manifest.cases} if own else {}
    files = getattr(kernel, "expected", {})
    return Subject(
        name=f"{manifest.name}@{manifest.version}" + ("" if own else f" on {engine}"),
        digest=manifest.digest(),
        cases=cases,
        expected=promised,
        known={promised[name]: item.tensors for name, item in files.items() if name in promised},
        manifest=manifest,
        model=kernel.model,
        rows=_rows(manifest),
    )


def of_program(
    program: str, cases: Mapping[str, Tensors], *, paths: Iterable[str] = (), rows: Rows | None = None
) -> Subject:
    """A Python function in place of a kernel, to try out what the suite finds.

    It runs with the libraries that are installed and without a manifest, and is trusted like any other code here.

    Args:
        program: `module:function`; the function maps arrays by name to arrays by name.
        cases: for every case its inputs.
        paths: folders in which the module is.
        rows: what of it can be run in a batch.
    """
    identity: dict[str, Any] = {"program": program}
    identity["cases"] = {name: Digest.of(tensors.encode(inputs)).hex() for name, inputs in cases.items()}
    return Subject(
        name=program,
        digest=Digest.of(canonical.encode(identity)),
        cases={name: dict(inputs) for name, inputs in cases.items()},
        program=program,
        paths=tuple(paths),
        rows=rows,
    )


def _on(manifest: Manifest, runtime: Runtime) -> Manifest:
    """The manifest on another engine; the rules of its arithmetic are what that engine does on this machine."""
    fuses = runtime.name != "reproducible" and Environment.capture().fuses
    numerics = msgspec.structs.replace(manifest.numerics, fma_contraction=fuses, flush_to_zero=False, tf32=False)
    claim = DeterminismClass.BITWISE if runtime.name == "reproducible" else DeterminismClass.PINNED
    return msgspec.structs.replace(manifest, runtime=runtime, numerics=numerics, determinism=claim)


def _rows(manifest: Manifest) -> Rows | None:
    """The inputs and outputs whose first dimension is free, if it is the same one and nowhere else."""
    specs: list[TensorSpec | OutputSpec] = [*manifest.inputs, *manifest.outputs]
    names = {spec.shape[0] for spec in specs if spec.shape and isinstance(spec.shape[0], str)}
    if len(names) != 1:
        return None
    (free,) = names
    if any(free in spec.shape[1:] for spec in specs):
        return None
    inputs = tuple(spec.name for spec in manifest.inputs if spec.shape and spec.shape[0] == free)
    outputs = tuple(spec.name for spec in manifest.outputs if spec.shape and spec.shape[0] == free)
    return Rows(inputs=inputs, outputs=outputs) if inputs and outputs else None
