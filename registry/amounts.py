"""Amounts of ether as people write and read them."""

from __future__ import annotations

import re

from eth_utils.currency import from_wei, to_wei

from registry.errors import RegistryError


class AmountError(RegistryError):
    """A text that is no amount."""


def parse(text: str) -> int:
    """Wei from `2.5ether`, `30gwei`, `7wei`, or a bare number of wei.

    Raises:
        AmountError: for anything else, and for fractions of a wei.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(wei|gwei|ether)?", text.strip())
    unit = match[2] or "wei" if match else ""
    decimals = {"wei": 0, "gwei": 9, "ether": 18}
    if match is None or len(match[1].partition(".")[2]) > decimals[unit]:
        raise AmountError(f"{text!r} is no amount", hint="Write 2.5ether, 30gwei or 7wei.")
    return int(to_wei(match[1], unit))


def ether(wei: int) -> str:
    """An amount for people."""
    text = f"{from_wei(wei, 'ether'):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + " ether"
