"""What all methods that write steps have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from aivm.arithmetic.errors import GraphMemoryError, LoopLimitError, MalformedModelError, UnsupportedOperatorError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.values import Value, check_shape, constant, new_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aivm.arithmetic.lower.values import Shape, Storage
    from aivm.tensors import Array

#: A step of constants is computed at once if its results take no more bytes than this, or than its operands, or this
#: many times its operands but no more than that.
_SMALL_RESULT = 1 << 16
_GROWTH = 4
_LARGE_RESULT = 1 << 26
_MOST_PLACES = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One primitive of the plan.

    Attributes:
        op: the primitive.
        name: the ONNX node that it comes from.
        inputs: its operands, None for those that are left out.
        outputs: what it writes, None for what nobody wants.
        ints: its whole attributes.
        reals: its real attributes.
        axis: of a copy that puts whole tensors one behind the other, the axis; for the optimiser alone.
    """

    op: str
    name: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value | None, ...]
    ints: tuple[int, ...] = ()
    reals: tuple[float, ...] = ()
    axis: int | None = None


class DemandedError(Exception):
    """Raised within the lowering: it cannot go on without the contents of this tensor."""

    def __init__(self, value: Value) -> None:
        super().__init__(value.name)
        self.value = value


@dataclass(slots=True, kw_only=True)
class Place:
    """Where in the model the lowering is, for names and messages."""

    name: str = ""
    title: str = "the model"
    outputs: Sequence[str] = field(default=())


class Emitter:
    """Collects steps. Steps whose operands are constants are computed at once, by the core."""

    def __init__(
        self,
        *,
        evaluate: Callable[[Step, dict[Storage, Array]], list[Array | None]],
        memory_limit: int | None = None,
        step_limit: int = 1 << 18,
    ) -> None:
        self.steps: list[Step] = []
        self.place = Place()
        #: Contents of storages that a run has told.
        self.knowledge: dict[Storage, Array] = {}
        self._evaluate = evaluate
        self._memory_limit = memory_limit
        self._step_limit = step_limit
        self._emitted = self._folded = 0
        self._scalars: dict[tuple[str, bytes, Shape], Value] = {}

    # What is known.

    def find(self, value: Value) -> Array | None:
        """The contents of a tensor, if they are known now."""
        array = value.storage.array
        if array is None:
            array = self.knowledge.get(value.storage)
        return None if array is None else value.seen(array)

    def known(self, value: Value) -> Array:
        """The contents of a tensor.

        Raises:
            DemandedError: they are not known before a run; the lowering stops here and goes on then.
        """
        array = self.find(value)
        if array is None:
            raise DemandedError(value)
        return array

    def known_ints(self, value: Value) -> list[int]:
        """The contents of a tensor of integers, in a list."""
        return [int(item) for item in self.known(value).reshape(-1)]

    def known_item(self, value: Value) -> Any:
        """The one element of a tensor.

        Raises:
            MalformedModelError: it has none, or several.
            DemandedError: it is not known before a run.
        """
        if value.elements != 1:
            self.refuse(f"tensor {value} should have one element")
        return self.known(value).reshape(-1)[0]

    def known_int(self, value: Value) -> int:
        """The one element of a tensor of integers."""
        return int(self.known_item(value))

    # Values.

    def constant(self, array: Array, name: str = "") -> Value:
        """A constant; equal small ones are one."""
        array = np.asarray(array)
        if array.nbytes > 1024:
            return constant(array, name or self.place.name)
        key = (array.dtype.str + array.dtype.name, array.tobytes(), array.shape)
        if key not in self._scalars:
            self._scalars[key] = constant(array, name or self.place.name)
        return self._scalars[key]

    def empty(self, shape: Shape, dtype: str) -> Value:
        """A tensor without elements.

        Raises:
            MalformedModelError: an extent is negative, or so large that an index overflows.
        """
        new_storage(self.place.name, dtype, shape, self.place.title)
        return self.constant(np.zeros(shape, dtypes.NUMPY[dtype]))

    def scalar(self, number: float, dtype: str) -> Value:
        """A constant without axes."""
        return self.constant(np.array(number, dtype=dtypes.NUMPY[dtype]))

    def ints(self, numbers: Sequence[int]) -> Value:
        """A constant list of int64."""
        return self.constant(np.array(numbers, dtype=np.int64))

    def view(self, value: Value, shape: Shape, dtype: str | None = None) -> Value:
        """The same memory in another shape."""
        if dtype is None and value.shape == shape:
            return value
        check_shape(value.name, dtype or value.dtype, shape, self.place.title)
        return Value(dtype=dtype or value.dtype, shape=tuple(shape), storage=value.storage)

    def count(self, numbers: int, most: int = _MOST_PLACES) -> int:
        """A number of places along an axis, which will be listed one by one.

        Raises:
            UnsupportedOperatorError: there are too many.
        """
        if numbers > most:
            self.unsupported(f"an axis of {numbers} elements that are chosen one by one; {most} is the most")
        return numbers

    # Steps.

    def emit(
        self,
        op: str,
        inputs: Sequence[Value | None],
        outputs: Sequence[tuple[str, Shape] | None],
        ints: Sequence[int] = (),
        reals: Sequence[float] = (),
        axis: int | None = None,
    ) -> tuple[Value | None, ...]:
        """Writes a step, or computes it if everything that it reads is known.

        Raises:
            GraphMemoryError: an output alone takes more memory than there may be.
        """
        results: list[Value | None] = []
        for index, spec in enumerate(outputs):
            results.append(None if spec is None else self._result(index, *spec))
        step = Step(
            op=op,
            name=self.place.name,
            inputs=tuple(inputs),
            outputs=tuple(results),
            ints=tuple(int(item) for item in ints),
            reals=tuple(float(item) for item in reals),
            axis=axis,
        )
        self._emitted += 1
        if self._emitted > self._step_limit:
            raise LoopLimitError(f"{self.place.title}: the plan would have more than {self._step_limit} steps")
        if self._foldable(step):
            return self._fold(step)
        self.steps.append(step)
        return step.outputs

    def emit_one(
        self,
        op: str,
        inputs: Sequence[Value | None],
        dtype: str,
        shape: Shape,
        ints: Sequence[int] = (),
        reals: Sequence[float] = (),
    ) -> Value:
        """Writes a step that has one output."""
        (result,) = self.emit(op, inputs, [(dtype, tuple(shape))], ints, reals)
        assert result is not None
        return result

    def _result(self, index: int, dtype: str, shape: Shape) -> Value:
        names = self.place.outputs
        name = names[index] if index < len(names) and names[index] else self.place.name
        storage = new_storage(name, dtype, shape, self.place.title)
        if self._memory_limit is not None and storage.bytes > self._memory_limit:
            raise GraphMemoryError(
                f"{self.place.title}: tensor {name!r} of shape {list(shape)} takes {storage.bytes} bytes, "
                f"more than the {self._memory_limit} allowed",
                hint=GraphMemoryError.ALLOW_MORE,
            )
        return Value(dtype=dtype, shape=tuple(shape), storage=storage)

    def _foldable(self, step: Step) -> bool:
        if any(item is not None and self.find(item) is None for item in step.inputs):
            return False
        size = sum(item.storage.bytes for item in step.outputs if item is not None)
        operands = sum(storage.bytes for storage in {item.storage for item in step.inputs if item is not None})
        if self._memory_limit is not None and self._folded + size > self._memory_limit:
            return False  # as a step of the plan it counts to what the plan needs
        return size <= max(_SMALL_RESULT, operands, min(_GROWTH * operands, _LARGE_RESULT))

    def _fold(self, step: Step) -> tuple[Value | None, ...]:
        arrays = self._evaluate(step, self.knowledge)
        self._folded += sum(0 if array is None else array.nbytes for array in arrays)
        return tuple(
            None if item is None or array is None else constant(array.reshape(item.shape), item.name)
            for item, array in zip(step.outputs, arrays, strict=True)
        )

    # Refusals.

    def refuse(self, message: str, *, hint: str = "") -> NoReturn:
        """Says that the model breaks a rule.

        Raises:
            MalformedModelError: always.
        """
        raise MalformedModelError(f"{self.place.title}: {message}", hint=hint)

    def unsupported(self, message: str, *, hint: str = "") -> NoReturn:
        """Says that the engine does not have something.

        Raises:
            UnsupportedOperatorError: always.
        """
        raise UnsupportedOperatorError(f"{self.place.title}: {message}", hint=hint)

    def want(self, value: Value, allowed: frozenset[str]) -> None:
        """Checks a dtype.

        Raises:
            UnsupportedOperatorError: it is not one of those.
        """
        if value.dtype not in allowed:
            self.unsupported(f"tensor {value} has a dtype that is not supported here; supported: {_list(allowed)}")

    def same_dtype(self, *values: Value) -> str:
        """Checks that all have one dtype, and returns it.

        Raises:
            MalformedModelError: they have not.
        """
        first = values[0]
        for value in values[1:]:
            if value.dtype != first.dtype:
                self.refuse(f"tensors {first} and {value} should have the same dtype")
        return first.dtype

    def axis(self, axis: int, rank: int) -> int:
        """An axis that may count from the end, counted from the start.

        Raises:
            MalformedModelError: there is no such axis.
        """
        if not -rank <= axis < rank:
            self.refuse(f"axis {axis} of a tensor that has {rank} axes")
        return axis % rank

    def axes(self, axes: Sequence[int], rank: int) -> list[int]:
        """Several axes, ascending.

        Raises:
            MalformedModelError: there is no such axis, or one is named twice.
        """
        result = sorted(self.axis(axis, rank) for axis in axes)
        if len(set(result)) != len(result):
            self.refuse(f"axes {list(axes)} name one axis twice")
        return result


def _list(names: frozenset[str]) -> str:
    return ", ".join(name for name in dtypes.NUMPY if name in names)
