"""The state of a loop that is unrolled into the plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Graph
    from aivm.arithmetic.lower.values import Item


@dataclass(slots=True, kw_only=True)
class Repetition:
    """A Loop or a Scan.

    Attributes:
        body: its body.
        trips: how many iterations there are at the most.
        conditional: whether the body's first output says if it goes on, as in a Loop.
        states: how many values are handed from one iteration to the next.
        iteration: how many are done.
        carried: the values that are handed on.
        collected: for each scan output, what the iterations gave.
        sequences: for each scan input of a Scan, its slices in order.
        axes: for each scan output, the axis that it is stacked along.
        backward: for each scan output, whether the last iteration comes first.
        listed: whether the results are sequences, as those of a SequenceMap are.
    """

    body: Graph
    trips: int
    conditional: bool
    states: int
    iteration: int = 0
    carried: list[Item] = field(default_factory=list)
    collected: list[list[Item]] = field(default_factory=list)
    sequences: list[list[Item]] = field(default_factory=list)
    axes: Sequence[int] = ()
    backward: Sequence[bool] = ()
    listed: bool = False

    def copy(self) -> Repetition:
        """The same state, independent of this one."""
        return replace(self, carried=list(self.carried), collected=[list(items) for items in self.collected])

    def items(self) -> list[Item]:
        """Everything that later iterations and the results can read."""
        return [*self.carried, *self.collected, *(items[self.iteration :] for items in self.sequences)]

    def inputs(self, b: Builder) -> list[Item]:
        """The body's inputs for the iteration that comes."""
        if self.conditional:
            return [b.constant(np.array(self.iteration, np.int64)), b.constant(np.ones((), np.bool_)), *self.carried]
        return [*self.carried, *(items[self.iteration] for items in self.sequences)]

    def next(self, b: Builder, outputs: Sequence[Item]) -> list[Item] | None:
        """Takes the outputs of an iteration, and gives the inputs of the next one, or None if it was the last."""
        going = True
        if self.conditional:
            condition, *outputs = outputs
            if not isinstance(condition, Value):
                b.refuse("the body's condition is no tensor")
            going = bool(b.known_item(condition))
        self.carried = list(outputs[: self.states])
        for items, item in zip(self.collected, outputs[self.states :], strict=True):
            items.append(item)
        self.iteration += 1
        return self.inputs(b) if going and self.iteration < self.trips else None

    def results(self, b: Builder) -> list[Item]:
        """The outputs of the loop."""
        if self.listed:
            return list(self.collected)
        return [*self.carried, *(self._stacked(b, index) for index in range(len(self.collected)))]

    def _stacked(self, b: Builder, index: int) -> Value:
        values = [item for item in self.collected[index] if isinstance(item, Value)]
        port = self.body.outputs[self.conditional + self.states + index]
        if len(values) < len(self.collected[index]):
            b.refuse(f"scan output {port.name!r} is no tensor")
        if not values:
            shape = [extent if isinstance(extent, int) else 0 for extent in port.shape or ()]
            return b.empty((0, *shape), port.dtype or "float32")
        axis = b.axis(self.axes[index] if self.axes else 0, values[0].rank + 1)
        if self.backward and self.backward[index]:
            values.reverse()
        parts = [b.reshape(value, (*value.shape[:axis], 1, *value.shape[axis:])) for value in values]
        return b.concat(parts, axis)
