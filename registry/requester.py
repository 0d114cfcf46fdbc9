"""The requester's side: ask for an inference, wait for it, fetch and verify the output."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm import records
from aivm.cid import RAW, Cid
from aivm.digests import Digest
from aivm.execution.inputs import check_inputs
from aivm.execution.protocol import collect
from aivm.kernel import input_record
from aivm.manifest import Manifest
from aivm.records import OutputRecord, ValidationRecord
from registry.contracts.types import ZERO_ADDRESS, JobKind, JobRequest, JobStatus
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aivm.tensors import Array, Tensors
    from registry.contracts.contract import Call
    from registry.contracts.types import Job
    from registry.network import Network


class JobError(RegistryError):
    """A job did not give a result."""


class JobUnknownError(JobError):
    """The deployment has no job of this id."""


class JobFailedError(JobError):
    """The job ended without a result; what was escrowed has been credited back."""


class JobTimeoutError(JobError):
    """The job was not settled in the time that the caller was ready to wait."""


class ResultMismatchError(JobError):
    """What was fetched as a job's output is not what the chain settled on."""


REFUND = "What was escrowed is credited to the job's refund address: `aivm job withdraw` collects it."

#: What to do about the reasons that the market gives.
FAILURES = {
    "refused": "Most of the committee could not compute it. Are the kernel's and the input's blocks being served, and "
    "can validators reach that gateway? Their logs say what they missed.",
    "fewer validators than seats": "Ask for a smaller committee, or wait until more validators have staked.",
    "no committee in time": "No VRF operator answered. Ask again later.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A verified result.

    Attributes:
        job: the job's id.
        digest: of the output record, as settled.
        answer: the output's on-chain word.
        outputs: the output tensors by name; their bytes hash to `digest`.
    """

    job: bytes
    digest: Digest
    answer: bytes
    outputs: dict[str, Array]


def publish_input(network: Network, manifest: Manifest, inputs: Tensors) -> Digest:
    """Checks inputs against a kernel's conventions and puts them where validators can fetch them.

    Args:
        network: the deployment to use.
        manifest: the kernel's.
        inputs: the kernel's non-random inputs by name.

    Returns:
        The digest of the input record, which names it on chain.

    Raises:
        aivm.execution.InputError: naming the input that does not fit and what is wanted.
    """
    check_inputs(manifest, inputs)
    record, file = input_record(inputs)
    network.content.add_bytes(file)
    return Digest(network.content.put_block(RAW, records.encode(record)).digest)


def manifest_of(network: Network, kernel: bytes) -> Manifest:
    """The manifest record of a registered kernel, fetched by the digest on chain."""
    return Manifest.from_record(network.content.get_record(network.registry.manifest_of(kernel).record))


def prepare(
    network: Network, requester: str, *, kernel: bytes, inputs: Tensors, committee_size: int = 3
) -> tuple[Call, int]:
    """Publishes the inputs; returns the call that asks for the inference, and the wei that it costs.

    The event of its transaction, `JobRequested`, names the job.
    """
    digest = publish_input(network, manifest_of(network, kernel), inputs)
    job = JobRequest(
        kernel=kernel,
        input=bytes(digest),
        committee_size=committee_size,
        consumer=ZERO_ADDRESS,
        callback_gas=0,
        refund_to=requester,
    )
    return network.market.request(job), network.market.quote(kernel, committee_size=committee_size)


def look(network: Network, job: bytes) -> tuple[JobStatus, Job]:
    """A job and its status by the clock.

    Raises:
        JobUnknownError: when there is no such job.
    """
    status = network.market.status_of(job)
    if status is JobStatus.UNKNOWN:
        raise JobUnknownError(
            f"there is no job 0x{job.hex()} in this deployment",
            hint="Check the id, and that the deployment file and the endpoint are those that it was requested with.",
        )
    return status, network.market.job_of(job)


def wait(
    network: Network,
    job: bytes,
    *,
    timeout: float,
    interval: float = 0.5,
    on_change: Callable[[JobStatus, Job], None] | None = None,
) -> Job:
    """Waits until a job has a result.

    Args:
        network: the deployment to use.
        job: the job's id.
        timeout: seconds to wait.
        interval: seconds between looks.
        on_change: called with the status by the clock and the job whenever the status or round changes.

    Raises:
        JobUnknownError: when there is no such job.
        JobFailedError: when it failed.
        JobTimeoutError: when it has neither settled nor failed in time; it may still do so.
    """
    end = time.monotonic() + timeout
    seen: tuple[JobStatus, int] | None = None
    while True:
        status, state = look(network, job)
        if on_change and seen != (status, state.round):
            on_change(status, state)
            seen = (status, state.round)
        if status in {JobStatus.SETTLED, JobStatus.FINALISED}:
            return state
        if status is JobStatus.FAILED:
            reason = failure_of(network, job, state)
            raise JobFailedError(
                f"job 0x{job.hex()} failed: {reason}", hint=" ".join(filter(None, [FAILURES.get(reason), REFUND]))
            )
        if time.monotonic() > end:
            raise JobTimeoutError(
                f"job 0x{job.hex()} is {status.name.lower()} after {timeout:g} s",
                hint="It goes on without you. `aivm job show` tells how far it is.",
            )
        time.sleep(interval)


def failure_of(network: Network, job: bytes, state: Job) -> str:
    """Why a job failed, as the market's event says."""
    events = network.chain.logs(network.market, "JobFailed", from_block=state.request_block, topics={"job": job})
    return str(events[-1]["reason"]) if events else "no reason was recorded"


def fetch(network: Network, job: bytes) -> Result:
    """Fetches a settled job's output and verifies it down to the bytes.

    Raises:
        JobError: when there is no result, or the job admitted a kernel: see `certificate`.
        ResultMismatchError: when a record's answer is not the one that was settled.
    """
    state = _settled(network, job)
    if state.kind is JobKind.VALIDATION:
        raise JobError(
            f"job 0x{job.hex()} admitted a kernel, which has no output tensors",
            hint="`registry.requester.certificate` fetches what its committee found.",
        )
    manifest = manifest_of(network, state.kernel)
    with network.content_around(job) as content:
        record = records.decode(content.get_record(state.digest), OutputRecord)
        limit = min(record.size, manifest.limits.output_bytes)
        file = content.read_bytes(Cid.parse(record.tensors), limit=limit)
    if len(file) != record.size:
        raise ResultMismatchError(
            f"job 0x{job.hex()}: the output has {len(file)} bytes, its record says {record.size}",
            hint="A majority attested a record that is not true of its own output. Do not use it.",
        )
    outputs, _, recomputed = collect(manifest, file)
    for what, have in (("output record says", record.answer), ("output tensors give", f"0x{recomputed.hex()}")):
        if have != f"0x{state.answer.hex()}":
            raise ResultMismatchError(
                f"job 0x{job.hex()} was settled with the answer 0x{state.answer.hex()}, its {what} {have}",
                hint="A majority attested an answer that does not follow from its own output. Do not use it.",
            )
    return Result(job=job, digest=Digest(state.digest), answer=state.answer, outputs=outputs)


def certificate(network: Network, job: bytes) -> ValidationRecord:
    """What an admission committee settled on: the verdict, and what each conformance case gave.

    Raises:
        JobError: when it has not settled, or is an inference: see `fetch`.
    """
    state = _settled(network, job)
    if state.kind is not JobKind.VALIDATION:
        raise JobError(f"job 0x{job.hex()} is an inference and has no certificate", hint="`fetch` gives its result.")
    with network.content_around(job) as content:
        return records.decode(content.get_record(state.digest), ValidationRecord)


def _settled(network: Network, job: bytes) -> Job:
    status, state = look(network, job)
    if any(state.digest):
        return state
    if status is JobStatus.FAILED:
        reason = failure_of(network, job, state)
        raise JobFailedError(f"job 0x{job.hex()} failed and has no result: {reason}", hint=FAILURES.get(reason, ""))
    raise JobError(f"job 0x{job.hex()} has no result yet, it is {status.name.lower()}", hint="`aivm job watch` waits.")
