"""The KernelRegistry: manifests, names and versions, life cycle (contracts/interfaces/IKernelRegistry.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.contract import Call, Contract

if TYPE_CHECKING:
    from registry.contracts.manifest_fields import ManifestFields
    from registry.contracts.types import Evidence, Kernel, KernelTerms
    from registry.ids import KernelId, ManifestId

#: As environment class of a committee: two classes at least.
ALL_CLASSES = bytes(32)


class KernelRegistry(Contract):
    """The kernels. Events: PublisherRegistered, KernelRegistered, ValidationRequested, KernelApproved, and more."""

    NAME = "KernelRegistry"

    def register_publisher(self, handle: str) -> Call:
        """Claims a handle for the sender, for ever. Event: PublisherRegistered(publisher, handle)."""
        return self.prepare("registerPublisher", handle)

    def register(self, manifest: ManifestFields) -> Call:
        """Registers a kernel of the sender. Event: KernelRegistered(kernel, publisher, manifest_id, record, …)."""
        return self.prepare("register", manifest)

    def request_validation(
        self, kernel: KernelId, *, committee_size: int, environment_class: bytes = ALL_CLASSES
    ) -> Call:
        """Pays for the admission; value: `JobMarket.quote_validation`.

        Event: ValidationRequested(kernel, job, environment_class).

        Args:
            kernel: registered, or approved, to have it examined again.
            committee_size: odd, 3 to 7.
            environment_class: of the members, which a pinned kernel needs; all if it is 32 zero bytes.
        """
        return self.prepare("requestValidation", kernel, environment_class, committee_size)

    def challenge(self, kernel: KernelId, one: Evidence, other: Evidence) -> Call:
        """Takes a kernel down by two final jobs.

        Events: KernelDemoted(kernel, one, other) where it was bitwise, and is pinned from now on;
        ClassBarred(kernel, environment_class, one, other) where a class contradicts itself.
        """
        return self.prepare("challenge", kernel, one, other)

    def is_admitted(self, kernel: KernelId, environment_class: bytes) -> bool:
        """Whether a committee of that class alone has found that the kernel conforms."""
        return cast("bool", self.read("isAdmitted", kernel, environment_class))

    def is_barred(self, kernel: KernelId, environment_class: bytes) -> bool:
        """Whether that class was shown to give it two results."""
        return cast("bool", self.read("isBarred", kernel, environment_class))

    def set_alias(self, label: str, kernel: KernelId) -> Call:
        """Moves a label to one of the sender's kernels. Event: AliasMoved(publisher, name, label, kernel)."""
        return self.prepare("setAlias", label, kernel)

    def deprecate(self, kernel: KernelId, reason: str) -> Call:
        """Marks one of the sender's kernels as deprecated. Event: KernelDeprecated(kernel, reason)."""
        return self.prepare("deprecate", kernel, reason)

    def kernel_of(self, kernel: KernelId) -> Kernel:
        """The kernel's status and where it came from; of status UNKNOWN if it is not registered."""
        return cast("Kernel", self.read("kernelOf", kernel))

    def terms_of(self, kernel: KernelId, environment_class: bytes = ALL_CLASSES) -> KernelTerms:
        """What a job for a class needs to know of a kernel."""
        return cast("KernelTerms", self.read("termsOf", kernel, environment_class))

    def manifest_of(self, kernel: KernelId) -> ManifestFields:
        """The manifest fields that the chain keeps; all empty if the kernel is not registered."""
        return cast("ManifestFields", self.read("manifestOf", kernel))

    def resolve(self, handle: str, name: str, version_or_label: str) -> KernelId:
        """The kernel at `handle/name@version_or_label`.

        Raises:
            ContractError: KernelRegistryUnknownName.
        """
        return cast("KernelId", self.read("resolve", handle, name, version_or_label))

    def publisher_of(self, handle: str) -> str:
        """The address that claimed a handle, or the zero address."""
        return cast("str", self.read("publisherOf", handle))

    def handle_of(self, publisher: str) -> str:
        """The handle of a publisher, or an empty string."""
        return cast("str", self.read("handleOf", publisher))

    def manifest_id_of(self, manifest: ManifestFields) -> ManifestId:
        """The contract's own computation of `registry.ids.manifest_id`."""
        return cast("ManifestId", self.read("manifestIdOf", manifest))

    def kernel_id_of(self, publisher: str, manifest: ManifestId) -> KernelId:
        """The contract's own computation of `registry.ids.kernel_id`."""
        return cast("KernelId", self.read("kernelIdOf", publisher, manifest))

    def market(self) -> str:
        """The JobMarket that validates and pays."""
        return cast("str", self.read("market"))
