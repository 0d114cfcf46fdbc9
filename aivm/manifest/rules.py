"""The rules of a manifest that relate its members to each other; each names the member at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.manifest import tolerance
from aivm.manifest.enums import AnswerConvention, Dtype, HardwareKind, Provider, SeedPolicy
from aivm.manifest.parts import Reproducible
from aivm.manifest.spdx import is_expression
from aivm.records import RecordError, check_cid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aivm.manifest.parts import Model, TensorSpec
    from aivm.manifest.record import Manifest

Problem = tuple[str, str]  # (member path, what is wrong and what is wanted)

UINT96_BOUND = 2**96
MAX_OPSETS = 64
MAX_FEATURES_TEXT = 2048


class ManifestError(RecordError):
    """A manifest that breaks a rule of docs/protocol.md §3; `path` is the member at fault."""


def check(manifest: Manifest) -> None:
    """Raises for the first rule broken.

    Raises:
        ManifestError: naming the member and what is wanted.
    """
    check_cid(manifest.model.cid, "model.cid", ManifestError)
    if manifest.model_card is not None:
        check_cid(manifest.model_card, "model_card", ManifestError)
    for rule in (_model, _runtime, _hardware, _tensors, _random_inputs, _seeds, _answer, tolerance.problems, _rest):
        for path, what in rule(manifest):
            raise ManifestError(what, path=path)


def _model(manifest: Manifest) -> Iterator[Problem]:
    model: Model = manifest.model
    if not 1 <= len(model.opsets) <= MAX_OPSETS:
        yield "model.opsets", f"want 1 to {MAX_OPSETS} operator sets, have {len(model.opsets)}"
    yield from _sorted(model.operators, "model.operators")
    for index, operator in enumerate(model.operators):
        domain = operator.partition("::")[0]
        if domain not in model.opsets:
            yield f"model.operators[{index}]", f"domain {domain!r} has no version in model.opsets"


def _runtime(manifest: Manifest) -> Iterator[Problem]:
    """What the reproducible engine defines for itself, no manifest can ask for otherwise."""
    if not isinstance(manifest.runtime, Reproducible):
        return
    if manifest.hardware.kind is not HardwareKind.CPU:
        yield "hardware.kind", f"the engine reproducible runs on cpu, have {manifest.hardware.kind}"
    for member in ("flush_to_zero", "fma_contraction", "tf32"):
        if getattr(manifest.numerics, member):
            what = "the engine reproducible says itself where it rounds, on every machine; want false"
            yield f"numerics.{member}", what


def _hardware(manifest: Manifest) -> Iterator[Problem]:
    hardware = manifest.hardware
    yield from _sorted(hardware.features, "hardware.features")
    yield from _sorted(hardware.features_off, "hardware.features_off")
    for member, features in (("features", hardware.features), ("features_off", hardware.features_off)):
        if len(",".join(features)) > MAX_FEATURES_TEXT:
            yield f"hardware.{member}", f"joined by commas, at most {MAX_FEATURES_TEXT} characters go on chain"
    for index, feature in enumerate(hardware.features_off):
        if feature in hardware.features:
            yield f"hardware.features_off[{index}]", f"{feature!r} is also required by hardware.features"
    if manifest.runtime.provider is Provider.CUDA and hardware.kind is not HardwareKind.CUDA:
        yield "hardware.kind", "the provider cuda needs cuda hardware, have cpu"


def _tensors(manifest: Manifest) -> Iterator[Problem]:
    yield from _unique((spec.name for spec in manifest.inputs), "inputs", "name")
    yield from _unique((spec.name for spec in manifest.outputs), "outputs", "name")
    if not manifest.outputs:
        yield "outputs", "want at least one output"
    for index, spec in enumerate(manifest.inputs):
        yield from _bounds(spec, f"inputs[{index}]")
    tensors = [(f"inputs[{i}].name", spec.name) for i, spec in enumerate(manifest.inputs)]
    tensors += [(f"outputs[{i}].name", spec.name) for i, spec in enumerate(manifest.outputs)]
    for path, name in tensors:
        if name == "__metadata__":
            yield path, "__metadata__ is reserved by the tensor file format"


def _bounds(spec: TensorSpec, path: str) -> Iterator[Problem]:
    low, high = (None if bound is None else int(bound) for bound in (spec.minimum, spec.maximum))
    if spec.dtype.is_integer or spec.dtype is Dtype.BOOL:
        least, greatest = _integer_range(spec.dtype)
        for member, value in (("minimum", low), ("maximum", high)):
            if value is not None and not least <= value <= greatest:
                yield f"{path}.{member}", f"want an integer of {spec.dtype}, {least} to {greatest}, have {value}"
    if low is not None and high is not None and low > high:
        yield f"{path}.minimum", f"{low} is greater than the maximum {high}"


def _random_inputs(manifest: Manifest) -> Iterator[Problem]:
    specs = {spec.name: (index, spec) for index, spec in enumerate(manifest.inputs)}
    random = manifest.seeds.random_inputs
    yield from _unique((item.name for item in random), "seeds.random_inputs", "name")
    names = {item.name for item in random}
    known = {size for spec in manifest.inputs if spec.name not in names for size in spec.shape}
    for index, item in enumerate(random):
        if item.name not in specs:
            yield f"seeds.random_inputs[{index}].name", f"{item.name!r} is not among the inputs"
            continue
        at, spec = specs[item.name]
        if spec.dtype is not Dtype.F32:
            yield f"inputs[{at}].dtype", f"a random input is F32, have {spec.dtype}"
        if spec.minimum is not None or spec.maximum is not None:
            yield f"inputs[{at}].minimum", "a random input has no bounds: its distribution says them"
        for axis, size in enumerate(spec.shape):
            if isinstance(size, str) and size not in known:
                yield f"inputs[{at}].shape[{axis}]", f"no other input says how long the free dimension {size!r} is"


def _seeds(manifest: Manifest) -> Iterator[Problem]:
    seeds = manifest.seeds
    if (seeds.policy is SeedPolicy.FIXED) != (seeds.fixed_seed is not None):
        want = "0x and 64 hex digits" if seeds.policy is SeedPolicy.FIXED else "null"
        yield "seeds.fixed_seed", f"want {want} with the policy {seeds.policy}, have {seeds.fixed_seed}"
    if (seeds.policy is SeedPolicy.NONE) != (not seeds.random_inputs):
        want = "no random input" if seeds.policy is SeedPolicy.NONE else "at least one random input"
        yield "seeds.random_inputs", f"want {want} with the policy {seeds.policy}"


def _answer(manifest: Manifest) -> Iterator[Problem]:
    answer = manifest.answer
    if answer.convention is AnswerConvention.NONE:
        if answer.output is not None:
            yield "answer.output", f"want null with the convention none, have {answer.output!r}"
        return
    spec = next((spec for spec in manifest.outputs if spec.name == answer.output), None)
    if spec is None:
        yield "answer.output", f"want the name of an output, have {answer.output!r}"
    elif answer.convention is AnswerConvention.FIRST:
        if not spec.dtype.is_integer:
            yield "answer.output", f"the convention first needs an integer output, {spec.name!r} is {spec.dtype}"
    elif spec.dtype is Dtype.BOOL:
        yield "answer.output", f"the convention argmax needs numbers, {spec.name!r} is BOOL"
    elif any(isinstance(size, int) and size != 1 for size in spec.shape[:-1]):
        yield "answer.output", f"the convention argmax needs one row, {spec.name!r} has shape {list(spec.shape)}"


def _rest(manifest: Manifest) -> Iterator[Problem]:
    if int(manifest.author_fee) >= UINT96_BOUND:
        yield "author_fee", f"want less than 2^96 wei, have {manifest.author_fee}"
    if not is_expression(manifest.licence):
        yield "licence", f"want an SPDX licence expression, have {manifest.licence[:80]!r}"
    if not manifest.cases:
        yield "cases", "want at least one conformance case: without one, nothing can be validated"
    yield from _unique((case.name for case in manifest.cases), "cases", "name")


def _integer_range(dtype: Dtype) -> tuple[int, int]:
    if dtype is Dtype.BOOL:
        return 0, 1
    return (0, 2**dtype.bits - 1) if dtype[0] == "U" else (-(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1)


def _unique(names: Iterable[str], path: str, member: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield f"{path}[{index}].{member}", f"{name!r} is there twice"
        seen.add(name)


def _sorted(items: tuple[str, ...], path: str) -> Iterator[Problem]:
    for index in range(1, len(items)):
        if items[index - 1] >= items[index]:
            what = "is there twice" if items[index - 1] == items[index] else f"must come before {items[index - 1]!r}"
            yield f"{path}[{index}]", f"{items[index]!r} {what}"
