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
from aivm.execution.sketching import sketch_of
from aivm.kernel import input_record
from aivm.manifest import Manifest
from aivm.records import OutputRecord
from registry.contracts.types import ZERO_ADDRESS, JobFailure, JobKind, JobRequest, JobStatus
from registry.errors import RegistryError
from registry.jobs import job_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aivm.tensors import Array, Tensors
    from registry.contracts.contract import Call
    from registry.jobs import Job
    from registry.network import Network


class JobError(RegistryError):
    """A job did not give a result."""


class JobFailedError(JobError):
    """The job ended without a result; what was escrowed has been credited back."""


class JobTimeoutError(JobError):
    """The job was not settled in the time that the caller was ready to wait."""


class ResultMismatchError(JobError):
    """What was fetched as a job's output is not what the chain settled on."""


#: Machines of every environment class.
ANY_CLASS = bytes(32)

REFUND = "What was escrowed is credited to the job's refund address: `aivm job withdraw` collects it."

#: Why a job failed, and what to do about it.
FAILURES = {
    JobFailure.NO_SEED: ("no randomness in time", "No VRF operator answered. Ask again later."),
    JobFailure.TOO_FEW_VALIDATORS: (
        "fewer validators than seats",
        "Ask for a smaller committee, or wait until more validators have staked: stake weighs from the next epoch on.",
    ),
    JobFailure.REFUSED: (
        "refused",
        "Most of the committee could not compute it. Are the kernel's and the input's blocks served? Their logs tell.",
    ),
    JobFailure.NO_MAJORITY: ("no majority", ""),
    JobFailure.TOO_LATE_TO_GROW: ("no majority, and too late to grow", ""),
    JobFailure.TOO_FEW_LEFT: ("no majority, and too few left to draw", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A verified result.

    Attributes:
        job: the job's id.
        digest: of the output record, as settled.
        answer: the output's on-chain word.
        sketch: of the output, as settled under the rule `hamming`; else zero.
        outputs: the output tensors by name; their bytes hash to `digest`.
    """

    job: bytes
    digest: Digest
    answer: bytes
    sketch: bytes
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
    network: Network,
    requester: str,
    *,
    kernel: bytes,
    inputs: Tensors,
    committee_size: int = 3,
    environment_class: bytes = ANY_CLASS,
) -> tuple[Call, int]:
    """Publishes the inputs; returns the call that asks for the inference, and the wei that it costs.

    The event of its transaction, `JobRequested`, names the job.

    Args:
        network: the deployment to use.
        requester: address that is credited what is left over.
        kernel: its id.
        inputs: the kernel's non-random inputs by name.
        committee_size: seats of the first round: 3, 5 or 7.
        environment_class: whose machines may be drawn, 32 bytes. A kernel of the class `pinned` needs one.
    """
    digest = publish_input(network, manifest_of(network, kernel), inputs)
    job = JobRequest(
        kernel=kernel,
        input=bytes(digest),
        environment_class=environment_class,
        committee_size=committee_size,
        consumer=ZERO_ADDRESS,
        callback_gas=0,
        refund_to=requester,
    )
    return network.market.request(job), network.market.quote(kernel, committee_size=committee_size)


def wait(
    network: Network,
    job: bytes,
    *,
    timeout: float,
    interval: float = 0.5,
    on_change: Callable[[Job], None] | None = None,
) -> Job:
    """Waits until a job has a result.

    Args:
        network: the deployment to use.
        job: the job's id.
        timeout: seconds to wait.
        interval: seconds between looks.
        on_change: called with the job whenever its status or round changes.

    Raises:
        JobUnknownError: when there is no such job.
        JobFailedError: when it failed.
        JobTimeoutError: when it has neither settled nor failed in time; it may still do so.
    """
    end = time.monotonic() + timeout
    seen: tuple[JobStatus, int] | None = None
    while True:
        state = job_of(network.market, job)
        status = state.status
        if on_change and seen != (status, state.round):
            on_change(state)
            seen = (status, state.round)
        if status in {JobStatus.SETTLED, JobStatus.FINALISED}:
            return state
        if status is JobStatus.FAILED:
            raise failure_of(state)
        if time.monotonic() > end:
            raise JobTimeoutError(
                f"job 0x{job.hex()} is {status.name.lower()} after {timeout:g} s",
                hint="It goes on without you. `aivm job show` tells how far it is.",
            )
        time.sleep(interval)


def failure_of(job: Job) -> JobFailedError:
    """Why a job failed, and what to do."""
    if job.failure is None:
        raise AssertionError(job.status)
    reason, hint = FAILURES[job.failure]
    return JobFailedError(f"job 0x{job.id.hex()} failed: {reason}", hint=" ".join(filter(None, [hint, REFUND])))


def fetch(network: Network, job: bytes) -> Result:
    """Fetches a settled job's output and verifies it down to the bytes.

    Raises:
        JobError: when there is no result, or the job admitted a kernel: see `certificate`.
        ResultMismatchError: when a record's answer or its output's sketch is not the one that was settled.
    """
    state = settled(network, job)
    if state.kind is JobKind.VALIDATION:
        raise JobError(
            f"job 0x{job.hex()} admitted a kernel, which has no output tensors",
            hint="`registry.admissions.verdict` fetches what its committee found.",
        )
    manifest = manifest_of(network, state.kernel)
    with network.content_around(job) as content:
        record = records.decode(content.get_record(state.result.digest), OutputRecord)
        limit = min(record.size, manifest.limits.output_bytes)
        file = content.read_bytes(Cid.parse(record.tensors), limit=limit)
    if len(file) != record.size:
        raise ResultMismatchError(
            f"job 0x{job.hex()}: the output has {len(file)} bytes, its record says {record.size}",
            hint="A majority attested a record that is not true of its own output. Do not use it.",
        )
    outputs, _, recomputed = collect(manifest, file)
    for what, have in (("output record says", record.answer), ("output tensors give", f"0x{recomputed.hex()}")):
        if have != f"0x{state.result.answer.hex()}":
            raise ResultMismatchError(
                f"job 0x{job.hex()} was settled with the answer 0x{state.result.answer.hex()}, its {what} {have}",
                hint="A majority attested an answer that does not follow from its own output. Do not use it.",
            )
    sketch = sketch_of(manifest, outputs)
    if sketch != state.result.sketch:
        # The record is the medoid's own word: the others agreed to its sketch and its answer alone.
        raise ResultMismatchError(
            f"job 0x{job.hex()} was settled with the sketch 0x{state.result.sketch.hex()}, "
            f"its output has 0x{sketch.hex()}",
            hint="The member whose output was taken attested a sketch that is not its output's. Do not use it; "
            "`aivm job show` names what the others attested.",
        )
    return Result(
        job=job, digest=Digest(state.result.digest), answer=state.result.answer, sketch=sketch, outputs=outputs
    )


def settled(network: Network, job: bytes) -> Job:
    """A job that has a result.

    Raises:
        JobError: it has none yet, or will never have one.
    """
    state = job_of(network.market, job)
    if any(state.result.digest):
        return state
    if state.status is JobStatus.FAILED:
        raise failure_of(state)
    raise JobError(
        f"job 0x{job.hex()} has no result yet, it is {state.status.name.lower()}", hint="`aivm job watch` waits."
    )
