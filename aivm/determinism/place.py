"""One environment at work: a worker process under one setting, asked for cases and traces."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from aivm import canonical, records, tensors
from aivm.arithmetic.trace import Operation, Recording, Trace
from aivm.determinism.service import OPERAND, OUTPUT, SHARE_BYTES, SHARE_NS
from aivm.digests import Digest
from aivm.environment import Environment
from aivm.execution.accelerated import switches
from aivm.execution.confinement import Confinement
from aivm.execution.frames import Frame
from aivm.execution.sandbox import START_SECONDS, Sandbox, WorkerCrashedError
from aivm.manifest import HardwareKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aivm.determinism.feeds import Feeds
    from aivm.determinism.setting import Setting
    from aivm.determinism.subject import Subject
    from aivm.tensors import Array

_ENTRY = "aivm.determinism.service:open_service"
#: A program has no manifest, and these limits.
_PROGRAM_MS = 60_000
_PROGRAM_BYTES = 1 << 30
#: Bytes of a trace, or of an operator's tensors.
_TRACE_BYTES = 1 << 28
#: How many times longer than a plain run a traced one may take.
_TRACE_FACTOR = 20
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a case came to.

    Attributes:
        digest: of its output.
        seconds: in the engine.
        tensors: the output as a tensor file; empty where its digest was known.
    """

    digest: Digest
    seconds: float
    tensors: bytes


class Place:
    """A worker under a setting; close it, or use it with `with`.

    Attributes:
        environment: captured in the worker.
    """

    def __init__(
        self, subject: Subject, setting: Setting, feeds: Feeds | None = None, *, until: float | None = None
    ) -> None:
        """Starts the worker; the model is loaded on first use.

        Args:
            subject: what is run.
            setting: how the worker is started and fed.
            feeds: the subject's inputs, which it can then read by itself (`run_some`).
            until: when whoever asks needs the answers, by the monotonic clock: no run is given longer.

        Raises:
            AivmError: the worker does not start, or its engine is not what the setting asks for.
        """
        self._subject = subject
        self._setting = setting
        self._shared = feeds
        self._until = until
        manifest = subject.variant(setting)
        self._limit_ms = (manifest.limits.time_ms if manifest else _PROGRAM_MS) * setting.launcher.slowness
        self._bytes = manifest.limits.output_bytes if manifest else _PROGRAM_BYTES
        header: dict[str, str | int | None] = {
            "program": subject.program,
            "threads": setting.threads or 1,
            "flush_to_zero": setting.flush_to_zero,
            "offset": setting.offset,
        }
        if feeds is not None:
            header["inputs"] = feeds.descriptor
        confinement = None
        if manifest is not None and setting.launcher.confined:
            devices = manifest.hardware.kind is HardwareKind.CUDA
            confinement = Confinement(memory_bytes=manifest.limits.memory_bytes, devices=devices)
        variables = dict(setting.variables)
        if manifest is not None:
            variables = {**switches(manifest.runtime, manifest.numerics), **variables}
        elif setting.threads is not None:
            variables |= dict.fromkeys(_THREAD_VARIABLES, str(setting.threads))
        self._sandbox = Sandbox(
            entry=_ENTRY,
            setup=Frame(header=header, payload=manifest.record() if manifest else b""),
            confinement=confinement,
            variables=variables,
            paths=(*setting.paths, *setting.launcher.paths, *subject.paths),
            program=setting.launcher.program,
            start_seconds=START_SECONDS * setting.launcher.slowness,
            descriptors=() if feeds is None else (feeds.descriptor,),
        )
        self._loaded = False
        self._trace: Trace | None = None
        self.environment = records.decode(self._sandbox.ready.payload, Environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return self._sandbox.alive

    @property
    def digest(self) -> Digest:
        """Of the environment record and of what the setting does beside it: equal for equal places."""
        setting = self._setting
        beside = {
            "batch": setting.batch,
            "environment": self.environment.digest().hex(),
            "flush_to_zero": setting.flush_to_zero,
            "offset": setting.offset,
            "restart": setting.restart,
            "runtime": dict(setting.runtime),
            "threads": setting.threads,
        }
        return Digest.of(canonical.encode(beside))

    def close(self) -> None:
        """Ends the worker."""
        self._sandbox.close()

    @property
    def late(self) -> bool:
        """Whether there is no time left."""
        return self._until is not None and time.monotonic() >= self._until

    @property
    def _time_ms(self) -> int:
        """What a run may take: the kernel's limit, or less where there is less time left."""
        if self._until is None:
            return self._limit_ms
        return max(1, min(self._limit_ms, int(1000 * (self._until - time.monotonic()))))

    def run(self, case: str, known: Iterable[Digest] = ()) -> Outcome:
        """Runs a case.

        Args:
            case: its name.
            known: digests whose outputs need not be sent.

        Raises:
            AivmError: the model does not load, fails, or breaks its manifest or a limit.
        """
        self._load()
        keep, inputs = self._feeds(case)
        header = {"do": "run", "keep": keep, "known": [digest.hex() for digest in known]}
        reply = self._sandbox.call(header, inputs, time_ms=self._time_ms, reply_bytes=self._bytes)
        return Outcome(
            digest=Digest.from_hex(reply.header["digest"]),
            seconds=reply.header["nanoseconds"] / 1e9,
            tensors=reply.payload,
        )

    @property
    def reads(self) -> bool:
        """Whether it can read the cases' inputs by itself: in a batch they are others."""
        return self._shared is not None and (self._setting.batch is None or self._subject.rows is None)

    def run_some(self, cases: Sequence[str], known: Iterable[Digest] = ()) -> list[Outcome]:
        """Runs the first of some cases, as many as take less than half a second or so; only if it `reads`.

        Args:
            cases: names, at least one.
            known: digests of any of them whose outputs need not be sent.

        Returns:
            For at least one of the cases, in their order, what it came to.

        Raises:
            SandboxError: one of them, nobody knows which, ended the worker.
            AivmError: the model does not load, or the first case failed.
        """
        assert self._shared is not None
        self._load()
        spans = self._shared.some(cases, SHARE_BYTES)
        header = {"do": "cases", "spans": spans, "known": [digest.hex() for digest in known]}
        time_ms, size = self._time_ms + SHARE_NS // 1_000_000, self._bytes + SHARE_BYTES
        reply = self._sandbox.call(header, time_ms=time_ms, reply_bytes=size)
        columns = [reply.header[name] for name in ("digests", "nanoseconds", "sizes")]
        if not 0 < len(columns[0]) <= len(cases):
            self.close()
            raise WorkerCrashedError(f"the worker answered {len(columns[0])} of {len(cases)} cases")
        outcomes, at = [], 0
        for digest, elapsed, length in zip(*columns, strict=True):
            data = reply.payload[at : at + length]
            outcomes.append(Outcome(digest=Digest.from_hex(digest), seconds=elapsed / 1e9, tensors=data))
            at += length
        return outcomes

    def record(self, case: str) -> Recording:
        """The trace of a case; the tensors behind it are fetched from the worker while it lives.

        Raises:
            AivmError: the model cannot be traced there.
        """
        self._load()
        keep, inputs = self._feeds(case)
        count = max(keep.values(), default=0)
        size = max(self._setting.batch or 0, count) if keep else 0
        reply = self._call("trace", inputs, of=size, keep=count)
        trace = Trace.decode(reply.payload)
        self._trace = trace

        def fetch(positions: Sequence[int]) -> list[Operation]:
            return [self._operation(trace, position) for position in positions]

        return Recording(trace=trace, label=reply.header["label"], fetch=fetch, note=reply.header["note"])

    def watch(self, case: str, output: str) -> Array:
        """One tensor of the graph in a run of a case, with nothing else watched.

        Raises:
            AivmError: the engine gives no such tensor.
        """
        self._load()
        _, inputs = self._feeds(case)
        return tensors.decode(self._call("watch", inputs, output=output).payload, limit=_TRACE_BYTES)[OUTPUT]

    def _operation(self, trace: Trace, position: int) -> Operation:
        arrays = tensors.decode(self._call("fetch", b"", position=position).payload, limit=_TRACE_BYTES)
        count = len(trace.entries[position].inputs)
        inputs = tuple(arrays.get(f"{OPERAND}{index}") for index in range(count))
        return Operation(inputs=inputs, output=arrays[OUTPUT])

    def _call(self, what: str, payload: bytes, **members: str | int) -> Frame:
        time_ms = self._time_ms * _TRACE_FACTOR
        return self._sandbox.call({"do": what, **members}, payload, time_ms=time_ms, reply_bytes=_TRACE_BYTES)

    def _load(self) -> None:
        if not self._loaded:
            self._sandbox.call({"do": "load"}, self._subject.model, time_ms=self._time_ms, reply_bytes=0)
            self._loaded = True

    def _feeds(self, case: str) -> tuple[dict[str, int], bytes]:
        inputs, rows = self._subject.cases[case], self._subject.rows
        if self._setting.batch is None or rows is None:
            return {}, tensors.encode(inputs)
        count = len(np.asarray(inputs[rows.inputs[0]]))
        batched = self._subject.batched(case, max(self._setting.batch, count))
        return dict.fromkeys(rows.outputs, count), tensors.encode(batched)
