"""Control flow: If, Loop, Scan and SequenceMap.

What is known before a run is decided here: a branch becomes part of the plan, and so does a loop whose number of
iterations is known and not large. Other loops are run one iteration at a time; either way the same is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic.errors import LoopLimitError
from aivm.arithmetic.lower.hosted import HostedLoop
from aivm.arithmetic.lower.loops import Repetition
from aivm.arithmetic.lower.values import Value, constant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Graph, Node
    from aivm.arithmetic.lower.stage import Walk
    from aivm.arithmetic.lower.values import Item


_TRUE = np.ones((), np.bool_)


def if_(walk: Walk, b: Builder, node: Node, inputs: Sequence[Item]) -> None:
    """Goes into one branch; where data decides which, the walk stops for it."""
    name = "then_branch" if bool(b.known_item(_tensor(b, inputs[0]))) else "else_branch"
    walk.push(node, _graph(b, node, name), [], nested=True)


def loop(walk: Walk, b: Builder, node: Node, inputs: Sequence[Item]) -> None:
    """Unrolls a loop, or leaves it to the run."""
    body = _graph(b, node, "body")
    count, condition, *carried = [*inputs, None, None][: max(len(inputs), 2)]
    if len(body.inputs) != 2 + len(carried) or len(body.outputs) < 1 + len(carried):
        b.refuse(f"the body has {len(body.inputs)} inputs and {len(body.outputs)} outputs for {len(carried)} values")
    scans = len(body.outputs) - 1 - len(carried)
    trips = None if count is None else b.find(_tensor(b, count))
    going = _TRUE if condition is None else b.find(_tensor(b, condition))
    steady = _steady_condition(body)
    if count is None and steady and going is not None and going.all():
        raise LoopLimitError(f"{b.place.title}: the loop never ends")
    known = trips is not None and going is not None and steady
    most = max(int(trips.reshape(-1)[0]), 0) if trips is not None and going is not None and going.all() else 0
    if known and most > walk.limits.iterations:
        raise LoopLimitError(f"{b.place.title}: {most} iterations, more than the {walk.limits.iterations} allowed")
    if not known or most * max(len(body.nodes), 1) > walk.limits.unrolled:
        _host(walk, node, HostedLoop(body=body, states=len(carried)), [count, condition, *carried])
    repetition = Repetition(
        body=body,
        trips=most,
        conditional=True,
        states=len(carried),
        carried=list(carried),
        collected=[[] for _ in range(scans)],
    )
    _begin(walk, b, node, repetition)


def scan(walk: Walk, b: Builder, node: Node, inputs: Sequence[Item]) -> None:
    """Unrolls a scan: its number of iterations is an extent, which is known."""
    body = _graph(b, node, "body")
    sources = int(node.get("num_scan_inputs", 0))
    states = len(inputs) - sources
    scans = len(body.outputs) - states
    if sources < 1 or states < 0 or scans < 0 or len(body.inputs) != len(inputs):
        b.refuse(
            f"{sources} scan inputs do not fit a body of {len(body.inputs)} inputs and {len(body.outputs)} outputs"
        )
    values = [_tensor(b, item) for item in inputs[states:]]
    directions = _numbers(b, node, "scan_input_directions", sources)
    axes = [
        b.axis(axis, value.rank)
        for axis, value in zip(_numbers(b, node, "scan_input_axes", sources), values, strict=True)
    ]
    trips = {value.shape[axis] for value, axis in zip(values, axes, strict=True)}
    if len(trips) != 1:
        b.refuse(f"the scan inputs have {sorted(trips)} slices")
    (most,) = trips
    if most > walk.limits.iterations:
        raise LoopLimitError(f"{b.place.title}: {most} iterations, more than the {walk.limits.iterations} allowed")
    output_axes = _numbers(b, node, "scan_output_axes", scans)
    backward = [bool(item) for item in _numbers(b, node, "scan_output_directions", scans)]
    if most * max(len(body.nodes), 1) > walk.limits.unrolled:
        hosted = HostedLoop(
            body=body,
            states=states,
            scan=True,
            input_axes=axes,
            input_backward=[bool(item) for item in directions],
            output_axes=output_axes,
            output_backward=backward,
        )
        _host(walk, node, hosted, inputs)
    sequences: list[list[Item]] = []
    for value, axis, direction in zip(values, axes, directions, strict=True):
        slices: list[Item] = [b.index(value, axis, place) for place in range(most)]
        sequences.append(list(reversed(slices)) if direction else slices)
    repetition = Repetition(
        body=body,
        trips=most,
        conditional=False,
        states=states,
        carried=list(inputs[:states]),
        collected=[[] for _ in range(scans)],
        sequences=sequences,
        axes=output_axes,
        backward=backward,
    )
    _begin(walk, b, node, repetition)


def sequence_map(walk: Walk, b: Builder, node: Node, inputs: Sequence[Item]) -> None:
    """Unrolls a map over a sequence: its length is known. Other sequences go along; tensors are the same each time."""
    body = _graph(b, node, "body")
    if len(body.inputs) != len(inputs) or not isinstance(inputs[0], list):
        b.refuse(f"a body of {len(body.inputs)} inputs for {len(inputs)} inputs, of which the first is a sequence")
    count = len(inputs[0])
    sequences: list[list[Item]] = [item if isinstance(item, list) else [item] * count for item in inputs]
    if any(len(items) != count for items in sequences):
        b.refuse("the sequences differ in length")
    repetition = Repetition(
        body=body,
        trips=count,
        conditional=False,
        states=0,
        collected=[[] for _ in body.outputs],
        sequences=sequences,
        listed=True,
    )
    _begin(walk, b, node, repetition)


FLOW: dict[str, Callable[[Walk, Builder, Node, Sequence[Item]], None]] = {
    "If": if_,
    "Loop": loop,
    "Scan": scan,
    "SequenceMap": sequence_map,
}


def _begin(walk: Walk, b: Builder, node: Node, repetition: Repetition) -> None:
    if repetition.trips == 0:
        walk.bind(repetition.results(b))
        return
    walk.push(node, repetition.body, repetition.inputs(b), nested=True, repetition=repetition)


def _host(walk: Walk, node: Node, hosted: HostedLoop, inputs: Sequence[Item]) -> None:
    """Stops the walk: what the body takes from around it goes along, as constants where it is known."""
    from aivm.arithmetic.lower.stage import NeedsHostError, find  # noqa: PLC0415 - the walk imports this module

    captured: dict[str, Item] = {}
    for name in sorted(node.captures):
        item = walk.look(name)
        array = find(item.storage, walk.knowledge) if isinstance(item, Value) else None
        if array is None or not isinstance(item, Value):
            captured[name] = item
        else:
            known = item if item.storage.array is not None else constant(item.seen(array), name)
            hosted.constants[name] = known
    hosted.captured = list(captured)
    hosted.title = node.title
    raise NeedsHostError([*inputs, *captured.values()], hosted)


def _steady_condition(body: Graph) -> bool:
    """Whether the body's condition is the one that it is given, or a constant."""
    made = {name: item for item in body.nodes for name in item.outputs}
    name = body.outputs[0].name
    while name in made:
        item = made[name]
        if item.op_type == "Constant" and item.domain == "":
            return True
        if item.op_type != "Identity" or item.domain != "":
            return False
        name = item.inputs[0]
    return name == body.inputs[1].name or name in body.constants


def _graph(b: Builder, node: Node, name: str) -> Graph:
    from aivm.arithmetic.lower.graph import Graph  # noqa: PLC0415 - for the check alone

    graph: Any = node.get(name)
    if not isinstance(graph, Graph):
        b.refuse(f"attribute {name!r} is no graph")
    return graph


def _tensor(b: Builder, item: Item) -> Value:
    if not isinstance(item, Value):
        b.refuse("an input that should be a tensor is none")
    return item


def _numbers(b: Builder, node: Node, name: str, count: int) -> list[int]:
    numbers = node.get(name) or [0] * count
    if len(numbers) != count:
        b.refuse(f"attribute {name!r} should have {count} numbers, and is {numbers}")
    return [int(item) for item in numbers]
