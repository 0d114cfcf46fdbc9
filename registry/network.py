"""One deployment as its users see it: the chain, the four contracts, the content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from registry.contracts.job_market import JobMarket
from registry.contracts.kernel_registry import KernelRegistry
from registry.contracts.validator_staking import ValidatorStaking
from registry.contracts.vrf_coordinator import VrfCoordinator

if TYPE_CHECKING:
    from registry.chain import Chain
    from registry.content.store import ContentStore
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
