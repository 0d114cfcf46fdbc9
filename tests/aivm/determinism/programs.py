"""Programs in place of kernels: each depends on one thing that it must not depend on."""

from __future__ import annotations

import os
import time

import numpy as np


def doubled(inputs):
    """Nothing wrong with it."""
    return {"y": inputs["x"] * np.float32(2)}


def first_of_a_set(inputs):
    """The order of a set of texts is the hash seed's."""
    words = {f"word {number}" for number in range(100)}
    return {"y": np.array([int(next(iter(words)).split()[1])], np.int64), "x": inputs["x"]}


def unwritten(inputs):
    """Memory that nobody has written: large enough to come from the C library, and used before."""
    np.full(1000, 7, np.uint8).tobytes()
    return {"y": np.empty(4000, np.uint8)[2000:2016].copy(), "x": inputs["x"]}


def clock(inputs):
    """What time it is."""
    return {"y": np.array([time.time_ns()], np.int64), "x": inputs["x"]}


def matmul(inputs):
    """NumPy's BLAS, whose kernels add in another order each."""
    return {"y": inputs["x"] @ inputs["x"].T}


def broken(inputs):
    """Fails on one of the cases."""
    if inputs["x"].sum() > 5:
        raise ValueError("too large")
    return {"y": inputs["x"]}


def dies(inputs):
    """Ends its process on one of the cases."""
    if inputs["x"].sum() > 5:
        os._exit(3)
    return {"y": inputs["x"]}


def zone(inputs):
    """The time zone."""
    return {"y": np.array([time.localtime(0).tm_hour], np.int64), "x": inputs["x"]}


def wide(inputs):
    """Two megabytes of its input."""
    return {"y": np.full(1 << 19, inputs["x"].sum(), np.float32)}
