"""Traces of the reproducible engine: a run that is watched, plan after plan."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aivm.arithmetic import notes, scripts
from aivm.arithmetic import trace as traces
from aivm.arithmetic.lower.hosted import HostedLoop
from aivm.arithmetic.lower.stage import Hosted, tensors
from aivm.arithmetic.lower.values import Value
from aivm.arithmetic.trace import Entry, Operation, Recording, Trace, TraceError
from aivm.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aivm.arithmetic.executor import Memory, Stage
    from aivm.arithmetic.lower.graph import Graph
    from aivm.arithmetic.lower.values import Storage
    from aivm.arithmetic.notes import Note, Notes
    from aivm.arithmetic.session import Session
    from aivm.tensors import Array

_HASH = 32


def record(session: Session, inputs: Mapping[str, Array], *, bodies: bool = False) -> Recording:
    """Runs a session's model once, and keeps the digest of every operator's output.

    Args:
        session: of the reproducible engine.
        inputs: as for a run.
        bodies: whether to go into the bodies of composite operators and of the model's functions too.

    Raises:
        ArithmeticEngineError: the graph cannot be run on these inputs.
    """
    trace = session.trace(inputs, bodies=bodies)

    def fetch(positions: Sequence[int]) -> list[Operation]:
        return refetch(session, inputs, trace, positions, bodies=bodies)

    label = f"reproducible ({session.isa}, threads {session.settings.threads})"
    descend = None if bodies else partial(record, session, inputs, bodies=True)
    return Recording(trace=trace, label=label, fetch=fetch, descend=descend)


class Tracing:
    """Makes a session's traces; a plan that is all of a run is watched by the core alone the next time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._scripts = {bodies: scripts.Scripts() for bodies in (False, True)}

    def trace(self, inputs: Mapping[str, Array], *, bodies: bool) -> Trace:
        """The trace of one run.

        Raises:
            ArithmeticEngineError: the graph cannot be run on these inputs.
        """
        session = self._session
        known = self._scripts[bodies].trace(inputs, session.settings.threads)
        if known is not None:
            return known
        recorder = Recorder(session.model.graph, bodies=bodies)
        session.run(inputs, run_plan=recorder)
        trace = Trace(
            arithmetic=traces.ARITHMETIC,
            model=session.digest.hex(),
            inputs=traces.tensors(inputs),
            entries=tuple(recorder.entries),
        )
        if recorder.only is not None:
            self._scripts[bodies].learn(*recorder.only, session.outputs, trace)
        return trace


def refetch(
    session: Session, inputs: Mapping[str, Array], trace: Trace, positions: Sequence[int], *, bodies: bool = False
) -> list[Operation]:
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
    recorder = Recorder(session.model.graph, bodies=bodies, outputs=kept, operands=wanted)
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
        bodies: whether to note what is within the bodies of composite operators and functions.
        outputs: positions of entries whose tensors are kept.
        operands: positions of entries whose operands are kept as far as no plan computes them: constants, graph inputs.
    """

    def __init__(
        self, graph: Graph, *, bodies: bool = False, outputs: Iterable[int] = (), operands: Iterable[int] = ()
    ) -> None:
        self.entries: list[Entry] = []
        self.kept: dict[int, Array] = {}
        self.given: dict[int, list[Array | None]] = {}
        #: The plan, if it was the only one.
        self.only: tuple[Stage, Notes] | None = None
        self._plans = 0
        self._graph = graph
        self._bodies = bodies
        self._outputs = frozenset(outputs)
        self._operands = frozenset(operands)
        self._names = notes.Names()
        #: Of what is there now, by what it is taken for: a loop fills the same memory in each iteration.
        self._roots: dict[Storage, dict[str, str]] = {}
        #: Bodies of loops that are run by themselves, and are in the body of something composite.
        self._inner: list[Graph] = []

    def __call__(self, current: Stage, memory: Memory, threads: int) -> Memory:
        """Runs a plan."""
        taken = self._take(current, memory)
        given = current.program.feeds(memory)
        results, digests = current.plan.trace(given, taken.refs, taken.dtypes, threads)
        for storage in (*(value.storage for value in tensors(current.items)), *(key[0] for key in taken.places)):
            self._roots[storage] = {}
        for place, (storage, dtype) in enumerate(taken.places):
            self._roots[storage][dtype] = Digest(digests[_HASH * place : _HASH * (place + 1)]).hex()
        watched: dict[int, Value] = {}
        for note in taken.notes:
            position = len(self.entries)
            if position in self._outputs:
                known = _known(current, memory, note.value)
                if known is None:
                    watched[position] = note.value
                else:
                    self.kept[position] = known
            if position in self._operands:
                self.given[position] = [_known(current, memory, item) for item in note.bound.inputs]
            self.entries.append(self._entry(note, memory, threads))
        if watched:
            refs = [current.program.written[value.storage] for value in watched.values()]
            _, contents = current.plan.inspect(given, refs, threads)
            for (position, value), array in zip(watched.items(), contents, strict=True):
                self.kept[position] = value.seen(array.reshape(-1))
        return current.program.contents(results)

    def _take(self, current: Stage, memory: Memory) -> Notes:
        graph = current.walk.frames[0].graph
        inner = any(graph is body for body in self._inner)
        boundary = current.boundary
        if isinstance(boundary, Hosted) and isinstance(boundary.work, HostedLoop):
            self._inner = [body for body in self._inner if body is not boundary.work.body]
            if inner or current.walk.frames[-1].inner:
                self._inner.append(boundary.work.body)
        self._plans += 1
        first = self._plans == 1 and graph is self._graph
        taken = current.notes.get(self._bodies) if first else None
        if taken is None:
            prefix = "" if graph is self._graph else f"{graph.name}/"  # a loop's body that is run by itself
            taken = notes.take(current, memory, prefix, self._names, bodies=self._bodies, inner=inner)
            if first:
                current.notes[self._bodies] = taken
        self._names = taken.names
        self.only = (current, taken) if first else None
        return taken

    def _entry(self, note: Note, memory: Memory, threads: int) -> Entry:
        value = note.value
        roots = self._roots.setdefault(value.storage, {})
        root = note.root or roots.get(value.dtype)
        if root is None:
            root = roots[value.dtype] = traces.root(value.seen(memory[value.storage]), threads).hex()
        return Entry(
            operator=note.operator,
            type=note.type,
            inputs=note.inputs,
            output=note.output,
            dtype=value.dtype,
            shape=value.shape,
            root=root,
        )


def _known(current: Stage, memory: Memory, item: Any) -> Array | None:
    """The contents of a tensor that the plan does not compute."""
    if not isinstance(item, Value):
        return None
    array = current.walk.find(item.storage)
    if array is None:
        array = memory.get(item.storage)
    return None if array is None else item.seen(array)
