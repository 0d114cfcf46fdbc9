"""A finished plan: buffers with places, constants, steps; and its description (docs/arithmetic.md)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic import _core
from aivm.arithmetic.errors import GraphMemoryError
from aivm.arithmetic.lower import dtypes, memory
from aivm.arithmetic.lower.optimise import optimise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aivm.arithmetic.lower.emit.emitter import Step
    from aivm.arithmetic.lower.values import Storage, Value
    from aivm.tensors import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferSpec:
    """A buffer as the core takes it; `place` is an offset in the arena, or the buffer that a view sees."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    kind: str
    place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """A step as the core takes it: operands and results are indices of buffers, -1 where one is left out."""

    op: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    ints: tuple[int, ...]
    reals: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """A plan.

    Attributes:
        buffers: all of them.
        constants: contents of the constants, flat, in the order of the buffers.
        steps: in the order in which they run.
        inputs: what to give to a run, in order, flat.
        outputs: what a run gives back, in order.
        written: the buffers of all storages that steps write.
        arena_bytes: the most memory that is needed between steps.
    """

    buffers: tuple[BufferSpec, ...]
    constants: tuple[Array, ...] = field(repr=False)
    steps: tuple[StepSpec, ...]
    inputs: tuple[Storage, ...]
    outputs: tuple[Storage, ...]
    written: Mapping[Storage, int] = field(repr=False)
    arena_bytes: int

    def compile(self, *, isa: str = "", memory_limit: int | None = None) -> _core.Plan:
        """Hands the plan to the core, which checks it and packs its constants.

        Raises:
            PlanError: the core refuses a step.
            GraphMemoryError: it needs more memory than allowed.
        """
        self._check_memory(memory_limit)
        return _core.Plan(
            [_core.Buffer(b.name, b.dtype, b.shape, b.kind, b.place) for b in self.buffers],
            [raw(array) for array in self.constants],
            [_core.Step(s.op, s.name, s.inputs, s.outputs, s.ints, s.reals) for s in self.steps],
            isa=isa,
        )

    def run(self, plan: _core.Plan, memory: Mapping[Storage, Array], threads: int) -> dict[Storage, Array]:
        """Runs the plan on the contents of its inputs.

        Returns:
            The contents of its outputs, flat.

        Raises:
            PlanError: a step failed on these values, for instance an index out of range.
        """
        return self.contents(plan.run(self.feeds(memory), threads))

    def feeds(self, memory: Mapping[Storage, Array]) -> list[Array]:
        """What the core takes as this plan's inputs."""
        return [raw(memory[storage]) for storage in self.inputs]

    def contents(self, results: Sequence[Array]) -> dict[Storage, Array]:
        """The contents of the outputs, flat, from what the core gave back."""
        return {
            storage: array.reshape(-1).view(dtypes.NUMPY[storage.dtype])
            for storage, array in zip(self.outputs, results, strict=True)
        }

    def description(self) -> dict[str, Any]:
        """The plan as canonical JSON can hold it; equal plans have equal descriptions.

        Constants are named by the SHA-256 of their bytes; reals are hexadecimal floating-point numbers.
        """
        contents = iter(self.constants)
        buffers = []
        for spec in self.buffers:
            entry: dict[str, Any] = {
                "name": spec.name,
                "dtype": spec.dtype,
                "shape": [str(extent) for extent in spec.shape],
                "kind": spec.kind,
            }
            if spec.kind in ("arena", "view"):
                entry["place"] = str(spec.place)
            if spec.kind == "constant":
                entry["sha256"] = hashlib.sha256(raw(next(contents)).tobytes()).hexdigest()
            buffers.append(entry)
        steps = [
            {
                "op": step.op,
                "name": step.name,
                "inputs": list(step.inputs),
                "outputs": list(step.outputs),
                "ints": [str(item) for item in step.ints],
                "reals": [item.hex() for item in step.reals],
            }
            for step in self.steps
        ]
        return {
            "type": "aivm/plan",
            "version": 1,
            "arithmetic": "aivm-arithmetic-1",
            "buffers": buffers,
            "steps": steps,
        }

    def _title(self, ref: int) -> str:
        """A buffer and the node that writes it, for messages."""
        maker = next((step for step in self.steps if ref in step.outputs), None)
        origin = "an input" if maker is None else f"which node {maker.name!r} makes"
        return f"{self.buffers[ref].name!r} of shape {list(self.buffers[ref].shape)}, {origin}"

    def _check_memory(self, limit: int | None) -> None:
        if limit is None:
            return
        constants = sum(array.nbytes for array in self.constants)
        given = sum(storage.bytes for storage in self.inputs)
        results = sum(storage.bytes for storage in self.outputs)
        total = constants + given + results + self.arena_bytes
        if total > limit:
            inner = [index for index, spec in enumerate(self.buffers) if spec.kind not in ("view", "constant")]
            largest = max(inner, key=lambda index: _size(self.buffers[index]), default=None)
            where = "" if largest is None else f"; the largest tensor is {self._title(largest)}"
            raise GraphMemoryError(
                f"the graph needs {total} bytes ({constants} of constants, {given} of inputs, {results} of outputs, "
                f"{self.arena_bytes} between steps) and may have {limit}{where}",
                hint=GraphMemoryError.ALLOW_MORE,
            )


def finish(
    steps: Sequence[Step],
    needed: Iterable[Storage],
    find: Callable[[Storage], Array | None],
    *,
    optimised: bool = False,
) -> Program:
    """A plan of those steps that something needed depends on.

    Args:
        steps: in order.
        needed: what has to be there after a run.
        find: contents of storages that are constant.
        optimised: whether other steps may give the same in less time.
    """
    wanted = dict.fromkeys(needed)
    live: list[Step] = []
    demanded = dict(wanted)
    for step in reversed(steps):
        if any(value is not None and value.storage in demanded for value in step.outputs):
            live.append(step)
            demanded.update({value.storage: None for value in step.inputs if value is not None})
    live.reverse()
    if optimised:
        live = optimise(live, wanted, find)
    written = {value.storage for step in live for value in step.outputs if value is not None}
    outputs = {storage: None for storage in wanted if storage in written}
    offsets, arena = memory.place(live, outputs)
    return _Layout(find=find, outputs=outputs, offsets=offsets).program(live, arena)


class _Layout:
    """Numbers buffers in the order in which steps name them."""

    def __init__(
        self,
        *,
        find: Callable[[Storage], Array | None],
        outputs: Mapping[Storage, None],
        offsets: Mapping[Storage, int],
    ) -> None:
        self._find = find
        self._outputs = outputs
        self._offsets = offsets
        self._buffers: list[BufferSpec] = []
        self._constants: list[Array] = []
        self._inputs: list[Storage] = []
        self._output_order: list[Storage] = []
        self._whole: dict[Storage, int] = {}
        self._written: dict[Storage, int] = {}
        self._views: dict[tuple[Storage, str, tuple[int, ...]], int] = {}

    def program(self, steps: Sequence[Step], arena: int) -> Program:
        specs = [
            StepSpec(
                op=step.op,
                name=step.name,
                inputs=tuple(self._read(value) for value in step.inputs),
                outputs=tuple(self._write(value) for value in step.outputs),
                ints=step.ints,
                reals=step.reals,
            )
            for step in steps
        ]
        return Program(
            buffers=tuple(self._buffers),
            constants=tuple(self._constants),
            steps=tuple(specs),
            inputs=tuple(self._inputs),
            outputs=tuple(self._output_order),
            written=self._written,
            arena_bytes=arena,
        )

    def _add(self, name: str, dtype: str, shape: tuple[int, ...], kind: str, place: int = 0) -> int:
        self._buffers.append(BufferSpec(name=name, dtype=dtype, shape=shape, kind=kind, place=place))
        return len(self._buffers) - 1

    def _write(self, value: Value | None) -> int:
        if value is None:
            return -1
        storage = value.storage
        if storage in self._outputs:
            ref = self._add(storage.name, value.dtype, value.shape, "output")
            self._output_order.append(storage)
        else:
            ref = self._add(storage.name, value.dtype, value.shape, "arena", self._offsets[storage])
        self._whole[storage] = self._written[storage] = ref
        self._views[storage, value.dtype, value.shape] = ref
        return ref

    def _read(self, value: Value | None) -> int:
        if value is None:
            return -1
        storage = value.storage
        key = (storage, value.dtype, value.shape)
        if key not in self._views:
            if storage not in self._whole:
                array = self._find(storage)
                kind = "input" if array is None else "constant"
                flat = (storage.dtype, (storage.elements,))
                self._whole[storage] = self._views[storage, *flat] = self._add(storage.name, *flat, kind)
                if array is None:
                    self._inputs.append(storage)
                else:
                    self._constants.append(array)
            if key not in self._views:
                self._views[key] = self._add(storage.name, value.dtype, value.shape, "view", self._whole[storage])
        return self._views[key]


def _size(spec: BufferSpec) -> int:
    count = dtypes.NUMPY[spec.dtype].itemsize
    for extent in spec.shape:
        count *= extent
    return count


def raw(array: Array) -> Array:
    """The array as the core takes it: bfloat16 is none of NumPy's own dtypes, and travels as uint16."""
    return array.view(np.uint16) if array.dtype == dtypes.NUMPY["bfloat16"] else array


def evaluate(step: Step, knowledge: Mapping[Storage, Array]) -> list[Array | None]:
    """Computes one step of constants, by the core."""

    def find(storage: Storage) -> Array | None:
        return storage.array if storage.array is not None else knowledge.get(storage)

    wanted = [value.storage for value in step.outputs if value is not None]
    program = finish([step], wanted, find)
    results = program.run(program.compile(), {}, 1)
    return [None if value is None else results[value.storage] for value in step.outputs]
