"""Traces of the reproducible engine: a run that is watched, plan after plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aivm.arithmetic import trace as traces
from aivm.arithmetic.lower.values import Value
from aivm.arithmetic.trace import Entry, Operation, Recording, Trace, TraceError
from aivm.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aivm.arithmetic.executor import Memory, Stage
    from aivm.arithmetic.lower.graph import Graph, Node
    from aivm.arithmetic.lower.stage import Bound
    from aivm.arithmetic.lower.values import Item, Storage
    from aivm.arithmetic.session import Session
    from aivm.tensors import Array


def record(session: Session, inputs: Mapping[str, Array]) -> Recording:
    """Runs a session's model once, and keeps the digest of every operator's output.

    Args:
        session: of the reproducible engine.
        inputs: as for a run.

    Raises:
        ArithmeticEngineError: the graph cannot be run on these inputs.
    """
    recorder = Recorder(session.model.graph)
    session.run(inputs, run_plan=recorder)
    trace = Trace(
        arithmetic=traces.ARITHMETIC,
        model=session.digest.hex(),
        inputs=traces.tensors(inputs),
        entries=tuple(recorder.entries),
    )

    def fetch(positions: Sequence[int]) -> list[Operation]:
        return refetch(session, inputs, trace, positions)

    label = f"reproducible ({session.isa}, threads {session.settings.threads})"
    return Recording(trace=trace, label=label, fetch=fetch)


def refetch(session: Session, inputs: Mapping[str, Array], trace: Trace, positions: Sequence[int]) -> list[Operation]:
    """Runs the model again and takes out the tensors behind some entries.

    Raises:
        TraceError: the trace is of another model or of other inputs.
    """
    sources: dict[int, list[int | None]] = {}
    latest: dict[str, int] = {}
    wanted = set(positions)
    for position, entry in enumerate(trace.entries):
        if position in wanted:
            sources[position] = [latest.get(name) for name in entry.inputs]
        latest[entry.output] = position
    kept = wanted | {source for items in sources.values() for source in items if source is not None}
    recorder = Recorder(session.model.graph, outputs=kept, operands=wanted)
    session.run(inputs, run_plan=recorder)
    if tuple(recorder.entries) != trace.entries:
        raise TraceError("the trace is not of this model and these inputs")
    operations = []
    for position in positions:
        given = [
            item if source is None else recorder.kept[source]
            for source, item in zip(sources[position], recorder.given[position], strict=True)
        ]
        operations.append(Operation(inputs=tuple(given), output=recorder.kept[position]))
    return operations


class Recorder:
    """Runs plans and notes what every node gave; the contents of wanted entries are kept.

    Args:
        graph: the main graph; names of what other graphs make are told apart.
        outputs: positions of entries whose tensors are kept.
        operands: positions of entries whose operands are kept as far as no plan computes them: constants, graph inputs.
    """

    def __init__(self, graph: Graph, *, outputs: Iterable[int] = (), operands: Iterable[int] = ()) -> None:
        self.entries: list[Entry] = []
        self.kept: dict[int, Array] = {}
        self.given: dict[int, list[Array | None]] = {}
        self._graph = graph
        self._outputs = frozenset(outputs)
        self._operands = frozenset(operands)
        self._made: set[str] = set()
        self._names: dict[Storage, str] = {}

    def __call__(self, current: Stage, memory: Memory, threads: int) -> Memory:
        """Runs a plan."""
        written = current.program.written
        made = [list(_made(bound)) for bound in current.walk.bound]
        storages = dict.fromkeys(value.storage for items in made for _, value in items if value.storage in written)
        refs = [written[storage] for storage in storages]
        given = current.program.feeds(memory)
        results, roots = current.plan.trace(given, refs, threads)
        digests = dict(zip(storages, map(Digest, roots), strict=True))
        watched: dict[int, Value] = {}
        graph = current.walk.frames[0].graph
        prefix = "" if graph is self._graph else f"{graph.name}/"  # a loop's body that is run by itself
        for bound, items in zip(current.walk.bound, made, strict=True):
            path = prefix + bound.path
            operands = zip(bound.node.inputs, bound.inputs, strict=True)
            names = tuple(self._input(path, name, item) for name, item in operands)
            for name, value in items:
                known = _known(current, memory, value)
                digest = digests.get(value.storage) if known is None else traces.root(known, threads)
                if digest is None:
                    continue  # nothing needs it, and so it was not computed
                position = len(self.entries)
                if position in self._outputs:
                    if known is None:
                        watched[position] = value
                    else:
                        self.kept[position] = known
                if position in self._operands:
                    self.given[position] = [_known(current, memory, item) for item in bound.inputs]
                self._made.add(path + name)
                self._names[value.storage] = path + name
                self.entries.append(
                    Entry(
                        operator=path + bound.node.name,
                        type=_type(bound.node),
                        inputs=names,
                        output=path + name,
                        dtype=value.dtype,
                        shape=value.shape,
                        root=digest.hex(),
                    )
                )
        if watched:
            _, contents = current.plan.inspect(given, [written[value.storage] for value in watched.values()], threads)
            for (position, value), array in zip(watched.items(), contents, strict=True):
                self.kept[position] = value.seen(array.reshape(-1))
        return current.program.contents(results)

    def _input(self, path: str, name: str, item: Item) -> str:
        """The name under which an operand was noted: that of an enclosing graph's tensor, if it is one."""
        scope = path
        while name:
            if scope + name in self._made:
                return scope + name
            if not scope:
                break
            scope = scope[: scope.rstrip("/").rfind("/") + 1]
        # A body's own inputs are other names for tensors of the graph around it.
        return self._names.get(item.storage, name) if isinstance(item, Value) else name


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


def _known(current: Stage, memory: Memory, item: Any) -> Array | None:
    """The contents of a tensor that the plan does not compute."""
    if not isinstance(item, Value):
        return None
    array = current.walk.find(item.storage)
    if array is None:
        array = memory.get(item.storage)
    return None if array is None else item.seen(array)
