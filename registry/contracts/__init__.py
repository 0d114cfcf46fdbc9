"""The contracts as Python objects: reads return typed values, writes return a `Call` for `Chain.transact`.

market = JobMarket(chain, address)
fee = market.quote(kernel, committee_size=5, callback_gas=100_000)
receipt = chain.transact(market.request(job), value=fee, sender=me)
job = receipt.event("JobRequested")["job"]
market.status_of(job)
"""

from __future__ import annotations

from registry.contracts.appeals import Appeals
from registry.contracts.job_market import JobMarket
from registry.contracts.kernel_registry import KernelRegistry
from registry.contracts.market_parameters import MarketParameters
from registry.contracts.timelock import Timelock
from registry.contracts.validator_staking import ValidatorStaking
from registry.contracts.vrf_coordinator import VrfCoordinator

__all__ = [
    "Appeals",
    "JobMarket",
    "KernelRegistry",
    "MarketParameters",
    "Timelock",
    "ValidatorStaking",
    "VrfCoordinator",
]
