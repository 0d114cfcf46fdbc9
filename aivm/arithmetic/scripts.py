"""The short way of a trace: a plan that is all of a run, with all that its traces have in common.

As with `direct`, the core takes inputs that are like those of a run before, and gives back digests alone; anything else
goes the long way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from aivm.arithmetic.direct import direct
from aivm.arithmetic.lower.values import Value
from aivm.arithmetic.trace import Entry, Tensor, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aivm.arithmetic import _core
    from aivm.arithmetic.executor import Stage
    from aivm.arithmetic.notes import Notes

#: How many are kept: each costs the others a comparison.
_KEPT = 4
#: Hexadecimal digits of a digest.
_DIGITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A plan, and its traces without their digests.

    Attributes:
        run: gives the digests of the inputs and of what the plan computes.
        model: the model's digest.
        arithmetic: what computes.
        inputs: of each graph input, by name: where its digest stands, name, dtype and shape.
        constants: digests that are the same in every run; they stand behind the others.
        entries: of each entry: where its digest stands, and everything else.
    """

    run: _core.Direct
    model: str
    arithmetic: str
    inputs: tuple[tuple[int, str, str, tuple[int, ...]], ...]
    constants: tuple[str, ...]
    entries: tuple[tuple[int, Entry], ...]

    def trace(self, digests: bytes) -> Trace:
        """The trace that has these digests."""
        digits = digests.hex()
        roots = ["0x" + digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS)]
        roots += self.constants
        return Trace(
            arithmetic=self.arithmetic,
            model=self.model,
            inputs=tuple(
                [Tensor(name=name, dtype=dtype, shape=shape, root=roots[at]) for at, name, dtype, shape in self.inputs]
            ),
            entries=tuple([replace(entry, root=roots[at]) for at, entry in self.entries]),
        )


class Scripts:
    """The latest plans that were all of a run."""

    def __init__(self) -> None:
        self._known: tuple[Script, ...] = ()

    def trace(self, inputs: Mapping[str, Any], threads: int) -> Trace | None:
        """The trace, or None if no plan is known for such inputs."""
        if type(inputs) is not dict:
            return None
        for script in self._known:
            digests = script.run.trace(inputs, threads)
            if digests is not None:
                return script.trace(digests)
        return None

    def learn(self, stage: Stage, taken: Notes, outputs: Sequence[str], trace: Trace) -> None:
        """Keeps a plan for traces to come, if it is all that a run takes.

        Args:
            stage: the only plan of a run.
            taken: its entries.
            outputs: the names of the model's outputs.
            trace: of that run.
        """
        given = [item for item in stage.items if isinstance(item, Value)]
        names = [value.name for value in given]
        run = direct(stage, names, outputs, taken.refs, taken.dtypes)
        if run is None:
            return
        ports = {(value.storage, value.dtype): place for place, value in enumerate(given)}
        places = ports | {key: len(given) + place for key, place in taken.places.items()}
        constants: list[str] = []
        entries = []
        for note, entry in zip(taken.notes, trace.entries, strict=True):
            if note.root:
                place = len(places) + len(constants)
                constants.append(note.root)
            elif note.key in places:
                place = places[note.key]
            else:
                return  # an input that is taken for another dtype
            entries.append((place, entry))
        tensors = {tensor.name: tensor for tensor in trace.inputs}
        script = Script(
            run=run,
            model=trace.model,
            arithmetic=trace.arithmetic,
            inputs=tuple((names.index(name), name, tensors[name].dtype, tensors[name].shape) for name in sorted(names)),
            constants=tuple(constants),
            entries=tuple(entries),
        )
        self._known = (script, *self._known[: _KEPT - 1])
