"""One deployment as its users see it: the chain, the four contracts, the content."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from registry.content import ContentError, ContentStore, GatewayClient
from registry.contracts.job_market import JobMarket
from registry.contracts.kernel_registry import KernelRegistry
from registry.contracts.validator_staking import ValidatorStaking
from registry.contracts.vrf_coordinator import VrfCoordinator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.chain import Chain
    from registry.deployment import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What every role works with."""

    chain: Chain
    registry: KernelRegistry
    staking: ValidatorStaking
    vrf: VrfCoordinator
    market: JobMarket
    content: ContentStore

    @contextmanager
    def content_around(self, job: bytes) -> Iterator[ContentStore]:
        """The content store, asking also those who sit in a job: they have what it is about, and serve their outputs.

        What they announced as their gateway is theirs to choose, so nothing more is done with it than to ask it for a
        block by its CID, within the bounds of any gateway; one that is no URL is passed over.
        """
        with ExitStack() as stack:
            gateways = []
            for member in self.market.committee_of(job):
                endpoint = self.staking.validator(member).endpoint
                with suppress(ContentError):
                    gateways += [stack.enter_context(GatewayClient([endpoint], timeout=5.0))] if endpoint else []
            yield self.content.also(gateways)

    @classmethod
    def of(cls, chain: Chain, deployment: Deployment, content: ContentStore) -> Self:
        """Binds the contracts of a deployment to a chain and a content store."""
        return cls(
            chain=chain,
            registry=KernelRegistry(chain, deployment.kernel_registry),
            staking=ValidatorStaking(chain, deployment.validator_staking),
            vrf=VrfCoordinator(chain, deployment.vrf_coordinator),
            market=JobMarket(chain, deployment.job_market),
            content=content,
        )
