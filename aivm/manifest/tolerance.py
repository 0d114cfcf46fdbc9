"""The rules of a manifest about how answers become one: what `hamming` needs, and what `exact` has no use for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.fingerprint import sketches
from aivm.fingerprint.layouts import misfit
from aivm.manifest.enums import DeterminismClass, Dtype, GraphOptimization
from aivm.manifest.parts import Hamming, OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.manifest.record import Manifest


def problems(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What is wrong with a manifest's aggregation, and with what goes with it: member paths, and what is wanted."""
    rule, runtime = manifest.aggregation, manifest.runtime
    if isinstance(rule, Hamming):
        yield from _sketch(rule)
        if rule.sketch in sketches.NAMES:
            yield from _output(manifest, rule)
        yield from _rest(manifest, rule)
    elif isinstance(runtime, OnnxRuntime) and runtime.options.graph_optimization is GraphOptimization.ANY:
        what = "any changes bits from machine to machine, which the rule exact does not forgive; want a level"
        yield "runtime.options.graph_optimization", what


def _sketch(rule: Hamming) -> Iterator[tuple[str, str]]:
    if rule.sketch not in sketches.NAMES:
        yield "aggregation.sketch", f"there is no sketch {rule.sketch!r}; want one of {', '.join(sketches.NAMES)}"
        return
    sketch = sketches.named(rule.sketch)
    if rule.tolerance >= sketch.bits:
        what = f"{rule.sketch} has {sketch.bits} bits, so a tolerance of {rule.tolerance} accepts everything"
        yield "aggregation.tolerance", f"{what}; want less"
    if rule.layout not in sketch.layouts:
        yield "aggregation.layout", f"{rule.sketch} reads {' or '.join(sketch.layouts)}, have {rule.layout}"
    for index, promise in enumerate(rule.promises):
        if int(promise.sketch, 16).bit_length() > sketch.bits:
            yield (
                f"aggregation.promises[{index}].sketch",
                f"{rule.sketch} has {sketch.bits} bits, have {promise.sketch}",
            )


def _output(manifest: Manifest, rule: Hamming) -> Iterator[tuple[str, str]]:
    at, spec = next(((at, spec) for at, spec in enumerate(manifest.outputs) if spec.name == rule.output), (0, None))
    if spec is None:
        yield "aggregation.output", f"want the name of an output, have {rule.output!r}"
        return
    if spec.dtype is Dtype.BOOL:
        yield f"outputs[{at}].dtype", f"a sketch is of numbers, and the sketched output {spec.name!r} is BOOL"
    if (problem := misfit(spec.shape, rule.layout)) is not None:
        yield f"outputs[{at}].shape", f"{problem}, and aggregation sketches {spec.name!r}"
    # Sketches are made beside the sandbox, whose limits do not count there.
    most = sketches.named(rule.sketch).elements * spec.dtype.bits // 8
    if manifest.limits.output_bytes > most:
        what = f"{rule.sketch} of {spec.dtype} takes outputs of at most {most} bytes"
        yield "limits.output_bytes", f"{what}, have {manifest.limits.output_bytes}"


def _rest(manifest: Manifest, rule: Hamming) -> Iterator[tuple[str, str]]:
    if len(rule.promises) != len(manifest.cases):
        what = f"want one promise for each of the {len(manifest.cases)} cases, have {len(rule.promises)}"
        yield "aggregation.promises", what
    if manifest.determinism is not DeterminismClass.TOLERANT:
        yield "determinism", f"want tolerant with the rule hamming, have {manifest.determinism}"
    if manifest.calibration is None:
        yield "calibration", "want the evidence for the tolerance, which `aivm calibrate` makes, have null"
