"""Two computations of one model, and whether they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.choice import Choice
from aivm.arithmetic.errors import ArithmeticEngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aivm.determinism.minimise.cut import Case
    from aivm.tensors import Array

    Runner = Callable[[bytes, Mapping[str, Array]], Mapping[str, Array] | None]


def engine_runner(engine: str) -> Runner:
    """Runs models in this process.

    Args:
        engine: its name and options, as `aivm diverge` takes them.

    Returns:
        A function of a model and its inputs that gives outputs by name, or None where the engine refuses either.

    Raises:
        EngineNameError: there is no such engine.
    """
    choice = Choice.parse(engine)

    def run(model: bytes, inputs: Mapping[str, Array]) -> Mapping[str, Array] | None:
        try:
            values = choice.open(model).run(inputs)
        except ArithmeticEngineError:
            return None
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}

    return run


def differing(a: Runner, b: Runner) -> Callable[[Case], bool]:
    """Whether both run a case, and some output has other bits; what one of them refuses does not count."""

    def differ(case: Case) -> bool:
        model = case.model.SerializeToString(deterministic=True)
        mine = a(model, case.inputs)
        if mine is None:
            return False
        theirs = b(model, case.inputs)
        return theirs is not None and any(not _same(mine[name], theirs[name]) for name in mine if name in theirs)

    return differ


def _same(a: Array, b: Array) -> bool:
    """Whether the bits are the same, where every NaN is one."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind == "f":
        both = np.isnan(a) & np.isnan(b)
        a, b = np.where(both, a.dtype.type(0), a), np.where(both, b.dtype.type(0), b)
    return a.tobytes() == b.tobytes()
