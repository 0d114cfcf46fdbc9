"""From a job to an attestation: fetch, verify, run, or refuse."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from aivm import kernel as kernels
from aivm import records, tensors
from aivm.cid import RAW, Cid, CidError
from aivm.digests import Digest
from aivm.environment import Environment, EnvironmentMismatchError
from aivm.execution.engine import EngineError
from aivm.execution.protocol import KERNEL_FAULTS, prepare
from aivm.kernel import KernelError
from aivm.lint import KernelLintError
from aivm.manifest import Manifest, ManifestError
from aivm.records import InputRecord, RecordError, ValidationRecord
from aivm.unixfs import UnixFsError
from registry.content import ContentError
from registry.contracts.manifest_fields import manifest_difference
from registry.contracts.types import Attestation, JobKind
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.errors import AivmError
    from aivm.execution import Execution, Runner
    from aivm.kernel import Kernel
    from aivm.tensors import Tensors
    from registry.content import ContentStore
    from registry.contracts.types import Job
    from registry.network import Network

log = logging.getLogger(__name__)

ZERO = bytes(32)
CONFORMS = (1).to_bytes(32)


class RecordMismatchError(RegistryError):
    """A kernel's manifest record says something else than the chain."""


#: The publisher's fault, and plain to everyone who has the kernel: it must not be approved.
NOT_A_KERNEL: tuple[type[AivmError], ...] = (RecordMismatchError, ManifestError, KernelLintError, KernelError)

#: Why a job is refused rather than tried again: what was asked for cannot be computed, or not here.
REFUSALS: tuple[type[AivmError], ...] = (
    *NOT_A_KERNEL,
    *KERNEL_FAULTS,
    CidError,
    ContentError,
    EngineError,
    EnvironmentMismatchError,
    RecordError,
    UnixFsError,
)


@dataclass(slots=True, kw_only=True)
class Computation:
    """Computes what a validator attests. Close it, or use it with `with`: it keeps a worker warm.

    Attributes:
        network: where jobs and kernels are registered; its content store is asked for blocks, and given the outputs.
        threads: how many threads the engine may use where the manifest leaves it open.
        variables: environment variables of the worker, beside those that every worker has.
    """

    network: Network
    threads: int | None = None
    variables: Mapping[str, str] | None = None
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

    def attest(self, job: bytes, state: Job) -> Attestation:
        """The attestation for one job; a refusal (zeros) where it cannot be computed.

        Raises:
            AivmError: something else went wrong, and trying again may help.
        """
        try:
            if state.kind is JobKind.VALIDATION:
                return self._validate(state)
            return self.attestation(self._execute(job, state))
        except REFUSALS as error:
            log.warning("job 0x%s is refused: %s", job.hex(), error.diagnostics())
            return self._attest(ZERO, ZERO, Environment.capture())

    def attestation(self, execution: Execution) -> Attestation:
        """Keeps an execution's output for others to fetch, and attests it."""
        self.network.content.add_bytes(execution.tensors)
        self._keep(records.encode(execution.record))
        return self._attest(bytes(execution.digest), execution.answer, execution.environment)

    def _execute(self, job: bytes, state: Job) -> Execution:
        runner = self._runner(state.kernel)
        with self.network.content_around(job) as content:
            return runner.execute(self._inputs(content, runner, state), seed=state.seed)

    @staticmethod
    def _inputs(content: ContentStore, runner: Runner, state: Job) -> Tensors:
        record = records.decode(content.get_record(state.input), InputRecord)
        limit = runner.manifest.limits.memory_bytes
        if record.size > limit:
            raise RecordError(
                f"the input is {record.size} bytes, and the kernel may use {limit} bytes of memory", path="size"
            )
        return tensors.decode(content.read_bytes(Cid.parse(record.tensors), limit=record.size))

    def _validate(self, state: Job) -> Attestation:
        """Runs a kernel's own cases. A kernel that is not one is a verdict and no refusal."""
        try:
            runner = self._runner(state.kernel)
        except NOT_A_KERNEL as error:
            log.warning("kernel 0x%s does not conform: %s", state.kernel.hex(), error.diagnostics())
            environment = Environment.capture()
            record = ValidationRecord(
                manifest=Digest(state.input).hex(), refused=type(error).__name__, cases=(), conforms=False
            )
        else:
            validation = runner.validate()
            record, environment = validation.record, validation.environment
        digest = self._keep(records.encode(record))
        return self._attest(digest, CONFORMS if record.conforms else ZERO, environment)

    def _attest(self, digest: bytes, answer: bytes, environment: Environment) -> Attestation:
        environment_digest = self._keep(environment.record())
        return Attestation(digest=digest, answer=answer, sketch=ZERO, environment=environment_digest)

    def _keep(self, record: bytes) -> bytes:
        return self.network.content.put_block(RAW, record).digest

    def _runner(self, kernel_id: bytes) -> Runner:
        """A worker for a registered kernel; the one of the last job if it was the same kernel."""
        if self._warm is None or self._warm[0] != kernel_id:
            self.close()
            kernel = self._fetch(kernel_id)
            self._warm = kernel_id, prepare(kernel, threads=self.threads, variables=self.variables)
        return self._warm[1]

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
