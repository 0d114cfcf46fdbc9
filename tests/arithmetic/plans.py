"""Plans of one step, for tests."""

from __future__ import annotations

import numpy as np

from aivm.arithmetic import _core


def one_step(op, arrays, shape, ints=(), reals=(), *, constant=(), isa="", tiling=None, dtype="float32"):
    """A plan that applies `op` to arrays, of which those at the indices `constant` are constants.

    Returns a function of the number of threads that runs it.
    """
    buffers, refs, inputs, constants = [], [], [], []
    for i, array in enumerate(arrays):
        if array is None:
            refs.append(-1)
            continue
        array = np.ascontiguousarray(array)  # noqa: PLW2901
        refs.append(len(buffers))
        kind = "constant" if i in constant else "input"
        buffers.append(_core.Buffer(f"in{i}", str(array.dtype), array.shape, kind))
        (constants if i in constant else inputs).append(array)
    buffers.append(_core.Buffer("out", dtype, shape, "output"))
    step = _core.Step(op, "step", refs, [len(buffers) - 1], [int(i) for i in ints], list(reals))
    plan = _core.Plan(buffers, constants, [step], isa=isa, tiling=tiling or _core.Tiling())
    return lambda threads=1: plan.run(inputs, threads)[0]
