"""How often a stranger may knock: a token bucket for each address."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Bits of an IPv6 address that belong to one holder: whoever has a /64 has all of it.
IPV6_PREFIX = 64


class Rates:
    """Lets each address through `burst` times at once, and `per_second` times a second in the long run.

    Remembers at most `addresses` of them; the one that was silent longest is forgotten first.
    """

    def __init__(
        self,
        *,
        burst: int = 100,
        per_second: float = 20.0,
        addresses: int = 4096,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._per_second, self._addresses, self._clock = burst, per_second, addresses, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, address: str) -> bool:
        """Whether one more request of this address is to be looked at."""
        key, now = _holder(address), self._clock()
        left, since = self._buckets.pop(key, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._per_second)
        admitted = left >= 1
        self._buckets[key] = (left - admitted, now)
        if len(self._buckets) > self._addresses:
            self._buckets.popitem(last=False)
        return admitted

    def __len__(self) -> int:
        return len(self._buckets)


def _holder(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a socket without an address: all of those together
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
