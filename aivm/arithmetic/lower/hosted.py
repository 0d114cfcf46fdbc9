"""Loops that are run one iteration at a time, each a run of the body's own plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Union

import numpy as np

from aivm.arithmetic.errors import LoopLimitError, MalformedModelError
from aivm.arithmetic.lower import dtypes

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
class HostedLoop:
    """A Loop, or a Scan.

    Attributes:
        body: its body.
        states: how many values are handed from one iteration to the next.
        scan: whether it is a Scan.
        constants: what the body takes from around it and is the same in every run.
        captured: names of what it takes from around it besides; these come behind the inputs.
        title: the node, for messages.
        limit: of iterations.
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
    limit: int = 0

    def __call__(self, run: GraphRun, inputs: Sequence[ArrayItem]) -> list[ArrayItem]:
        """Runs all iterations.

        Raises:
            LoopLimitError: there are more than allowed.
        """
        own = len(inputs) - len(self.captured)
        around = dict(zip(self.captured, inputs[own:], strict=True))
        return self._scan(run, inputs[:own], around) if self.scan else self._loop(run, inputs[:own], around)

    def _loop(self, run: GraphRun, inputs: Sequence[ArrayItem], around: dict[str, ArrayItem]) -> list[ArrayItem]:
        count, condition, *carried = inputs
        trips = None if count is None else int(np.asarray(count).reshape(-1)[0])
        going = condition is None or bool(np.asarray(condition).reshape(-1)[0])
        collected: list[list[ArrayItem]] = [[] for _ in self.body.outputs[1 + self.states :]]
        iteration = 0
        while going and (trips is None or iteration < trips):
            if iteration >= self.limit:
                raise LoopLimitError(f"{self.title}: more than the {self.limit} iterations allowed")
            fed = [np.array(iteration, np.int64), np.ones((), np.bool_), *carried]
            outputs = self._once(run, fed, around)
            going = bool(np.asarray(outputs[0]).reshape(-1)[0])
            carried = outputs[1 : 1 + self.states]
            for items, item in zip(collected, outputs[1 + self.states :], strict=True):
                items.append(item)
            iteration += 1
        return [*carried, *(self._stack(items, index, 1) for index, items in enumerate(collected))]

    def _scan(self, run: GraphRun, inputs: Sequence[ArrayItem], around: dict[str, ArrayItem]) -> list[ArrayItem]:
        carried, sources = list(inputs[: self.states]), [np.asarray(item) for item in inputs[self.states :]]
        moved = [np.moveaxis(array, axis, 0) for array, axis in zip(sources, self.input_axes, strict=True)]
        ordered = [array[::-1] if back else array for array, back in zip(moved, self.input_backward, strict=True)]
        collected: list[list[ArrayItem]] = [[] for _ in self.body.outputs[self.states :]]
        for slices in zip(*ordered, strict=True):
            outputs = self._once(run, [*carried, *(np.array(item, order="C") for item in slices)], around)
            carried = outputs[: self.states]
            for items, item in zip(collected, outputs[self.states :], strict=True):
                items.append(item)
        return [*carried, *(self._stack(items, index, 0) for index, items in enumerate(collected))]

    def _once(self, run: GraphRun, fed: Sequence[ArrayItem], around: dict[str, ArrayItem]) -> list[ArrayItem]:
        named = {port.name: item for port, item in zip(self.body.inputs, fed, strict=True)}
        return run(self.body, self.constants, {**around, **named})

    def _stack(self, items: list[ArrayItem], index: int, before: int) -> Array:
        port = self.body.outputs[before + self.states + index]
        if not items:
            shape = [extent if isinstance(extent, int) else 0 for extent in port.shape or ()]
            return np.zeros((0, *shape), dtypes.NUMPY[port.dtype or "float32"])
        arrays: list[Any] = list(items)
        if any(not isinstance(item, np.ndarray) or item.shape != arrays[0].shape for item in arrays):
            raise MalformedModelError(f"{self.title}: scan output {port.name!r} has another shape in each iteration")
        if self.output_backward and self.output_backward[index]:
            arrays.reverse()
        return np.stack(arrays, axis=self.output_axes[index] if self.output_axes else 0)
