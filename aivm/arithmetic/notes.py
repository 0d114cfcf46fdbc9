"""What a plan adds to a trace, but for the digests: that is the same in every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.arithmetic import trace as traces
from aivm.arithmetic.lower.values import Value

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from aivm.arithmetic.executor import Stage
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.stage import Bound
    from aivm.arithmetic.lower.values import Item, Storage

#: The same memory taken for another dtype may have another digest, since NaNs count as one.
Key = tuple["Storage", str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Note:
    """An entry without its digest.

    Attributes:
        bound: the node.
        operator: its name, behind those of the nodes that it is in.
        type: the ONNX operator.
        inputs: the names of what it read.
        output: the name of what it gave.
        value: that tensor.
        root: its digest, if it is the same in every run; else empty.
    """

    bound: Bound
    operator: str
    type: str
    inputs: tuple[str, ...]
    output: str
    value: Value
    root: str

    @property
    def key(self) -> Key:
        """What its digest is of."""
        return self.value.storage, self.value.dtype


class Names:
    """The names under which tensors were noted so far."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self._storages: dict[Storage, str] = {}

    def add(self, name: str, storage: Storage) -> None:
        """Notes a tensor."""
        self.made.add(name)
        self._storages[storage] = name

    def include(self, other: Names) -> None:
        """Takes over all names of another list."""
        self.made |= other.made
        self._storages |= other._storages

    def of_operand(self, path: str, name: str, item: Item) -> str:
        """The name under which an operand was noted: that of an enclosing graph's tensor, if it is one."""
        scope = path
        while name:
            if scope + name in self.made:
                return scope + name
            if not scope:
                break
            scope = scope[: scope.rstrip("/").rfind("/") + 1]
        # A body's own inputs are other names for tensors of the graph around it.
        return self._storages.get(item.storage, name) if isinstance(item, Value) else name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Notes:
    """The entries of a plan.

    Attributes:
        notes: in order.
        places: where the core's digests of what the plan computes stand.
        refs: the buffers that they are of.
        dtypes: what those are taken for.
        names: what the plan adds to the names.
    """

    notes: tuple[Note, ...]
    places: Mapping[Key, int]
    refs: tuple[int, ...]
    dtypes: tuple[str, ...]
    names: Names


def take(current: Stage, given: Container[Storage], prefix: str, known: Names, *, bodies: bool, inner: bool) -> Notes:
    """The entries of a plan.

    Args:
        current: the plan, and the nodes that it was made of.
        given: what is there before it is run.
        prefix: what is in front of all names: that of a loop whose body is run by itself.
        known: names from before.
        bodies: whether to note what is within the bodies of composite operators and functions.
        inner: whether all of the plan is.
    """
    written = current.program.written
    names = Names()
    names.include(known)
    notes = []
    places: dict[Key, int] = {}
    for bound in current.walk.bound:
        if (inner or bound.inner) and not bodies:
            continue
        path = prefix + bound.path
        operands = zip(bound.node.inputs, bound.inputs, strict=True)
        inputs = tuple(names.of_operand(path, name, item) for name, item in operands)
        for name, value in _made(bound):
            constant = current.walk.find(value.storage)
            if constant is None and value.storage not in written and value.storage not in given:
                continue  # nothing needs it, and so it is not computed
            note = Note(
                bound=bound,
                operator=path + bound.node.name,
                type=_type(bound.node),
                inputs=inputs,
                output=path + name,
                value=value,
                root="" if constant is None else traces.root(value.seen(constant)).hex(),
            )
            notes.append(note)
            names.add(note.output, value.storage)
            if constant is None and value.storage in written:
                places.setdefault(note.key, len(places))
    return Notes(
        notes=tuple(notes),
        places=places,
        refs=tuple(written[storage] for storage, _ in places),
        dtypes=tuple(dtype for _, dtype in places),
        names=names,
    )


def _type(node: Node) -> str:
    return f"{node.domain}::{node.op_type}" if node.domain else node.op_type


def _made(bound: Bound) -> Iterator[tuple[str, Value]]:
    for name, item in bound.outputs.items():
        yield from _tensors(name, item)


def _tensors(name: str, item: Item) -> Iterator[tuple[str, Value]]:
    if isinstance(item, Value):
        yield name, item
    elif item is not None:
        for index, part in enumerate(item):
            yield from _tensors(f"{name}[{index}]", part)
