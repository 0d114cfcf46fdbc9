"""One primitive at a time: run with every instruction set and number of threads, which have to give the same bits."""

from __future__ import annotations

import numpy as np

from aivm.arithmetic import _core

THREADS = (1, 2)


def run_step(op, inputs, outs, ints=(), reals=(), *, constant=(), dtypes=None, isas=None):
    """What a step computes.

    Args:
        op: the primitive.
        inputs: arrays, None for an operand that is left out.
        outs: shape and dtype of each output, None for one that is left out.
        ints: its whole attributes.
        reals: its real attributes.
        constant: which inputs are constants of the plan.
        dtypes: the dtypes of inputs whose array does not say it (bfloat16 travels as uint16).
        isas: the instruction sets, all by default.

    Returns:
        The outputs, in a list.
    """
    expected = None
    for isa in isas or _core.isas():
        plan, given = prepare(op, inputs, outs, ints, reals, constant=constant, dtypes=dtypes, isa=isa)
        for threads in THREADS:
            results = plan.run(given, threads)
            if expected is None:
                expected = results
            for wanted, result in zip(expected, results, strict=True):
                assert wanted.tobytes() == result.tobytes(), f"{op} differs with {isa} and {threads} threads"
    return expected


def prepare(op, inputs, outs, ints=(), reals=(), *, constant=(), dtypes=None, isa=""):
    """A plan of one step, and what to run it with."""
    buffers, refs, given, constants = [], [], [], []
    for i, item in enumerate(inputs):
        if item is None:
            refs.append(-1)
            continue
        array = np.ascontiguousarray(item)
        refs.append(len(buffers))
        kind = "constant" if i in constant else "input"
        dtype = (dtypes or {}).get(i, str(array.dtype))
        buffers.append(_core.Buffer(f"in{i}", dtype, np.shape(item), kind))
        (constants if i in constant else given).append(array.reshape(np.shape(item)))
    targets = []
    for i, spec in enumerate(outs):
        if spec is None:
            targets.append(-1)
            continue
        shape, dtype = spec
        targets.append(len(buffers))
        buffers.append(_core.Buffer(f"out{i}", str(dtype), list(shape), "output"))
    step = _core.Step(op, "the step", refs, targets, [int(i) for i in ints], [float(r) for r in reals])
    return _core.Plan(buffers, constants, [step], isa=isa), given


def same_bits(a, b):
    """Equal in dtype, shape and every bit."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def canonical(array):
    """The array with each NaN as the one quiet NaN of its dtype."""
    array = np.array(array)
    if array.dtype.kind == "f":
        array[np.isnan(array)] = np.abs(np.array(np.nan, array.dtype))
    return array


#: Floats that are easy to get wrong.
SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, 3.4e38, -3.4e38, 1e-45, -1e-45, 1.2e-38, np.inf, -np.inf, np.nan],
    np.float32,
)


def specials(rng, shape, dtype=np.float32, share=0.2):
    """Normal numbers, some of them special ones."""
    values = np.array(rng.standard_normal(shape), dtype)
    chosen = rng.random(shape) < share
    with np.errstate(over="ignore"):
        values[chosen] = rng.choice(SPECIAL, int(np.sum(chosen))).astype(dtype)
    return values
