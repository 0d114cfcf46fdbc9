"""The publisher's side: put a kernel's blocks where they can be fetched, register it, have it admitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aivm import kernel as kernels
from registry import errors
from registry.contracts.kernel_registry import ALL_CLASSES
from registry.contracts.manifest_fields import manifest_fields
from registry.contracts.types import JobStatus, KernelStatus
from registry.ids import kernel_id, manifest_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from eth_account.signers.local import LocalAccount

    from aivm.kernel import Kernel
    from registry.chain.receipts import Receipt
    from registry.contracts.contract import Call
    from registry.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing came to.

    Attributes:
        kernel: the kernel's id.
        status: its status on chain afterwards.
        job: the admission job under way or done, if one was asked for.
        receipts: the transactions that were needed, by step; none for what had been done before.
    """

    kernel: bytes
    status: KernelStatus
    job: bytes | None
    receipts: dict[str, Receipt]


def store_blocks(network: Network, kernel: Kernel) -> int:
    """Puts every block of a kernel into the content store; returns how many."""
    count = 0
    for cid, block in kernels.blocks(kernel):
        network.content.put(cid, block)
        count += 1
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A transaction that publishing needs."""

    name: str
    text: str
    call: Call
    value: int = 0


def next_steps(
    network: Network,
    publisher: str,
    kernel: Kernel,
    *,
    handle: str,
    committee_size: int | None,
    environment_class: bytes = ALL_CLASSES,
) -> list[Step]:
    """What is left to do, in order; each is skipped if the chain shows it done."""
    registry = network.registry
    steps = []
    if registry.handle_of(publisher) != handle:
        steps.append(
            Step(
                name="register_publisher",
                text=f"claiming the handle {handle}",
                call=registry.register_publisher(handle),
            )
        )
    identity = kernel_id(publisher, manifest_id(kernel.manifest))
    status, job = _state(network, identity)
    if status is KernelStatus.UNKNOWN:
        call = registry.register(manifest_fields(kernel.manifest))
        steps.append(Step(name="register_kernel", text="registering the manifest", call=call))
    undecided = status in {KernelStatus.UNKNOWN, KernelStatus.REGISTERED}
    if committee_size is not None and undecided and _may_ask(network, job):
        steps.append(
            Step(
                name="request_validation",
                text="requesting admission",
                call=registry.request_validation(
                    identity, committee_size=committee_size, environment_class=environment_class
                ),
                value=network.market.quote_validation(committee_size=committee_size),
            )
        )
    return steps


def publish(
    network: Network,
    publisher: LocalAccount,
    kernel: Kernel,
    *,
    handle: str,
    committee_size: int | None = 3,
    environment_class: bytes = ALL_CLASSES,
    on_step: Callable[[str], None] = lambda _: None,
) -> Publication:
    """Publishes a kernel, from wherever an earlier attempt stopped.

    Args:
        network: the deployment to publish to.
        publisher: pays, signs and owns.
        kernel: a packed kernel.
        handle: the publisher's handle, claimed if it has none yet.
        committee_size: seats of the admission committee, or None not to ask for admission.
        environment_class: of the committee, for a pinned kernel; two classes at least without one.
        on_step: told before each step.

    Raises:
        registry.errors.ContractError: when a contract refuses, by its own name, such as `KernelRegistryVersionTaken`.
    """
    receipts: dict[str, Receipt] = {}
    on_step("storing blocks")
    store_blocks(network, kernel)
    steps = next_steps(
        network,
        publisher.address,
        kernel,
        handle=handle,
        committee_size=committee_size,
        environment_class=environment_class,
    )
    for step in steps:
        on_step(step.text)
        receipts[step.name] = network.chain.transact(step.call, sender=publisher, value=step.value)
    identity = kernel_id(publisher.address, manifest_id(kernel.manifest))
    status, job = _state(network, identity)
    return Publication(kernel=identity, status=status, job=job, receipts=receipts)


def plan(
    network: Network,
    publisher: LocalAccount,
    kernel: Kernel,
    *,
    handle: str,
    committee_size: int | None = 3,
    environment_class: bytes = ALL_CLASSES,
) -> list[dict[str, Any]]:
    """The transactions that `publish` would send. The first one is exact; what the others cost follows from it."""
    steps = next_steps(
        network,
        publisher.address,
        kernel,
        handle=handle,
        committee_size=committee_size,
        environment_class=environment_class,
    )
    return [
        network.chain.dry_run(step.call, sender=publisher, value=step.value)
        if index == 0
        else {"call": str(step.call), "to": step.call.to, "data": "0x" + step.call.data.hex(), "value": step.value}
        for index, step in enumerate(steps)
    ]


def _state(network: Network, kernel: bytes) -> tuple[KernelStatus, bytes | None]:
    try:
        state = network.registry.kernel_of(kernel)
    except errors.KernelRegistryUnknownKernel:
        return KernelStatus.UNKNOWN, None
    return state.status, state.validation_job if any(state.validation_job) else None


def _may_ask(network: Network, job: bytes | None) -> bool:
    """Whether no earlier admission job can still decide: one that has left it undecided cannot."""
    if job is None or network.market.status_of(job) is JobStatus.FAILED:
        return True
    _, delivered = network.market.delivery_of(job)
    return delivered
