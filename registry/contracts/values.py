"""From our typed values to what the ABI encoder takes."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any

from aivm.digests import Digest


def to_abi(value: Any) -> Any:
    """A plain value for `eth_abi`: structs become tuples in field order, enumerations their place, digests bytes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, Digest)):
        return tuple(to_abi(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Enum):
        return list(type(value)).index(value)
    if isinstance(value, Digest):
        return bytes(value)
    if isinstance(value, (list, tuple)):
        return tuple(to_abi(item) for item in value)
    return value
