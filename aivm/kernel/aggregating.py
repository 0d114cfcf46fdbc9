"""How the author wants answers to become one, as the manifest says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.digests import Digest
from aivm.fingerprint import sketches
from aivm.fingerprint.layouts import usual
from aivm.kernel.types import KernelError
from aivm.manifest import EXACT, Hamming, Promise
from aivm.manifest.enums import AggregationRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.fingerprint import Layout, Sketch
    from aivm.fingerprint.evidence import Calibration
    from aivm.kernel.author import AggregationTable
    from aivm.manifest import Aggregation, OutputSpec

_NOTHING = Digest(bytes(32)).hex()
#: Stands for what is not known before the cases have run.
UNKNOWN = Promise(sketch=_NOTHING, answer=_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is sketched, and how.

    Attributes:
        sketch: the kind.
        output: name of the graph output.
        layout: how it is read.
    """

    sketch: Sketch
    output: str
    layout: Layout


def reading_of(outputs: Sequence[OutputSpec], *, sketch: str, output: str | None, layout: Layout | None) -> Reading:
    """What is sketched of a kernel's outputs.

    Args:
        outputs: the manifest's.
        sketch: its name.
        output: which one; None for the only one.
        layout: how it is read; None for the usual way.

    Raises:
        SketchError: there is no such sketch.
        KernelError: there is no such output, or several to choose from.
    """
    names = ", ".join(spec.name for spec in outputs)
    if output is None and len(outputs) != 1:
        raise KernelError(f"one output is sketched, and the kernel has several: {names}", hint="Name one.")
    spec = next((spec for spec in outputs if output in (None, spec.name)), None)
    if spec is None:
        raise KernelError(f"the kernel has no output {output!r}", hint=f"It has {names}.")
    kind = sketches.named(sketch)
    return Reading(sketch=kind, output=spec.name, layout=layout or usual(kind.layouts, len(spec.shape)))


def aggregation_of(
    table: AggregationTable, outputs: Sequence[OutputSpec], *, cases: int, calibration: Calibration | None
) -> Aggregation:
    """The rule, with the calibrated tolerance; what the cases promise is not known yet.

    Args:
        table: what the author says.
        outputs: the manifest's.
        cases: how many there are.
        calibration: shows the tolerance; None before there is any, and then it is 0.

    Raises:
        SketchError, KernelError: as `reading_of`, or a member that the rule lacks or has no use for.
    """
    if table.rule is AggregationRule.EXACT:
        for member in ("sketch", "output", "layout"):
            if getattr(table, member) is not None:
                hint = 'Leave it out, or write rule = "hamming".'
                raise KernelError(f"kernel.toml: aggregation.{member}: the rule exact has no use for it", hint=hint)
        return EXACT
    if table.sketch is None:
        hint = f"There are {', '.join(sketches.NAMES)}."
        raise KernelError("kernel.toml: aggregation.sketch: the rule hamming needs one", hint=hint)
    reading = reading_of(outputs, sketch=table.sketch, output=table.output, layout=table.layout)
    return Hamming(
        sketch=reading.sketch.name,
        tolerance=0 if calibration is None else calibration.tolerance,
        output=reading.output,
        layout=reading.layout,
        promises=(UNKNOWN,) * cases,
    )
