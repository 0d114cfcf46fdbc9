"""Cases that a publisher could not know: inputs drawn within the manifest's conventions, from a seed that comes later.

A kernel can recognise its conformance cases and be careful with these alone. It cannot know what is drawn from a seed
that is fixed after it was published, such as a validation job's.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from aivm.determinism.subject import SubjectError
from aivm.execution.inputs import feed
from aivm.seeds import random_input
from aivm.tensors import DTYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.determinism.subject import Subject
    from aivm.manifest import Manifest, TensorSpec
    from aivm.tensors import Array

#: What a free number is drawn from where the manifest has no bounds for it.
_UNBOUNDED = (-8, 8)


def with_surprises(subject: Subject, seed: bytes, count: int) -> Subject:
    """The subject with more cases, named `surprise-INDEX-SEED`, so that whoever reads a name can draw the case again.

    Each has the shapes of one of the subject's own cases, in turn. Numbers are uniform between the manifest's bounds,
    rounded for integers; random inputs come from another seed.

    Args:
        subject: a kernel.
        seed: 32 bytes that the publisher could not know.
        count: cases to add.

    Raises:
        SubjectError: the subject is a program, which says nothing about its inputs.
    """
    manifest = subject.manifest
    if manifest is None:
        raise SubjectError(f"{subject.name} is a program, and says nothing about its inputs")
    own = list(subject.cases.values())
    drawn = {f"surprise-{i}-{seed.hex()}": _draw(manifest, own[i % len(own)], seed, i) for i in range(count)}
    return dataclasses.replace(subject, cases={**subject.cases, **drawn})


def _draw(manifest: Manifest, like: Mapping[str, Array], seed: bytes, index: int) -> dict[str, Array]:
    shapes = {name: array.shape for name, array in like.items()}
    random = {item.name for item in manifest.seeds.random_inputs}
    given = {
        spec.name: _array(spec, shapes[spec.name], seed, index) for spec in manifest.inputs if spec.name not in random
    }
    job = bytes(a ^ b for a, b in zip(seed, index.to_bytes(32, "big"), strict=True))
    return feed(manifest, given, job)


def _array(spec: TensorSpec, shape: tuple[int, ...], seed: bytes, index: int) -> Array:
    share = random_input(f"surprise {index} {spec.name}", shape, "uniform", seed).astype(np.float64)
    dtype = DTYPES[spec.dtype]
    if dtype.kind == "b":
        return np.asarray(share < 0.5)
    low, high = (
        usual if bound is None else int(bound)
        for usual, bound in zip(_UNBOUNDED, (spec.minimum, spec.maximum), strict=True)
    )
    if dtype.kind == "f":
        return np.asarray((low + (high - low) * share).astype(dtype))
    if spec.minimum is None and dtype.kind == "u":
        low = 0
    return np.asarray((low + np.floor((high - low + 1) * share)).astype(dtype))
