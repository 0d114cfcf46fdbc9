"""From a job to an attestation: fetch, verify, run, or refuse."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from aivm import kernel as kernels
from aivm import records, tensors
from aivm.cid import RAW, Cid, CidError
from aivm.dagpb import DagPbError
from aivm.determinism import draw, of_kernel, run_part
from aivm.determinism.setting import Setting
from aivm.digests import Digest
from aivm.environment import Environment, EnvironmentMismatchError
from aivm.errors import AivmError
from aivm.execution.engine import EngineError
from aivm.execution.protocol import KERNEL_FAULTS, OutOfTimeError, leaves_optimization, prepare
from aivm.fingerprint.evidence import CalibrationRecordError
from aivm.kernel import KernelError
from aivm.lint import KernelLintError
from aivm.manifest import Manifest, ManifestError
from aivm.records import InputRecord, RecordError, ValidationRecord
from aivm.unixfs import UnixFsError
from registry.contracts.manifest_fields import manifest_difference
from registry.contracts.types import Attestation, JobKind
from registry.errors import RegistryError
from registry.network import PEER_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.determinism import Part
    from aivm.execution import Execution, Runner, Validation
    from aivm.execution.protocol import Executable
    from aivm.kernel import Kernel
    from aivm.manifest import GraphOptimization
    from aivm.tensors import Tensors
    from registry.content import ContentStore
    from registry.jobs import Job
    from registry.network import Network

log = logging.getLogger(__name__)

#: The most bytes of a job's input: it is held here before it is given to a worker, whatever the kernel may use there.
MAX_INPUT_BYTES = 2**28
#: Each costs the start of a worker and the cases once more.
ENVIRONMENTS = 2
ZERO = bytes(32)
CONFORMS = (1).to_bytes(32)


class RecordMismatchError(RegistryError):
    """A kernel's manifest record says something else than the chain."""


class UndecidedError(RegistryError):
    """A tolerant kernel whose cases this machine can neither confirm nor deny."""

    @classmethod
    def of(cls, manifest: Manifest, validation: Validation) -> Self:
        """Says which cases, and how far they are."""
        cases = ", ".join(f"{name} ({validation.distances[name]} bits)" for name in validation.undecided)
        tolerance = manifest.aggregation.tolerance
        return cls(
            f"{cases}: beyond the tolerance of {tolerance} bits from the promised output, or with another answer, and "
            "no farther than twice that",
            hint="An honest machine may be so far off, if the tolerance was calibrated without one like this.",
        )


class VaryingOutputError(RegistryError):
    """A kernel that gives another output where nothing differs but what its manifest leaves to the machine."""


#: The publisher's fault, and plain to everyone who has the kernel: it must not be approved.
NOT_A_KERNEL: tuple[type[AivmError], ...] = (
    RecordMismatchError,
    CalibrationRecordError,
    ManifestError,
    KernelLintError,
    KernelError,
)

#: Why a job is refused at once, rather than tried again: what was asked for cannot be computed, or not here.
REFUSALS: tuple[type[AivmError], ...] = (
    *NOT_A_KERNEL,
    *KERNEL_FAULTS,
    CidError,
    DagPbError,
    EngineError,
    EnvironmentMismatchError,
    RecordError,
    UndecidedError,
    UnixFsError,
)


@dataclass(slots=True, kw_only=True)
class Computation:
    """Computes what a validator attests. Close it, or use it with `with`: it keeps a worker warm.

    Attributes:
        network: where jobs and kernels are registered; its content store is asked for blocks, and given the outputs.
        threads: how many threads the engine may use where the manifest leaves it open.
        optimization: how far ONNX Runtime rewrites a graph where the manifest leaves that open.
        variables: environment variables of the worker, beside those that every worker has.
        environments: in how many environments beside its own a kernel's cases are run when it is validated; with 0 no
            certificate is attested.
    """

    network: Network
    threads: int | None = None
    optimization: GraphOptimization | None = None
    variables: Mapping[str, str] | None = None
    environments: int = ENVIRONMENTS
    _warm: tuple[bytes, Runner] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the worker."""
        if self._warm is not None:
            self._warm[1].close()
            self._warm = None

    @property
    def manifest(self) -> Manifest:
        """The manifest of the kernel that is warm."""
        assert self._warm is not None
        return self._warm[1].manifest

    def attest(self, job: bytes, state: Job, *, until: float | None = None) -> Attestation:
        """The attestation for one job; a refusal where it cannot be computed.

        Args:
            job: the job's id.
            state: the job.
            until: when the answer is needed, by the monotonic clock.

        Raises:
            AivmError: something else went wrong, such as content that nobody gives now, and trying again may help.
        """
        if until is not None and time.monotonic() > until:
            raise OutOfTimeError("other computations took all the time there was")
        try:
            if state.kind is JobKind.VALIDATION:
                return self._validate(state, until)
            return self.attestation(self._execute(job, state, until))
        except REFUSALS as error:
            log.warning("job 0x%s is refused: %s", job.hex(), error.diagnostics())
            return self.refusal()

    def refusal(self) -> Attestation:
        """What a member says that cannot compute: zeros, and where."""
        return self._attest(ZERO, ZERO, ZERO, Environment.capture())

    def attestation(self, execution: Execution) -> Attestation:
        """Keeps an execution's output for others to fetch, and attests it."""
        self.network.content.add_bytes(execution.tensors)
        self._keep(records.encode(execution.record))
        return self._attest(bytes(execution.digest), execution.answer, execution.sketch, execution.environment)

    def _execute(self, job: bytes, state: Job, until: float | None) -> Execution:
        runner = self._runner(state.kernel, until)
        left = PEER_SECONDS if until is None else until - time.monotonic()
        # Members may be slow on purpose: they get half of the time, and the kernel the rest.
        with self.network.content_around(job, seconds=min(PEER_SECONDS, left / 2)) as content:
            inputs = self._inputs(content, runner, state)
        return runner.execute(inputs, seed=state.seed)

    @staticmethod
    def _inputs(content: ContentStore, runner: Runner, state: Job) -> Tensors:
        record = records.decode(content.get_record(state.input), InputRecord)
        limit = min(runner.manifest.limits.memory_bytes, MAX_INPUT_BYTES)
        if record.size > limit:
            raise RecordError(f"the input is {record.size} bytes, and at most {limit} are taken here", path="size")
        file = content.read_bytes(Cid.parse(record.tensors), limit=record.size)
        if len(file) != record.size:
            raise RecordError(f"the input is {len(file)} bytes, and its record says {record.size}", path="size")
        return tensors.decode(file)

    def _validate(self, state: Job, until: float | None) -> Attestation:
        """Runs a kernel's own cases, here and elsewhere. A kernel that is not one is a verdict and no refusal."""
        try:
            runner = self._runner(state.kernel, until)
        except NOT_A_KERNEL as error:
            return self._verdict(_rejection(state, error), Environment.capture())
        validation = runner.validate()
        if validation.undecided:
            raise UndecidedError.of(runner.manifest, validation)
        record, environment = validation.record, validation.environment
        # Also of cases that break their promise: with other threads than the promise was made with a machine finds them
        # broken where others find them varying, and honest members must give one verdict.
        part = self._part(runner.kernel, state.seed, until)
        if part is not None and (varying := part.varying()):
            record = _rejection(state, VaryingOutputError(f"other outputs of {'; '.join(varying)}"))
        return self._verdict(record, environment, part)

    def _part(self, kernel: Executable, seed: bytes, until: float | None) -> Part | None:
        """Runs this machine's part of the matrix, for half of the time that is left; None if it takes none."""
        if not self.environments:
            return None
        now = time.monotonic()
        free = self.optimization is not None and leaves_optimization(kernel.manifest)
        # One thread, whatever this machine takes for jobs, so that members of one class compare with the same.
        base = Setting(
            variables=self.variables or {},
            runtime={"graph_optimization": self.optimization.value} if self.optimization and free else {},
        )
        try:
            subject = of_kernel(kernel)
            plan = draw(subject, seed, self.environments, base=base)
            return run_part(subject, plan, until=None if until is None else now + (until - now) / 2)
        except AivmError as error:
            log.warning("the cases of %s were run in one environment: %s", kernel.manifest.name, error.diagnostics())
            return None

    def _verdict(self, record: ValidationRecord, environment: Environment, part: Part | None = None) -> Attestation:
        """Keeps a verdict, and the certificate of what this machine tried; attests both.

        The verdict is compared bit for bit, whatever the kernel's own rule is, so nobody votes on the sketch: it is
        free for the certificate, in which members differ.
        """
        certificate = ZERO
        if part is not None:
            certificate = self._keep(part.certificate().record())
            for each in part.environments:
                self._keep(each.record())
        digest = self._keep(records.encode(record))
        return self._attest(digest, CONFORMS if record.conforms else ZERO, certificate, environment)

    def _attest(self, digest: bytes, answer: bytes, sketch: bytes, environment: Environment) -> Attestation:
        environment_digest = self._keep(environment.record())
        return Attestation(digest=digest, answer=answer, sketch=sketch, environment=environment_digest)

    def _keep(self, record: bytes) -> bytes:
        return self.network.content.put_block(RAW, record).digest

    def _runner(self, kernel_id: bytes, until: float | None) -> Runner:
        """A worker for a registered kernel; the one of the last job if it was the same kernel."""
        if self._warm is None or self._warm[0] != kernel_id:
            self.close()
            kernel = self._fetch(kernel_id)
            self._warm = kernel_id, self._prepare(kernel)
        self._warm[1].until = until
        return self._warm[1]

    def _prepare(self, kernel: Kernel) -> Runner:
        return prepare(kernel, threads=self.threads, optimization=self.optimization, variables=self.variables)

    def _fetch(self, kernel_id: bytes) -> Kernel:
        """A registered kernel: fetched by the digest on chain, verified, linted, and equal to its on-chain fields."""
        fields = self.network.registry.manifest_of(kernel_id)
        digest = Digest(fields.record)
        manifest = Manifest.from_record(self.network.content.get_record(fields.record))
        difference = manifest_difference(manifest, fields)
        if difference is not None:
            raise RecordMismatchError(
                f"kernel 0x{kernel_id.hex()}: the manifest record {digest} and the chain differ in {difference}",
                hint="The publisher registered fields that are not those of the record. Do not run this kernel.",
            )
        return kernels.from_blocks(digest, self.network.content.get)


def _rejection(state: Job, error: AivmError) -> ValidationRecord:
    """The verdict on what is no kernel of its manifest: the same bytes, whatever shows it to whom."""
    log.warning("kernel 0x%s does not conform: %s", state.kernel.hex(), error.diagnostics())
    return ValidationRecord(manifest=Digest(state.input).hex(), refused=type(error).__name__, cases=(), conforms=False)
