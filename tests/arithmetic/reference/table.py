"""The operators, each a function of its node and its inputs."""

from __future__ import annotations

import numpy as np

TABLE = {}


def operator(*names, domain="", moves=False):
    """Registers a function for operators; unless it only moves bits its floats come out with the one NaN (§1.4)."""

    def register(function):
        for name in names:
            TABLE[domain, name] = function if moves else lambda *inputs: _canonical_all(function(*inputs))
        return function

    return register


class Node:
    """A node whose attributes are Python values.

    Attributes:
        proto: the node.
        version: of its operator set.
    """

    def __init__(self, proto, version, attributes):
        self.proto, self.version, self.attributes = proto, version, attributes

    def get(self, name, default=None):
        """An attribute, or what stands for it."""
        return self.attributes.get(name, default)


def _canonical_all(results):
    return tuple(map(canonical, results)) if isinstance(results, tuple) else canonical(results)


def canonical(array):
    """NaNs become the one of their type (§1.4)."""
    if not isinstance(array, (np.ndarray, np.generic)) or array.dtype.kind not in "fV":
        return array
    array = np.array(array)
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        array[np.isnan(array)] = np.abs(np.array(np.nan, array.dtype))
    return array
