"""One deployment as its users see it: the chain, the contracts, the content."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from registry.content import ContentError, ContentStore, GatewayClient
from registry.content.http import base_url
from registry.contracts.appeals import Appeals
from registry.contracts.job_market import JobMarket
from registry.contracts.kernel_registry import KernelRegistry
from registry.contracts.validator_staking import ValidatorStaking
from registry.contracts.vrf_coordinator import VrfCoordinator
from registry.jobs import job_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.chain import Chain
    from registry.deployment import Deployment


#: Seconds for which the members of a committee are asked for content, unless somebody says less.
PEER_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What every role works with."""

    chain: Chain
    registry: KernelRegistry
    staking: ValidatorStaking
    vrf: VrfCoordinator
    market: JobMarket
    appeals: Appeals
    content: ContentStore

    @contextmanager
    def content_around(self, job: bytes, *, seconds: float = PEER_SECONDS) -> Iterator[ContentStore]:
        """The content store, asking also those who sit in a job: they have what it is about, and serve their outputs.

        What they announced as their gateway is theirs to choose, so nothing more is done with it than to ask it for a
        block by its CID, within the bounds of any gateway. One that is no URL is passed over, and so is one at an
        address of this machine or of a private network, unless the chain is a development chain.

        Args:
            job: the job's id.
            seconds: how long they are asked in all, however many they are and however slowly they answer.
        """
        endpoints = {self.staking.validator(member).endpoint for member in job_of(self.market, job).committee}
        with GatewayClient(
            sorted(filter(_is_url, endpoints)),
            timeout=5.0,
            deadline=20.0,
            total=seconds,
            public_only=not self.chain.is_development,
        ) as gateways:
            yield self.content.also([gateways] if gateways.urls else [])

    @classmethod
    def of(cls, chain: Chain, deployment: Deployment, content: ContentStore) -> Self:
        """Binds the contracts of a deployment to a chain and a content store."""
        return cls(
            chain=chain,
            registry=KernelRegistry(chain, deployment.kernel_registry),
            staking=ValidatorStaking(chain, deployment.validator_staking),
            vrf=VrfCoordinator(chain, deployment.vrf_coordinator),
            market=JobMarket(chain, deployment.job_market),
            appeals=Appeals(chain, deployment.appeals),
            content=content,
        )


def _is_url(endpoint: str) -> bool:
    try:
        base_url(endpoint)
    except ContentError:
        return False
    return True
