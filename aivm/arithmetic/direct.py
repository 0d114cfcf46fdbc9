"""The short way of a run: inputs like those of a run before go straight into its plan.

What a session finds out for each run (which plan, which memory is which output) comes out as before if the inputs are
arrays of the same names, dtypes and shapes. The core compares that much itself; anything else goes the long way, where
errors have names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic import _core
from aivm.arithmetic.lower.stage import Finished
from aivm.arithmetic.lower.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aivm.arithmetic.executor import Stage

#: How many are kept: each costs the others a comparison.
_KEPT = 4


class DirectRuns:
    """The latest plans that were all of a run, each with what it was given."""

    def __init__(self) -> None:
        self._known: tuple[_core.Direct, ...] = ()

    def run(self, inputs: Mapping[str, Any], threads: int) -> dict[str, Any] | None:
        """The outputs by name, or None if no plan is known for such inputs."""
        if type(inputs) is not dict:
            return None
        for known in self._known:
            results = known.run(inputs, threads)
            if results is not None:
                return results
        return None

    def learn(self, stage: Stage, names: Sequence[str], outputs: Sequence[str]) -> None:
        """Keeps a plan for runs to come, if it is all that a run takes.

        Args:
            stage: the first plan of a run.
            names: of the inputs that it was made for, in order.
            outputs: the names of the model's outputs.
        """
        made = direct(stage, names, outputs)
        if made is not None:
            self._known = (made, *self._known[: _KEPT - 1])


def direct(
    stage: Stage, names: Sequence[str], outputs: Sequence[str], refs: Sequence[int] = (), dtypes: Sequence[str] = ()
) -> _core.Direct | None:
    """A plan as the core runs it without our help, or None if it is not all that a run takes.

    Args:
        stage: the first plan of a run.
        names: of the inputs that it was made for, in order.
        outputs: the names of the model's outputs.
        refs: buffers that traces have the digests of.
        dtypes: what those are taken for.
    """
    boundary, program = stage.boundary, stage.program
    if not isinstance(boundary, Finished):
        return None
    given = [item for item in stage.items if isinstance(item, Value)]
    results = [item for item in boundary.outputs if isinstance(item, Value)]
    places = {value.storage: place for place, value in enumerate(given)}
    made = {storage: place for place, storage in enumerate(program.outputs)}
    if (
        len(given) != len(names)
        or len(results) != len(outputs)
        or any(value.dtype == "bfloat16" for value in (*given, *results))  # none of NumPy's own
        or any(storage not in places for storage in program.inputs)
        or {value.storage for value in results} != set(made)
        or len(results) != len(made)
        or len(set(outputs)) != len(outputs)
    ):
        return None
    return _core.Direct(
        stage.plan,
        np.ndarray,
        [_core.Buffer(name, value.dtype, value.shape, "input") for name, value in zip(names, given, strict=True)],
        [places[storage] for storage in program.inputs],
        [_core.Buffer(name, value.dtype, value.shape, "output") for name, value in zip(outputs, results, strict=True)],
        [made[value.storage] for value in results],
        refs,
        dtypes,
    )
