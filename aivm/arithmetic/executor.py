"""Running a graph: plan after plan, with what data decides between them."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic.lower import dtypes, stage
from aivm.arithmetic.lower.hosted import Budget, HostedLoop
from aivm.arithmetic.lower.stage import Demanded, Finished, Hosted, Limits, Walk, named
from aivm.arithmetic.lower.values import Storage, Value, new_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aivm.arithmetic import _core
    from aivm.arithmetic.lower.graph import Functions, Graph
    from aivm.arithmetic.lower.hosted import ArrayItem
    from aivm.arithmetic.lower.program import Program
    from aivm.arithmetic.lower.stage import Boundary
    from aivm.arithmetic.lower.values import Item
    from aivm.arithmetic.notes import Notes
    from aivm.tensors import Array

    Memory = dict[Storage, Array]
    #: Runs a finished plan on the contents of its inputs; the trace has one of its own.
    RunPlan = Callable[["Stage", Memory, int], Memory]

#: Plans that are kept for each graph, by the shapes that it is given; and after each plan, by what the data said.
_KEPT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How plans are made and run.

    Attributes:
        threads: how many share the work; they change nothing but time.
        isa: which of the core's instruction sets; empty for the best that there is.
        limits: what a graph may do.
        optimised: whether plans are the fastest that give these bits, or one step for each primitive as it was lowered.
    """

    threads: int = 1
    isa: str = ""
    limits: Limits = field(default_factory=Limits)
    optimised: bool = True


class Stage:
    """A plan, and what comes after it."""

    def __init__(self, walk: Walk, settings: Settings, items: Sequence[Item] = ()) -> None:
        program, self.boundary, needed = walk.advance(optimised=settings.optimised)
        self.program: Program = program
        #: What later plans may read.
        self.needed: frozenset[Storage] = needed
        self.plan: _core.Plan = program.compile(isa=settings.isa, memory_limit=settings.limits.memory_bytes)
        #: What the data before this plan became, to be filled in before it is run.
        self.items = items
        self.walk = walk
        self.settings = settings
        #: What traces of it have in common, with and without bodies.
        self.notes: dict[bool, Notes] = {}
        self._next: OrderedDict[Any, Stage] = OrderedDict()

    def following(self, key: Any, make: Callable[[], Stage]) -> Stage:
        """The stage that the data leads to."""
        return _remember(self._next, key, make)


class GraphRunner:
    """A graph with the plans that were made for it, by what it was given."""

    def __init__(
        self, graph: Graph, functions: Functions, settings: Settings, constants: Mapping[str, Value] | None = None
    ) -> None:
        self._graph = graph
        self._functions = functions
        self._settings = settings
        self._constants = dict(constants or {})
        self._first: OrderedDict[Any, Stage] = OrderedDict()
        self._inner: dict[int, tuple[Mapping[str, Value], GraphRunner]] = {}

    def prepare(self, inputs: Mapping[str, ArrayItem]) -> Stage:
        """The first plan for inputs of these shapes."""
        names = list(inputs)

        def make() -> Stage:
            items = [_items_like(inputs[name], name) for name in names]
            given = {**self._constants, **dict(zip(names, items, strict=True))}
            walk = stage.start(self._graph, given, self._functions, self._settings.limits)
            return Stage(walk, self._settings, items)

        return _remember(self._first, tuple((name, _signature(inputs[name])) for name in names), make)

    def run(
        self, inputs: Mapping[str, ArrayItem], run_plan: RunPlan | None = None, budget: Budget | None = None
    ) -> list[ArrayItem]:
        """The graph's outputs, in order.

        Args:
            inputs: by name; tensors are contiguous.
            run_plan: what runs a plan; the core as it is, unless said otherwise.
            budget: what is left of the limits of the run that this is a part of.

        Raises:
            ArithmeticEngineError: the graph cannot be run on these inputs.
        """
        run_plan = run_plan or _run_plan
        limits = self._settings.limits
        budget = budget or Budget(iterations=limits.iterations, bytes=limits.memory_bytes)
        current = self.prepare(inputs)
        memory: Memory = {}
        made: set[Storage] = set()
        _fill(memory, current.items, list(inputs.values()))
        while True:
            results = run_plan(current, memory, self._settings.threads)
            made.update(results)
            memory.update(results)
            contents = _Contents(current.walk.knowledge, memory)
            boundary = current.boundary
            if isinstance(boundary, Finished):
                return [contents.own(item, made) for item in boundary.outputs]
            before = current
            current, arrays = self._go_on(current, boundary, contents, run_plan, budget)
            memory = {storage: memory[storage] for storage in before.needed if storage in memory}
            _fill(memory, current.items, arrays)

    def _go_on(
        self, current: Stage, boundary: Boundary, contents: _Contents, run_plan: RunPlan, budget: Budget
    ) -> tuple[Stage, Sequence[ArrayItem]]:
        if isinstance(boundary, Demanded):
            value = boundary.value
            array = contents.flat(value.storage)

            def learn() -> Stage:
                walk = current.walk.fork()
                walk.knowledge[value.storage] = array.copy()
                return Stage(walk, self._settings)

            return current.following(array.tobytes(), learn), ()
        assert isinstance(boundary, Hosted)
        inputs = [contents.array(item) for item in boundary.inputs]
        with named(boundary.node.title):
            if isinstance(boundary.work, HostedLoop):
                outputs = boundary.work(self._inner_run(run_plan, budget), inputs, budget)
            else:
                results = boundary.work(boundary.node, *inputs)
                outputs = list(results) if isinstance(results, tuple) else [results]
        outputs = [_contiguous(item) for item in outputs]

        def take() -> Stage:
            walk = current.walk.fork()
            names = [*boundary.node.outputs, *([""] * len(outputs))]
            items = [_items_like(item, name) for item, name in zip(outputs, names, strict=False)]
            walk.bind(items)
            return Stage(walk, self._settings, items)

        return current.following(tuple(_signature(item) for item in outputs), take), outputs

    def _inner_run(self, run_plan: RunPlan, budget: Budget) -> Callable[..., list[ArrayItem]]:
        def run(graph: Graph, constants: Mapping[str, Value], inputs: Mapping[str, ArrayItem]) -> list[ArrayItem]:
            # A loop's constants are one object for as long as its plan is kept; held here, no other takes its id.
            key = id(constants)
            found = self._inner.get(key)
            if found is None:
                found = (constants, GraphRunner(graph, self._functions, self._settings, constants))
                self._inner[key] = found
                for old in list(self._inner)[:-_KEPT]:
                    self._inner.pop(old, None)  # another thread may have
            return found[1].run(inputs, run_plan, budget)

        return run


class _Contents:
    """The contents of tensors after a plan was run."""

    def __init__(self, knowledge: Mapping[Storage, Array], memory: Memory) -> None:
        self._knowledge = knowledge
        self._memory = memory

    def flat(self, storage: Storage) -> Array:
        """A storage's elements."""
        array = stage.find(storage, self._knowledge)
        return self._memory[storage] if array is None else array

    def array(self, item: Item) -> ArrayItem:
        """What an item stands for."""
        if isinstance(item, Value):
            return item.seen(self.flat(item.storage))
        return None if item is None else [self.array(part) for part in item]

    def own(self, item: Item, made: set[Storage]) -> ArrayItem:
        """The same, in memory that nothing else uses.

        Args:
            item: the item.
            made: storages that the core made in this run and that were not given away yet.
        """
        if not isinstance(item, Value):
            return None if item is None else [self.own(part, made) for part in item]
        array = self.flat(item.storage)
        if item.storage not in made:
            array = array.copy()
        made.discard(item.storage)
        return item.seen(array)


def _run_plan(current: Stage, memory: Memory, threads: int) -> Memory:
    return current.program.run(current.plan, memory, threads)


def _remember(kept: OrderedDict[Any, Stage], key: Any, make: Callable[[], Stage]) -> Stage:
    found = kept.get(key)
    if found is not None:
        with contextlib.suppress(KeyError):  # another thread may have dropped it
            kept.move_to_end(key)
        return found
    made = make()
    kept[key] = made
    while len(kept) > _KEPT:
        kept.popitem(last=False)
    return made


def _signature(item: ArrayItem) -> Any:
    if isinstance(item, np.ndarray):
        return item.dtype.name, item.shape
    return None if item is None else tuple(map(_signature, item))


def _items_like(item: ArrayItem, name: str) -> Item:
    if isinstance(item, np.ndarray):
        dtype = dtypes.from_numpy(item.dtype)
        assert dtype is not None  # feeds were checked, and hosted operators return what buffers can hold
        return Value(dtype=dtype, shape=item.shape, storage=new_storage(name, dtype, item.shape))
    return None if item is None else [_items_like(part, name) for part in item]


def _fill(memory: Memory, items: Sequence[Item], arrays: Sequence[ArrayItem]) -> None:
    for item, array in zip(items, arrays, strict=True):
        if isinstance(item, Value):
            assert isinstance(array, np.ndarray)
            memory[item.storage] = array.reshape(-1)
        elif item is not None:
            assert isinstance(array, list)
            _fill(memory, item, array)


def _contiguous(item: ArrayItem) -> ArrayItem:
    if isinstance(item, np.ndarray):
        return np.asarray(item, order="C")
    return None if item is None else [_contiguous(part) for part in item]
