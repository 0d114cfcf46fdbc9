"""The execution protocol: prepare, feed, run, collect; the same on every node (docs/protocol.md §3).

with prepare(kernel) as runner:
    execution = runner.execute({"image": image}, seed=seed)
execution.digest  # what validators vote on
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from aivm import records, tensors, unixfs
from aivm.digests import Digest
from aivm.environment import Environment, require_compliance
from aivm.errors import AivmError
from aivm.execution.accelerated import switches
from aivm.execution.answers import AnswerError, answer
from aivm.execution.confinement import Confinement
from aivm.execution.engine import ModelFailedError, ModelMemoryError, ModelRejectedError
from aivm.execution.frames import Frame
from aivm.execution.inputs import NO_SEED, InputError, bind_shape, feed
from aivm.execution.sandbox import Sandbox, SandboxError, TimeLimitError
from aivm.execution.service import KernelService, OutputLimitError, open_service
from aivm.execution.sketching import sketch_of
from aivm.execution.verdicts import NO_OUTPUT, Finding, Verdict, judge
from aivm.fingerprint import SketchError
from aivm.manifest.enums import GraphOptimization, HardwareKind
from aivm.manifest.parts import OnnxRuntime
from aivm.records import CaseResult, OutputRecord, ValidationRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.manifest import Manifest
    from aivm.tensors import Array, Tensors

_CUDA_VARIABLES = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")


class OutputMismatchError(AivmError):
    """The model's outputs are not those that the manifest describes."""


class OutOfTimeError(AivmError):
    """Whoever asked cannot wait as long as the kernel may take; this says nothing about the kernel."""


class Executable(Protocol):
    """What a kernel must have to be executed; `aivm.kernel.Kernel` is one."""

    @property
    def manifest(self) -> Manifest: ...
    @property
    def model(self) -> bytes: ...
    @property
    def cases(self) -> Mapping[str, Tensors]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution of a kernel.

    Attributes:
        outputs: the manifest's outputs, canonical and read-only.
        tensors: the same as a tensor file, which the record names.
        record: the output record.
        digest: its digest, on which validators vote under the rule `exact`.
        answer: the 32 bytes that a contract receives.
        sketch: the 32 bytes on which they vote under the rule `hamming`; else zero.
        environment: where it ran, captured in the worker.
        seconds: wall time from the inputs to the outputs.
    """

    outputs: Mapping[str, Array] = field(repr=False)
    tensors: bytes = field(repr=False)
    record: OutputRecord
    digest: Digest
    answer: bytes
    sketch: bytes
    environment: Environment = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """All conformance cases of a kernel, run in order.

    Attributes:
        record: what was expected and what came; a case without an output came to the zero digest.
        digest: the record's, on which validators vote.
        answer: 1 if the kernel conforms, else 0, in 32 bytes.
        environment: where the cases ran.
        failures: for each case that gave no output, why.
        distances: under the rule `hamming`, for each case that gave one, bits between its sketch and the promised one.
        undecided: cases that are too far from the promise to confirm it, and too near to deny it (`verdicts`).
        seconds: wall time of all cases.
    """

    record: ValidationRecord
    digest: Digest
    answer: bytes
    environment: Environment = field(repr=False)
    failures: Mapping[str, AivmError]
    distances: Mapping[str, int]
    undecided: tuple[str, ...]
    seconds: float


#: What is the kernel's own fault. Anything else is this machine's, and says nothing about the kernel.
KERNEL_FAULTS: tuple[type[AivmError], ...] = (
    AnswerError,
    InputError,
    ModelFailedError,
    ModelMemoryError,
    ModelRejectedError,
    OutputLimitError,
    OutputMismatchError,
    SandboxError,
    SketchError,
    tensors.TensorFileError,
)


def execute(
    kernel: Executable,
    inputs: Tensors,
    *,
    seed: bytes = NO_SEED,
    threads: int | None = None,
    variables: Mapping[str, str] | None = None,
    sandboxed: bool = True,
) -> Execution:
    """Runs a kernel once, in a worker of its own.

    Args:
        kernel: a manifest and its model.
        inputs: the requester's inputs by name; random ones come from the seed.
        seed: the job's 32 bytes.
        threads: how many, where the manifest leaves it free; 1 if None.
        variables: environment variables of the worker, beside those that every worker has.
        sandboxed: False runs the engine in this process, without limits, for models that are trusted.

    Raises:
        AivmError: as `prepare` and `Runner.execute` do.
    """
    # Before a process is started for nothing.
    feeds = feed(kernel.manifest, inputs, seed)
    with prepare(kernel, threads=threads, variables=variables, sandboxed=sandboxed) as runner:
        return runner.run(feeds)


def validate(
    kernel: Executable,
    *,
    threads: int | None = None,
    variables: Mapping[str, str] | None = None,
    sandboxed: bool = True,
) -> Validation:
    """Runs every conformance case of a kernel, in one worker as long as it lives.

    Raises:
        AivmError: this machine cannot run the kernel. What is the kernel's own fault is in the validation.
    """
    with prepare(kernel, threads=threads, variables=variables, sandboxed=sandboxed) as runner:
        return runner.validate()


def prepare(
    kernel: Executable,
    *,
    threads: int | None = None,
    optimization: GraphOptimization | None = None,
    variables: Mapping[str, str] | None = None,
    sandboxed: bool = True,
) -> Runner:
    """First phase: starts a worker, and refuses unless this machine is what the manifest says.

    The model is not loaded yet: see `Runner.load`.

    Args:
        kernel: a manifest, its model and its cases.
        threads: how many, where the manifest leaves it free; 1 if None.
        optimization: how far ONNX Runtime rewrites the graph, where the manifest leaves it free; as it likes if None.
        variables: environment variables of the worker, which inherits none but those that CUDA is found by.
        sandboxed: False runs the engine in this process, without limits, for models that are trusted.

    Raises:
        EngineError: the runtime is not what the manifest asks for.
        SandboxUnavailableError: this machine cannot confine a worker.
        EnvironmentMismatchError: naming every field that differs.
    """
    return Runner(kernel, threads=threads or 1, optimization=optimization, variables=variables, sandboxed=sandboxed)


def collect(manifest: Manifest, data: bytes) -> tuple[dict[str, Array], OutputRecord, bytes]:
    """Last phase: the outputs from a tensor file, checked against the manifest; their record; the answer.

    Raises:
        TensorFileError: the bytes are not a canonical tensor file.
        OutputMismatchError: naming the output, what the manifest says and what came.
        AnswerError: the convention makes no answer from them.
    """
    outputs = tensors.decode(data, limit=manifest.limits.output_bytes)
    names = sorted(spec.name for spec in manifest.outputs)
    if sorted(outputs) != names:
        raise OutputMismatchError(f"the outputs are {sorted(outputs)}, the manifest says {names}")
    sizes: dict[str, int] = {}
    for spec in manifest.outputs:
        array = outputs[spec.name]
        have = tensors.dtype_name(array, spec.name)
        if have != spec.dtype or not bind_shape(spec.shape, array.shape, sizes, least=0):
            raise OutputMismatchError(
                f"output {spec.name!r} is {have} {list(array.shape)}, the manifest says {spec.dtype} {list(spec.shape)}"
            )
    word = answer(manifest, outputs)
    record = OutputRecord(tensors=str(unixfs.import_bytes(data).cid), size=len(data), answer=Digest(word).hex())
    return outputs, record, word


class Runner:
    """A kernel ready to run. Keep it to serve several jobs of the same kernel; close it, or use it with `with`.

    Attributes:
        environment: where it runs, captured in the worker.
        until: when whoever asks needs the answer, by the monotonic clock; None if the kernel's own limit is all.
    """

    def __init__(
        self,
        kernel: Executable,
        *,
        threads: int = 1,
        optimization: GraphOptimization | None = None,
        variables: Mapping[str, str] | None = None,
        sandboxed: bool = True,
    ) -> None:
        self._kernel = kernel
        self._threads = threads
        self._optimization = optimization
        self._variables = variables or {}
        self._sandboxed = sandboxed
        self._worker: _Worker = self._start()
        self._loaded = False
        self.until: float | None = None
        self.environment = records.decode(self._worker.ready.payload, Environment)
        try:
            require_compliance(kernel.manifest, self.environment)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def kernel(self) -> Executable:
        """The kernel that it runs."""
        return self._kernel

    @property
    def manifest(self) -> Manifest:
        """The manifest of the kernel that it runs."""
        return self._kernel.manifest

    def close(self) -> None:
        """Ends the worker."""
        self._worker.close()

    def execute(self, inputs: Tensors, *, seed: bytes = NO_SEED) -> Execution:
        """Feed, run and collect.

        Raises:
            InputError: an input breaks the kernel's conventions.
            AivmError: as `run` does.
        """
        return self.run(feed(self._kernel.manifest, inputs, seed))

    def load(self) -> None:
        """Loads the model, if it is not; starts another worker if the last one is gone.

        Raises:
            ModelRejectedError: the engine does not load it.
            ModelMemoryError: it needs more memory than its manifest allows.
            SandboxError: it broke a limit on the way, such as the time limit.
            OutOfTimeError: it was not done at the time `until`.
        """
        if not self._worker.alive:
            self._worker.close()
            self._worker, self._loaded = self._start(), False
        if not self._loaded:
            self._call("load", self._kernel.model, reply_bytes=0)
            self._loaded = True

    def run(self, feeds: Tensors) -> Execution:
        """Third and last phase: runs the graph on all its inputs, and collects.

        Raises:
            ModelFailedError: the model failed.
            ModelMemoryError: it needs more memory for these inputs than its manifest allows.
            SandboxError: it broke a limit.
            OutOfTimeError: it was not done at the time `until`.
            OutputLimitError: its outputs are too large.
            OutputMismatchError: its outputs are not those of the manifest.
            AnswerError: they make no answer.
            SketchError: they have no sketch, and the manifest asks for one.
        """
        self.load()
        manifest = self._kernel.manifest
        started = time.perf_counter()
        reply = self._call("run", tensors.encode(feeds), reply_bytes=manifest.limits.output_bytes)
        seconds = time.perf_counter() - started
        outputs, record, word = collect(manifest, reply.payload)
        return Execution(
            outputs=outputs,
            tensors=reply.payload,
            record=record,
            digest=records.digest(record),
            answer=word,
            sketch=sketch_of(manifest, outputs),
            environment=self.environment,
            seconds=seconds,
        )

    def validate(self) -> Validation:
        """Runs every conformance case, with seed zero where the seed is verifiable.

        Raises:
            AivmError: this machine cannot run the kernel, or a case's inputs are not at hand.
        """
        started, manifest = time.perf_counter(), self._kernel.manifest
        failures: dict[str, AivmError] = {}
        verdicts: dict[str, Verdict] = {}
        for index, case in enumerate(manifest.cases):
            if case.name not in self._kernel.cases:
                raise InputError(f"the inputs of case {case.name!r} are not at hand", hint="fetch the kernel again")
            try:
                done = self.execute(self._kernel.cases[case.name])
            except KERNEL_FAULTS as fault:
                failures[case.name] = fault
                verdicts[case.name] = Verdict(finding=Finding.FAILS, actual=NO_OUTPUT)
            else:
                verdicts[case.name] = judge(
                    manifest, index, digest=done.digest.hex(), answer=done.answer, sketch=done.sketch
                )
        results = tuple(
            CaseResult(name=case.name, expected=case.output, actual=verdicts[case.name].actual)
            for case in manifest.cases
        )
        conforms = all(result.expected == result.actual for result in results)
        record = ValidationRecord(manifest=manifest.digest().hex(), cases=results, conforms=conforms)
        return Validation(
            record=record,
            digest=records.digest(record),
            answer=int(conforms).to_bytes(32, "big"),
            environment=self.environment,
            failures=failures,
            distances={name: each.distance for name, each in verdicts.items() if each.distance is not None},
            undecided=tuple(name for name, each in verdicts.items() if each.finding is Finding.UNDECIDED),
            seconds=time.perf_counter() - started,
        )

    def _call(self, what: str, payload: bytes, *, reply_bytes: int) -> Frame:
        allowed = self._kernel.manifest.limits.time_ms
        left = allowed if self.until is None else int(1000 * (self.until - time.monotonic()))
        if left <= 0:
            raise OutOfTimeError(f"there is no time left to {what} the kernel")
        try:
            return self._worker.call({"do": what}, payload, time_ms=min(allowed, left), reply_bytes=reply_bytes)
        except TimeLimitError as error:
            if left >= allowed:
                raise
            raise OutOfTimeError(
                f"the kernel was given {left} ms, and its limit is {allowed} ms: {error.message}"
            ) from error

    def _start(self) -> _Worker:
        manifest = self._kernel.manifest
        chosen = _optimized(manifest, self._optimization)
        setup = Frame(header={"do": "setup", "threads": self._threads}, payload=chosen.record())
        if not self._sandboxed:
            return _Unconfined(open_service(setup))
        devices = manifest.hardware.kind is HardwareKind.CUDA
        inherited = {name: os.environ[name] for name in _CUDA_VARIABLES if devices and name in os.environ}
        return Sandbox(
            entry="aivm.execution.service:open_service",
            setup=setup,
            confinement=Confinement(memory_bytes=manifest.limits.memory_bytes, devices=devices),
            variables={**inherited, **switches(manifest.runtime, manifest.numerics), **self._variables},
        )


def leaves_optimization(manifest: Manifest) -> bool:
    """Whether the manifest leaves to the machine how far ONNX Runtime rewrites the graph."""
    runtime = manifest.runtime
    return isinstance(runtime, OnnxRuntime) and runtime.options.graph_optimization is GraphOptimization.ANY


def _optimized(manifest: Manifest, level: GraphOptimization | None) -> Manifest:
    """The manifest that the worker gets: with a level of optimisation chosen, where it leaves that free."""
    runtime = manifest.runtime
    if level is None or not isinstance(runtime, OnnxRuntime) or not leaves_optimization(manifest):
        return manifest
    options = msgspec.structs.replace(runtime.options, graph_optimization=level)
    return msgspec.structs.replace(manifest, runtime=msgspec.structs.replace(runtime, options=options))


class _Worker(Protocol):
    @property
    def ready(self) -> Frame: ...
    @property
    def alive(self) -> bool: ...
    def call(self, header: Mapping[str, str], payload: bytes, *, time_ms: int, reply_bytes: int) -> Frame: ...
    def close(self) -> None: ...


class _Unconfined:
    """The same service in this process: the same bytes, and no protection."""

    alive = True

    def __init__(self, service: KernelService) -> None:
        self._service = service
        self.ready = service.ready

    def call(self, header: Mapping[str, str], payload: bytes, *, time_ms: int, reply_bytes: int) -> Frame:
        del time_ms, reply_bytes  # no limits here
        return self._service.handle(Frame(header=header, payload=payload))

    def close(self) -> None:
        """There is nothing to end."""
