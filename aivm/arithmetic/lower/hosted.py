"""Loops that are run one iteration at a time, each a run of the body's own plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Union

import numpy as np

from aivm.arithmetic.errors import GraphMemoryError, LoopLimitError, MalformedModelError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.values import new_storage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aivm.arithmetic.lower.graph import Graph
    from aivm.arithmetic.lower.values import Value
    from aivm.tensors import Array

#: What stands for a tensor, an optional without an element, or a sequence during a run.
ArrayItem = Union["Array", None, list["ArrayItem"]]


class GraphRun(Protocol):
    """Runs a graph on arrays; the plans of a graph are kept from one call to the next."""

    def __call__(
        self, graph: Graph, constants: Mapping[str, Value], inputs: Mapping[str, ArrayItem]
    ) -> list[ArrayItem]: ...


@dataclass(slots=True, kw_only=True)
class Budget:
    """What the loops of one run may still use, those within others too.

    Attributes:
        iterations: how many there may be.
        bytes: how many more for what they give; None for no limit.
        spent: how many iterations there were.
    """

    iterations: int
    bytes: int | None = None
    spent: int = 0

    def spend(self, where: str) -> None:
        """Takes one iteration.

        Raises:
            LoopLimitError: there is none left.
        """
        if self.spent >= self.iterations:
            raise LoopLimitError(
                f"{where}: all loops of the run together have more than the {self.iterations} iterations allowed",
                hint="allow more, in aivm.Limits",
            )
        self.spent += 1

    def keep(self, where: str, item: ArrayItem) -> None:
        """Takes the memory of what an iteration gave.

        Raises:
            GraphMemoryError: there is not as much left.
        """
        if self.bytes is not None and isinstance(item, np.ndarray):
            self.bytes -= item.nbytes
            if self.bytes < 0:
                raise GraphMemoryError(
                    f"{where}: what the iterations give takes more memory than is allowed",
                    hint=GraphMemoryError.ALLOW_MORE,
                )


@dataclass(slots=True, kw_only=True)
class HostedLoop:
    """A Loop, or a Scan.

    Attributes:
        body: its body.
        states: how many values are handed from one iteration to the next.
        scan: whether it is a Scan.
        constants: what the body takes from around it and is the same in every run.
        captured: names of what it takes from around it besides; these come behind the inputs.
        title: the node, for messages.
    """

    body: Graph
    states: int
    scan: bool = False
    input_axes: Sequence[int] = ()
    input_backward: Sequence[bool] = ()
    output_axes: Sequence[int] = ()
    output_backward: Sequence[bool] = ()
    constants: dict[str, Value] = field(default_factory=dict)
    captured: Sequence[str] = ()
    title: str = ""

    def __call__(self, run: GraphRun, inputs: Sequence[ArrayItem], budget: Budget) -> list[ArrayItem]:
        """Runs all iterations.

        Raises:
            LoopLimitError: there are more than allowed.
            GraphMemoryError: what they give takes more memory than allowed.
        """
        own = len(inputs) - len(self.captured)
        around = dict(zip(self.captured, inputs[own:], strict=True))
        go = self._scan if self.scan else self._loop
        return go(run, inputs[:own], around, budget)

    def _loop(
        self, run: GraphRun, inputs: Sequence[ArrayItem], around: dict[str, ArrayItem], budget: Budget
    ) -> list[ArrayItem]:
        count, condition, *carried = inputs
        trips = None if count is None else int(self._one(count))
        going = condition is None or bool(self._one(condition))
        collected: list[list[ArrayItem]] = [[] for _ in self.body.outputs[1 + self.states :]]
        iteration = 0
        while going and (trips is None or iteration < trips):
            budget.spend(self.title)
            fed = [np.array(iteration, np.int64), np.ones((), np.bool_), *carried]
            outputs = self._once(run, fed, around)
            going = bool(self._one(outputs[0]))
            carried = outputs[1 : 1 + self.states]
            self._collect(collected, outputs[1 + self.states :], budget)
            iteration += 1
        return [*carried, *(self._stack(items, index, 1) for index, items in enumerate(collected))]

    def _scan(
        self, run: GraphRun, inputs: Sequence[ArrayItem], around: dict[str, ArrayItem], budget: Budget
    ) -> list[ArrayItem]:
        carried, sources = list(inputs[: self.states]), [np.asarray(item) for item in inputs[self.states :]]
        moved = [np.moveaxis(array, axis, 0) for array, axis in zip(sources, self.input_axes, strict=True)]
        ordered = [array[::-1] if back else array for array, back in zip(moved, self.input_backward, strict=True)]
        collected: list[list[ArrayItem]] = [[] for _ in self.body.outputs[self.states :]]
        for slices in zip(*ordered, strict=True):
            budget.spend(self.title)
            outputs = self._once(run, [*carried, *(np.array(item, order="C") for item in slices)], around)
            carried = outputs[: self.states]
            self._collect(collected, outputs[self.states :], budget)
        return [*carried, *(self._stack(items, index, 0) for index, items in enumerate(collected))]

    def _one(self, item: ArrayItem) -> Any:
        """The one element of a tensor."""
        if not isinstance(item, np.ndarray) or item.size != 1:
            raise MalformedModelError(f"{self.title}: the number of iterations or the condition is not one element")
        return item.reshape(-1)[0]

    def _collect(self, collected: list[list[ArrayItem]], outputs: Sequence[ArrayItem], budget: Budget) -> None:
        for items, item in zip(collected, outputs, strict=True):
            budget.keep(self.title, item)
            items.append(item)

    def _once(self, run: GraphRun, fed: Sequence[ArrayItem], around: dict[str, ArrayItem]) -> list[ArrayItem]:
        named = {port.name: item for port, item in zip(self.body.inputs, fed, strict=True)}
        return run(self.body, self.constants, {**around, **named})

    def _stack(self, items: list[ArrayItem], index: int, before: int) -> Array:
        port = self.body.outputs[before + self.states + index]
        if not items:
            shape = [extent if isinstance(extent, int) else 0 for extent in port.shape or ()]
            new_storage(port.name, port.dtype or "float32", (0, *shape), self.title)  # refuses what overflows
            return np.zeros((0, *shape), dtypes.NUMPY[port.dtype or "float32"])
        arrays: list[Any] = list(items)
        if any(not isinstance(item, np.ndarray) or item.shape != arrays[0].shape for item in arrays):
            raise MalformedModelError(f"{self.title}: scan output {port.name!r} has another shape in each iteration")
        if self.output_backward and self.output_backward[index]:
            arrays.reverse()
        return np.stack(arrays, axis=self.output_axes[index] if self.output_axes else 0)
