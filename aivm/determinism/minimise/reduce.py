"""From a model that two computations disagree about to the smallest part that they still disagree about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from aivm import tensors
from aivm.arithmetic.session import read_model
from aivm.determinism.minimise.cut import Case, MinimiseError, contents, part, tensors_made
from aivm.determinism.minimise.ddmin import ddmin
from aivm.determinism.minimise.shrink import simpler, smaller
from aivm.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from aivm.determinism.minimise.runners import Runner
    from aivm.tensors import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproducer:
    """What is left.

    Attributes:
        case: the model and its inputs.
        operators: the types of its nodes, in their order.
        nodes: how many there were before, and how many there are.
        elements: the same of inputs and constants.
        tries: how often two computations were compared.
    """

    case: Case
    operators: tuple[str, ...]
    nodes: tuple[int, int]
    elements: tuple[int, int]
    tries: int


def minimise(
    source: Any,
    inputs: Mapping[str, Array],
    differ: Callable[[Case], bool],
    watchers: Sequence[Runner],
    *,
    most: int = 3000,
) -> Reproducer:
    """The smallest subgraph and inputs on which two computations still differ.

    Nodes are taken away by delta debugging, from the whole graph or, where that alone differs, from one node; what a
    part reads and does not make is fed with what the whole had computed there. Then extents shrink, and numbers
    become simple.

    Args:
        source: the model, a path, its bytes or parsed.
        inputs: arrays by name.
        differ: whether a case still shows it.
        watchers: the first that can computes all tensors of the whole once.
        most: comparisons; what is left when they are used up is still a case that differs.

    Raises:
        MinimiseError: the computations do not differ, or the model cannot be watched.
    """
    proto, _ = read_model(source)
    whole = Case(model=proto, inputs=dict(inputs))
    counter = _Counter(differ, most)
    if not counter.differ(whole):
        hint = "name two that differ, and an input that shows it"
        raise MinimiseError("both computations give the same bits", hint=hint)
    values = _values(whole, watchers)
    case = _fewest_nodes(whole, values, counter.differ)
    before = _elements(whole)
    case = simpler(smaller(case, counter.differ), counter.differ)
    case = smaller(case, counter.differ)
    return Reproducer(
        case=case,
        operators=tuple(node.op_type for node in case.model.graph.node),
        nodes=(len(proto.graph.node), len(case.model.graph.node)),
        elements=(before, _elements(case)),
        tries=counter.tries,
    )


def _fewest_nodes(whole: Case, values: Mapping[str, Array], differ: Callable[[Case], bool]) -> Case:
    def cut(nodes: list[int]) -> Case | None:
        return part(whole, values, nodes)

    def fails(nodes: list[int]) -> bool:
        found = cut(nodes) if nodes else None
        return found is not None and differ(found)

    everything = list(range(len(whole.model.graph.node)))
    # One node is enough for most differences, and the first that differs alone is the first that rounds otherwise.
    alone = next(([node] for node in everything if fails([node])), None)
    if alone is None and not fails(everything):
        return whole
    found = cut(alone or ddmin(everything, fails))
    assert found is not None
    return found


def _values(whole: Case, watchers: Sequence[Runner]) -> dict[str, Array]:
    watched = onnx.ModelProto()
    watched.CopyFrom(whole.model)
    asked = {output.name for output in watched.graph.output}
    watched.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in tensors_made(whole.model) if name not in asked
    )
    for watch in watchers:
        values = watch(watched.SerializeToString(deterministic=True), whole.inputs)
        if values is not None:
            return {**whole.inputs, **values}
    raise MinimiseError("neither engine lets the model's tensors be watched")


def _elements(case: Case) -> int:
    return sum(array.size for array in contents(case).values())


class _Counter:
    """Counts comparisons, remembers what was compared, and says no when there were enough."""

    def __init__(self, differ: Callable[[Case], bool], most: int) -> None:
        self._differ, self._most = differ, most
        self._known: dict[Digest, bool] = {}
        self.tries = 0

    def differ(self, case: Case) -> bool:
        key = Digest.of(case.model.SerializeToString(deterministic=True) + tensors.encode(case.inputs))
        if key not in self._known:
            if self.tries >= self._most:
                return False
            self.tries += 1
            self._known[key] = self._differ(case)
        return self._known[key]
