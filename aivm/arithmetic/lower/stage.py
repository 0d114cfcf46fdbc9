"""Walking a graph node by node, as far as is known before a run what comes next.

A walk is a stack of frames: the main graph, and on it the branch, the loop body or the function body that it is in. It
stops at a boundary: at the end, or where the lowering needs the contents of a tensor that only a run can tell, or where
an operator's output shapes depend on data. What was lowered so far is a plan; after its run the walk is forked and goes
on.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aivm.arithmetic.errors import DefectError, GraphMemoryError, LoopLimitError, MalformedModelError
from aivm.arithmetic.lower import functions, registry
from aivm.arithmetic.lower.builder import Builder
from aivm.arithmetic.lower.emit.emitter import DemandedError
from aivm.arithmetic.lower.flow import FLOW
from aivm.arithmetic.lower.program import evaluate, finish
from aivm.arithmetic.lower.types import check_forms, check_node
from aivm.arithmetic.lower.values import Value, constant
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aivm.arithmetic.lower.graph import Functions, Graph, Node
    from aivm.arithmetic.lower.loops import Repetition
    from aivm.arithmetic.lower.program import Program
    from aivm.arithmetic.lower.registry import Operator
    from aivm.arithmetic.lower.values import Item, Storage
    from aivm.tensors import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a session allows a graph.

    Attributes:
        memory_bytes: for constants, inputs, outputs and everything between; None for what the machine has.
        iterations: of one loop, and of all loops together that are run one iteration at a time.
        unrolled: nodes that a loop may have in all its iterations to become part of the plan; longer ones are run
            one iteration at a time, with the same result.
        depth: functions, branches and loops within each other.
        steps: of one plan, with those that are computed while it is made; and nodes that it is made of.
    """

    memory_bytes: int | None = None
    iterations: int = 1 << 20
    unrolled: int = 4096
    depth: int = 64
    steps: int = 1 << 18


@dataclass(slots=True, kw_only=True)
class Frame:
    """A graph that the walk is in.

    Attributes:
        graph: the graph.
        names: what its tensors are, as far as it came.
        index: the next node.
        nested: whether it sees the names of the frame below, as branches and loop bodies do.
        path: the names of the nodes that it is in.
        call: the node whose outputs its outputs are; None for the main graph.
        repetition: the state of the loop whose body it is.
        inner: whether it is, or is in, the body of a function or a composite operator.
    """

    graph: Graph
    names: dict[str, Item]
    index: int = 0
    nested: bool = False
    path: str = ""
    call: Node | None = None
    repetition: Repetition | None = None
    inner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The walk came to its end, with these outputs."""

    outputs: Sequence[Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded:
    """The walk needs to know the contents of this tensor."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """The walk needs an operator to be run on arrays."""

    node: Node
    inputs: Sequence[Item]
    work: Any


Boundary = Finished | Demanded | Hosted


class NeedsHostError(Exception):
    """Raised within the lowering: this node is run between two plans."""

    def __init__(self, inputs: Sequence[Item], work: Any) -> None:
        super().__init__()
        self.inputs = inputs
        self.work = work


@contextmanager
def named(where: str) -> Iterator[None]:
    """Gives whatever else goes wrong within it the name of the node, so that a caller has one kind of error to expect.

    Raises:
        GraphMemoryError: there is no memory left.
        DefectError: the engine made a mistake.
    """
    try:
        yield
    except (AivmError, DemandedError, NeedsHostError):
        raise
    except MemoryError as error:
        raise GraphMemoryError(f"{where}: there is not enough memory", hint="give it smaller inputs") from error
    except Exception as error:
        raise DefectError(
            f"{where}: {type(error).__name__}: {error}",
            hint="this is a mistake of the engine: please report it, with the model",
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A node whose outputs the walk has: what a trace is made of.

    Attributes:
        path: the names of the nodes that it is in.
        node: the node.
        inputs: what it read, None for what is left out.
        outputs: what it gave, by name.
        inner: whether it is in the body of a function or a composite operator.
    """

    path: str
    node: Node
    inputs: Sequence[Item]
    outputs: Mapping[str, Item]
    inner: bool


@dataclass(slots=True, kw_only=True)
class Walk:
    """A walk: where it is, what it knows, and what it came by."""

    functions: Functions
    limits: Limits
    frames: list[Frame]
    knowledge: dict[Storage, Array] = field(default_factory=dict)
    bound: list[Bound] = field(default_factory=list)

    def fork(self) -> Walk:
        """A walk from the same place, independent of this one."""
        frames = [
            replace(
                frame,
                names=dict(frame.names),
                repetition=None if frame.repetition is None else frame.repetition.copy(),
            )
            for frame in self.frames
        ]
        return replace(self, frames=frames, knowledge=dict(self.knowledge), bound=[])

    def advance(self, *, optimised: bool = False) -> tuple[Program, Boundary, frozenset[Storage]]:
        """Walks to the next boundary.

        Returns:
            The plan of what was walked over, the boundary, and everything that may be read from here on.

        Raises:
            ArithmeticEngineError: the model is malformed, unsupported, or beyond a limit.
        """
        limits = self.limits
        builder = Builder(evaluate=evaluate, memory_limit=limits.memory_bytes, step_limit=limits.steps)
        builder.knowledge = self.knowledge
        boundary = self._walk(builder)
        needed = {item.storage: None for item in tensors([self._live(), _of(boundary)])}
        program = finish(builder.steps, needed, self.find, optimised=optimised)
        return program, boundary, frozenset(needed)

    def find(self, storage: Storage) -> Array | None:
        """The contents of a storage, if they are known."""
        return find(storage, self.knowledge)

    def bind(self, outputs: Sequence[Item]) -> None:
        """Gives the node that the walk stopped at its outputs, and goes to the next one."""
        frame = self.frames[-1]
        self._bind(frame, frame.graph.nodes[frame.index], outputs)
        frame.index += 1

    def _walk(self, builder: Builder) -> Boundary:
        for _ in range(self.limits.steps):
            frame = self.frames[-1]
            if frame.index == len(frame.graph.nodes):
                outputs = [self.look(port.name) if port.name else None for port in frame.graph.outputs]
                if frame.call is None:
                    return Finished(outputs=outputs)
                mark = len(builder.steps)
                builder.enter(frame.call, self.frames[-2].path)
                try:
                    with named(builder.place.title):
                        self._leave(builder, frame, outputs)
                except DemandedError as demand:
                    del builder.steps[mark:]
                    return Demanded(value=demand.value)
                continue
            node = frame.graph.nodes[frame.index]
            mark = len(builder.steps)
            builder.enter(node, frame.path)
            try:
                with named(builder.place.title):
                    self._node(builder, frame, node)
            except DemandedError as demand:
                del builder.steps[mark:]  # this node is lowered anew when the contents are known
                return Demanded(value=demand.value)
            except NeedsHostError as host:
                del builder.steps[mark:]
                return Hosted(node=node, inputs=host.inputs, work=host.work)
        raise LoopLimitError(f"{builder.place.title}: a plan would be made of more than {self.limits.steps} nodes")

    def _node(self, builder: Builder, frame: Frame, node: Node) -> None:
        inputs = [self.look(name) if name else None for name in node.inputs]
        key = (node.domain, node.op_type, node.overload)
        if key in self.functions:
            body = functions.instantiate(self.functions[key], node)
            self.push(node, body, inputs, nested=False)
            return
        kinds = [item.dtype if isinstance(item, Value) else None for item in inputs]
        check_forms(node, check_node(node, kinds), inputs)
        if node.domain == "" and node.op_type in FLOW:
            FLOW[node.op_type](self, builder, node, inputs)
            return
        operator = registry.find(node)
        if operator is None:
            shapes = [item.shape if isinstance(item, Value) else None for item in inputs]
            function = functions.standard_body(node, kinds, shapes)
            if function is None:
                builder.unsupported("this engine does not have the operator", hint="see docs/operators.md")
            body = functions.instantiate(function, node)
            self.push(node, body, inputs, nested=False)
            return
        outputs = self._host(operator, node, inputs) if operator.host else operator.lower(builder, node, *inputs)
        self._bind(frame, node, outputs if isinstance(outputs, tuple) else (outputs,))
        frame.index += 1

    def _host(self, operator: Operator, node: Node, inputs: Sequence[Item]) -> tuple[Item, ...]:
        arrays = []
        for item in inputs:
            array = None if not isinstance(item, Value) else find(item.storage, self.knowledge)
            if isinstance(item, Value) and array is None:
                raise NeedsHostError(inputs, operator.lower)
            arrays.append(None if array is None or not isinstance(item, Value) else item.seen(array))
        results = operator.lower(node, *arrays)
        whole = results if isinstance(results, tuple) else (results,)
        return tuple(constant(array, name) for array, name in zip(whole, node.outputs, strict=False))

    def push(
        self,
        node: Node,
        graph: Graph,
        inputs: Sequence[Item],
        *,
        nested: bool,
        repetition: Repetition | None = None,
    ) -> None:
        """Enters a graph; its outputs become those of the node.

        Raises:
            LoopLimitError: graphs are nested too deep, as when a function calls itself.
        """
        if len(self.frames) >= self.limits.depth:
            raise LoopLimitError(f"{node.title}: functions and branches are nested more than {self.limits.depth} deep")
        if len(inputs) > len(graph.inputs):
            raise MalformedModelError(f"{node.title}: {len(inputs)} inputs for a graph that has {len(graph.inputs)}")
        names: dict[str, Item] = dict(graph.constants)
        values = [*inputs, *([None] * (len(graph.inputs) - len(inputs)))]
        names.update({port.name: value for port, value in zip(graph.inputs, values, strict=True)})
        path = f"{self.frames[-1].path}{node.name}/"
        inner = self.frames[-1].inner or not nested
        self.frames.append(
            Frame(graph=graph, names=names, nested=nested, path=path, call=node, repetition=repetition, inner=inner)
        )

    def _leave(self, builder: Builder, frame: Frame, outputs: Sequence[Item]) -> None:
        if frame.repetition is not None:
            again = frame.repetition.next(builder, outputs)
            if again is not None:
                frame.names = dict(frame.graph.constants)
                frame.names.update({port.name: value for port, value in zip(frame.graph.inputs, again, strict=True)})
                frame.index = 0
                return
            outputs = frame.repetition.results(builder)
        self.frames.pop()
        self.bind(outputs)

    def _bind(self, frame: Frame, node: Node, outputs: Sequence[Item]) -> None:
        if len(node.outputs) > len(outputs):
            raise MalformedModelError(
                f"{node.title}: {len(node.outputs)} outputs are named, and there are {len(outputs)}"
            )
        given = {name: item for name, item in zip(node.outputs, outputs, strict=False) if name}
        inputs = [self.look(name) if name else None for name in node.inputs]
        self.bound.append(Bound(path=frame.path, node=node, inputs=inputs, outputs=given, inner=frame.inner))
        frame.names.update(given)

    def look(self, name: str) -> Item:
        """What a name stands for, in the innermost graph that has it.

        Raises:
            MalformedModelError: nothing of that name was made.
        """
        for frame in reversed(self.frames):
            if name in frame.names:
                return frame.names[name]
            if not frame.nested:
                break
        frame = self.frames[-1]
        where = f" (node {frame.graph.nodes[frame.index].title})" if frame.index < len(frame.graph.nodes) else ""
        raise MalformedModelError(
            f"graph {frame.graph.name!r} reads the tensor {name!r}, which nothing has made{where}"
        )

    def _live(self) -> list[Item]:
        """Everything that the rest of the walk can read."""
        items: list[Item] = []
        for frame in self.frames:
            last = frame.graph.last_use
            items += [item for name, item in frame.names.items() if last.get(name, -1) >= frame.index]
            if frame.repetition is not None:
                items += frame.repetition.items()
        return items


def start(graph: Graph, inputs: Mapping[str, Item], model_functions: Functions, limits: Limits) -> Walk:
    """A walk from the beginning of a graph.

    Args:
        graph: the graph.
        inputs: by name; those of a subgraph with what it captures.
        model_functions: the model's own functions.
        limits: of the session.
    """
    names: dict[str, Item] = {**graph.constants, **inputs}
    return Walk(functions=model_functions, limits=limits, frames=[Frame(graph=graph, names=names)])


def find(storage: Storage, knowledge: Mapping[Storage, Array]) -> Array | None:
    """The contents of a storage, if they are known."""
    return storage.array if storage.array is not None else knowledge.get(storage)


def tensors(items: Iterable[Any]) -> Iterator[Value]:
    """All tensors in nested lists."""
    for item in items:
        if isinstance(item, Value):
            yield item
        elif isinstance(item, (list, tuple)):
            yield from tensors(item)


def _of(boundary: Boundary) -> Sequence[Any]:
    if isinstance(boundary, Finished):
        return boundary.outputs
    return [boundary.value] if isinstance(boundary, Demanded) else boundary.inputs
