"""Which tests are asked first about a source. All that can see it are asked afterwards, so this is about time alone."""

from __future__ import annotations

from fnmatch import fnmatch

#: Patterns of sources, and of the suites that are about them.
FIRST = {
    "contracts/Appeals.sol": ("test/appeals/*",),
    "contracts/JobMarket.sol": ("test/market/*",),
    "contracts/KernelRegistry.sol": ("test/registry/[!R]*", "test/registry/Register.t.sol"),
    "contracts/MarketParameters.sol": ("test/market/Parameters*", "test/market/Construction*"),
    "contracts/Timelock.sol": ("test/market/Timelock*",),
    "contracts/ValidatorStaking.sol": ("test/staking/[!S]*", "test/staking/S[lt]a[sk]*"),
    "contracts/VrfCoordinator.sol": ("test/vrf/Operators*", "test/vrf/Requests*"),
    "contracts/examples/*": ("test/integration/Life*",),
    "contracts/libraries/Credits.sol": ("test/Credits*", "test/market/Settle*", "test/staking/Thaw*"),
    "contracts/libraries/Ecvrf.sol": ("test/vrf/Ecvrf.t.sol",),
    "contracts/libraries/Float32*": ("test/float32/[!G]*",),
    "contracts/libraries/HighestBit.sol": ("test/float32/*",),
    "contracts/libraries/Leaves.sol": ("test/staking/[!S]*", "test/staking/S[lt]a[sk]*"),
    "contracts/libraries/ManifestRules.sol": ("test/registry/*",),
    "contracts/libraries/Names.sol": ("test/registry/Grammar*",),
    "contracts/libraries/Rosters.sol": ("test/vrf/Operators*", "test/vrf/Requests*"),
    "contracts/libraries/Secp256k1.sol": ("test/vrf/Secp256k1*", "test/vrf/Ecvrf.t.sol"),
    "contracts/libraries/Sortition.sol": ("test/staking/Draw*",),
    "contracts/libraries/Tally.sol": ("test/market/Tally*", "test/market/Tolerant*"),
    "contracts/libraries/Text.sol": ("test/registry/Grammar*",),
    "contracts/libraries/WeightForest.sol": ("test/staking/Draw*", "test/staking/Stake.t.sol"),
    "contracts/types/Job*": ("test/market/[FR]*",),
    "contracts/types/Outcomes.sol": ("test/market/Settle*",),
    "contracts/types/VrfTicket.sol": ("test/vrf/Requests*",),
    "contracts/*": ("test/market/*",),
}


def stages(source: str, seeing: list[str]) -> list[list[str]]:
    """The suites that can see a source, in the order in which they are run: first those about it, if there are such.

    Args:
        source: `contracts/A.sol`.
        seeing: the files of tests that import it, however indirectly.
    """
    patterns = next(suites for pattern, suites in FIRST.items() if fnmatch(source, pattern))
    first = [suite for suite in seeing if any(fnmatch(suite, pattern) for pattern in patterns)]
    rest = [suite for suite in seeing if suite not in first]
    return [stage for stage in (first, rest) if stage]
