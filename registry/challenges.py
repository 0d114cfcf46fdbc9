"""Holding a kernel to its class: have it examined again, and show two results that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.contracts.types import Evidence, JobStatus
from registry.errors import RegistryError
from registry.jobs import job_of

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.network import Network


class ChallengeError(RegistryError):
    """A job shows nothing yet."""


def prepare(network: Network, kernel: bytes, one: bytes, other: bytes) -> Call:
    """The call that demotes a kernel, or bars a class from it, by two final jobs of it.

    Its events are `KernelDemoted` and `ClassBarred`, or one of them.

    Args:
        network: the deployment to use.
        kernel: the kernel's id.
        one: the id of a job.
        other: of another, whose result should have been the same.

    Raises:
        ChallengeError: a job is not final.
    """
    return network.registry.challenge(kernel, _evidence(network, one), _evidence(network, other))


def _evidence(network: Network, job: bytes) -> Evidence:
    state = job_of(network.market, job)
    if state.status is not JobStatus.FINALISED:
        raise ChallengeError(
            f"job 0x{job.hex()} is {state.status.name.lower()}",
            hint="Only final results can be held against a kernel: wait until its challenge window is over.",
        )
    return Evidence(job=job, terms=state.terms, progress=state.progress)


def admitted_classes(network: Network, kernel: bytes) -> list[bytes]:
    """The classes for which committees of their own have admitted a kernel, in the order in which they did."""
    registry = network.registry
    logs = network.chain.logs(registry, "ClassAdmitted", topics={"kernel": kernel})
    classes = [bytes(log["environment_class"]) for log in logs]
    return [each for each in classes if registry.is_admitted(kernel, each)]
