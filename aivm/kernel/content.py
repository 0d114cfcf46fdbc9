"""A kernel as content: the blocks that a publisher provides, and a kernel put together from blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm import records, tensors, unixfs
from aivm.cid import Cid
from aivm.digests import Digest
from aivm.fingerprint.evidence import Calibration
from aivm.kernel.evidence import check_evidence
from aivm.kernel.files import MAX_CASE_BYTES
from aivm.kernel.types import Kernel, KernelError
from aivm.lint import require_clean
from aivm.lint.linter import MAX_MODEL_BYTES
from aivm.manifest import Hamming, Manifest
from aivm.records import InputRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aivm.tensors import Tensors

    GetBlock = Callable[[Cid], bytes]


# What a validation names where a case gave no output.
_NO_OUTPUT = Digest(bytes(32)).hex()


def input_record(inputs: Tensors) -> tuple[InputRecord, bytes]:
    """The input record of some tensors, and the bytes of the tensor file that it names."""
    data = tensors.encode(inputs)
    imported = unixfs.import_bytes(data)
    return InputRecord(tensors=str(imported.cid), size=imported.size), data


def blocks(kernel: Kernel) -> Iterator[tuple[Cid, bytes]]:
    """Every block that a publisher of the kernel must provide, children before those that link to them.

    These are the model, the model card, the calibration, and for every case the input record, the expected output
    record and the tensor files of both; the manifest's record is the last. A block may come twice.

    Raises:
        KernelError: if a case's expected output, the model card or the calibration is not at hand.
    """
    yield from _file(kernel.model)
    if kernel.manifest.model_card is not None:
        if kernel.model_card is None:
            raise KernelError("the model card is not at hand", hint="Load the kernel from its folder.")
        yield from _file(kernel.model_card)
    if kernel.manifest.calibration is not None:
        if kernel.calibration is None:
            raise KernelError("the calibration is not at hand", hint="Load the kernel from its folder.")
        yield _record(records.encode(kernel.calibration))
    for case in kernel.manifest.cases:
        if case.name not in kernel.expected:
            hint = "Load the kernel from its folder, or pack it again."
            raise KernelError(f"the expected output of case {case.name!r} is not at hand", hint=hint)
        record, data = input_record(kernel.cases[case.name])
        yield from _file(data)
        yield _record(records.encode(record))
        expected = kernel.expected[case.name]
        yield from _file(expected.tensors)
        yield _record(records.encode(expected.record))
    yield _record(kernel.manifest.record())


def from_blocks(manifest_digest: Digest, get_block: GetBlock) -> Kernel:
    """Fetches a kernel, verifies every block and lints the graph: what a validator does.

    Args:
        manifest_digest: the digest of the manifest's record, as the chain has it.
        get_block: where blocks come from; its own errors pass through.

    Raises:
        CidMismatchError: bytes that are not those of their CID.
        ManifestError: a manifest that breaks a rule.
        KernelError: content that is not what its record says.
        EvidenceError: a tolerance that its evidence does not show.
        CalibrationRecordError: a calibration that is none.
        KernelLintError: a graph that a kernel must not have.
    """
    manifest = Manifest.from_record(_fetch_record(manifest_digest, get_block))
    calibration = _fetch_calibration(manifest, get_block)
    size = manifest.model.size
    if size > MAX_MODEL_BYTES:
        raise KernelError(f"model.size: {size} bytes, at most {MAX_MODEL_BYTES} are read")
    model = unixfs.read_bytes(Cid.parse(manifest.model.cid), get_block, limit=size)
    require_clean(model, manifest)
    cases: dict[str, Tensors] = {}
    left = MAX_CASE_BYTES
    for case in manifest.cases:
        if case.output == _NO_OUTPUT:
            raise KernelError(f"case {case.name!r} promises no output, so every failure would keep the promise")
        cases[case.name], size = _fetch_inputs(case.name, case.input, get_block, limit=left)
        left -= size
    return Kernel(manifest=manifest, model=model, cases=cases, calibration=calibration)


def _fetch_calibration(manifest: Manifest, get_block: GetBlock) -> Calibration | None:
    """The evidence, where the kernel's rule stands on it."""
    if manifest.calibration is None or not isinstance(manifest.aggregation, Hamming):
        return None
    calibration = records.decode(_fetch_record(Digest.from_hex(manifest.calibration), get_block), Calibration)
    check_evidence(manifest, calibration)
    return calibration


def _fetch_inputs(name: str, digest: str, get_block: GetBlock, *, limit: int) -> tuple[Tensors, int]:
    record = records.decode(_fetch_record(Digest.from_hex(digest), get_block), InputRecord)
    if record.size > limit:
        raise KernelError(
            f"case {name!r}: inputs of {record.size} bytes, at most {MAX_CASE_BYTES} are read for all cases together"
        )
    data = unixfs.read_bytes(Cid.parse(record.tensors), get_block, limit=record.size)
    if len(data) != record.size:
        raise KernelError(f"case {name!r}: the inputs have {len(data)} bytes, their record says {record.size}")
    return tensors.decode(data, limit=MAX_CASE_BYTES), record.size


def _fetch_record(digest: Digest, get_block: GetBlock) -> bytes:
    cid = Cid.raw(bytes(digest))
    data = get_block(cid)
    cid.verify(data)
    return data


def _record(data: bytes) -> tuple[Cid, bytes]:
    return Cid.raw(bytes(Digest.of(data))), data


def _file(data: bytes) -> Iterator[tuple[Cid, bytes]]:
    made: list[tuple[Cid, bytes]] = []
    unixfs.import_bytes(data, lambda cid, block: made.append((cid, block)))
    yield from made
