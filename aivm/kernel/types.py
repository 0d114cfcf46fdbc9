"""The kernel as a value: a manifest and the bytes that it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aivm.fingerprint.evidence import Calibration
    from aivm.manifest import Manifest
    from aivm.records import OutputRecord
    from aivm.tensors import Tensors


class KernelError(AivmError):
    """A kernel folder, or fetched content, that is not a kernel: says which file or member, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a conformance case must give: the output record, and the bytes of the tensor file that it names."""

    record: OutputRecord
    tensors: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A model with everything that decides its output.

    Kernels are equal if their manifests are: these name everything else by its digest.

    Attributes:
        manifest: the description that names everything else.
        model: the bytes of the ONNX file.
        cases: for every conformance case its inputs, without the random ones: those come from the seed.
        expected: what the cases must give, where it is at hand; a validator needs only the digests in the manifest.
        model_card: the bytes of the model card, where the manifest names one and it is at hand.
        calibration: the evidence for the kernel's tolerance, where the manifest names it and it is at hand.
        directory: the folder that the kernel was read from, if it was.
    """

    manifest: Manifest
    model: bytes = field(repr=False, compare=False)
    cases: Mapping[str, Tensors] = field(repr=False, compare=False)
    expected: Mapping[str, Expected] = field(default_factory=lambda: MappingProxyType({}), repr=False, compare=False)
    model_card: bytes | None = field(default=None, repr=False, compare=False)
    calibration: Calibration | None = field(default=None, repr=False, compare=False)
    directory: Path | None = field(default=None, compare=False)
