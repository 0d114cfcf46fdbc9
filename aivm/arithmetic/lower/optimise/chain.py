"""Elementwise steps that lead to each other as one step, which goes over its elements once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from aivm.arithmetic import _core
from aivm.arithmetic.lower.emit.elementwise import ARITHMETIC, UNARY
from aivm.arithmetic.lower.emit.emitter import Step

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from aivm.arithmetic.lower.values import Storage, Value

_COMPARISONS = {"equal": "equal", "less": "less", "less_or_equal": "less_or_equal"}
#: The other way round they are these.
_TURNED = {"greater": "less", "greater_or_equal": "less_or_equal"}
_LINKS = (
    {name for name, dtypes in UNARY.items() if "float32" in dtypes}
    | {name for name, dtypes in ARITHMETIC.items() if "float32" in dtypes and name != "mod"}
    | {"pow", "clip", "where", *_COMPARISONS, *_TURNED}
)
_MOST_LINKS = 32
_MOST_OPERANDS = 16


def chained(steps: Sequence[Step], needed: Container[Storage]) -> list[Step]:
    """Takes elementwise steps into the one step that reads them."""
    readers = Counter(storage for step in steps for storage in {v.storage for v in step.inputs if v is not None})
    writers = {value.storage: index for index, step in enumerate(steps) for value in step.outputs if value is not None}
    taken: set[int] = set()
    result: list[Step] = []
    for index in range(len(steps) - 1, -1, -1):
        if index in taken:
            continue
        group = _group(steps, index, readers, writers, needed)
        taken.update(group)
        result.append(_joined([steps[i] for i in sorted(group)]) if len(group) > 1 else steps[index])
    result.reverse()
    return result


def _group(
    steps: Sequence[Step],
    end: int,
    readers: Counter[Storage],
    writers: dict[Storage, int],
    needed: Container[Storage],
) -> set[int]:
    """The last step and those before it that only lead to it."""
    group = {end}
    out = steps[end].outputs[0]
    if not _is_link(steps[end]) or out is None or out.dtype != "float32" or out.elements <= 1:
        return group
    open_ = [end]
    waiting: Counter[int] = Counter()  # how many steps of the group read a step that is not in it
    while open_:
        step = steps[open_.pop()]
        for storage in {value.storage for value in _chain_inputs(step)}:
            index = writers.get(storage)
            if index is None or storage in needed or len(group) == _MOST_LINKS:
                continue
            waiting[index] += 1
            made = steps[index].outputs[0]
            if (
                waiting[index] == readers[storage]
                and _is_link(steps[index])
                and made is not None
                and made.shape == out.shape
                and _alike(steps, storage, made, group)
                and _operands([steps[i] for i in (*group, index)]) <= _MOST_OPERANDS
            ):
                group.add(index)
                open_.append(index)
    return group


def _alike(steps: Sequence[Step], storage: Storage, made: Value, group: set[int]) -> bool:
    """Whether a tensor is read in the shape and dtype that it was made in."""
    seen = [value for i in group for value in steps[i].inputs if value is not None and value.storage == storage]
    return all((value.shape, value.dtype) == (made.shape, made.dtype) for value in seen)


def _is_link(step: Step) -> bool:
    if step.op not in _LINKS or len(step.outputs) != 1:
        return False
    truth = step.op == "where"
    floats = _chain_inputs(step)[1:] if truth else _chain_inputs(step)
    return all(value.dtype == "float32" for value in floats)


def _chain_inputs(step: Step) -> list[Value]:
    return [value for value in step.inputs if value is not None]


def _operands(steps: Sequence[Step]) -> int:
    made = {value.storage for step in steps for value in step.outputs if value is not None}
    return len({_key(value) for step in steps for value in _chain_inputs(step) if value.storage not in made})


def _key(value: Value) -> tuple[Storage, tuple[int, ...]]:
    return value.storage, value.shape


def _joined(steps: Sequence[Step]) -> Step:
    """One step for all of them; the last one gives the result."""
    made = {value.storage: place for place, step in enumerate(steps) for value in step.outputs if value is not None}
    operands: dict[tuple[Storage, tuple[int, ...]], Value] = {}
    for step in steps:
        for value in _chain_inputs(step):
            if value.storage not in made:
                operands.setdefault(_key(value), value)
    places = {key: place for place, key in enumerate(operands)}
    ints: list[int] = []
    for step in steps:
        op, inputs = step.op, list(step.inputs)
        if op in _TURNED:
            op, inputs = _TURNED[op], inputs[::-1]
        from_ = [
            -1
            if value is None
            else len(operands) + made[value.storage]
            if value.storage in made
            else places[_key(value)]
            for value in inputs
        ]
        ints += [_core.primitives().index(op), *from_, *([-1] * (3 - len(from_)))]
    last = steps[-1]
    return Step(
        op="chain", name=last.name, inputs=tuple(operands.values()), outputs=last.outputs, ints=tuple(ints), axis=None
    )
