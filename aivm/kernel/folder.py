"""A packed kernel in a folder: reading it back, and checking every byte against the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm import records, tensors, unixfs
from aivm.fingerprint.evidence import Calibration
from aivm.kernel import author, files
from aivm.kernel.content import input_record
from aivm.kernel.evidence import check_evidence
from aivm.kernel.types import Expected, Kernel, KernelError
from aivm.lint import require_clean
from aivm.manifest import Manifest
from aivm.records import MAX_RECORD, OutputRecord

if TYPE_CHECKING:
    from pathlib import Path

    from aivm.manifest import Case
    from aivm.tensors import Tensors

_PACK = "`aivm kernel pack` makes the folder consistent again."


def init(directory: Path, *, name: str) -> Path:
    """Begins a kernel: makes the folder, its cases folder, and a commented kernel.toml.

    Returns:
        The path of kernel.toml.

    Raises:
        KernelError: if there is a kernel.toml already, which is left alone, or the folder cannot be made.
    """
    path = directory / author.FILE
    if path.exists() or path.is_symlink():
        raise KernelError(f"{author.FILE} is there already", hint="Edit it, or begin in another folder.")
    if not files.is_case_name(name) or "_" in name:
        raise KernelError(f"{name!r} is no kernel name", hint="Lower case letters, digits and hyphens, at most 64.")
    try:
        (directory / files.CASES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KernelError(f"{directory.name} cannot be made: {error.strerror}") from error
    files.write_file(directory, author.FILE, author.TEMPLATE.replace("{name}", name).encode())
    return path


def load(directory: Path) -> Kernel:
    """Reads a packed kernel and checks it: the model and every case against the manifest, and the graph by the linter.

    Raises:
        KernelError: a file that is not there, or is not what the manifest says.
        EvidenceError: a calibration that does not show the tolerance.
        ManifestError: a manifest that breaks a rule.
        KernelLintError: a graph that a kernel must not have.
        TensorFileError, RecordError: a file in another than its canonical form.
    """
    manifest = Manifest.from_record(files.read_file(directory, files.MANIFEST, limit=MAX_RECORD))
    model = files.read_file(directory, files.MODEL, limit=max(manifest.model.size, 1))
    cid = unixfs.import_bytes(model).cid
    if str(cid) != manifest.model.cid:
        raise KernelError(f"{files.MODEL} is {cid}, the manifest says {manifest.model.cid}", hint=_PACK)
    require_clean(model, manifest)
    names = files.case_names(directory)
    listed = sorted(case.name for case in manifest.cases)
    if names != listed:
        differing = sorted(set(names) ^ set(listed))
        raise KernelError(f"{files.CASES}/ and the manifest differ in {', '.join(differing)}", hint=_PACK)
    return Kernel(
        manifest=manifest,
        model=model,
        cases={case.name: _inputs(directory, case) for case in manifest.cases},
        expected={case.name: _expected(directory, case) for case in manifest.cases},
        model_card=_model_card(directory, manifest),
        calibration=_calibration(directory, manifest),
        directory=directory,
    )


def _inputs(directory: Path, case: Case) -> Tensors:
    name = f"{files.CASES}/{case.name}{files.TENSORS}"
    inputs = tensors.decode(files.read_file(directory, name, limit=files.MAX_CASE_BYTES), limit=files.MAX_CASE_BYTES)
    record, _ = input_record(inputs)
    if records.digest(record).hex() != case.input:
        raise KernelError(f"{name} is not the input that the manifest says", hint=_PACK)
    return inputs


def _expected(directory: Path, case: Case) -> Expected:
    name = f"{files.EXPECTED}/{case.name}"
    data = files.read_file(directory, f"{name}.json", limit=MAX_RECORD)
    record = records.decode(data, OutputRecord)
    output = files.read_file(directory, f"{name}{files.TENSORS}", limit=max(record.size, 1))
    if records.digest(record).hex() != case.output:
        raise KernelError(f"{name}.json is not the output that the manifest says", hint=_PACK)
    if str(unixfs.import_bytes(output).cid) != record.tensors or len(output) != record.size:
        raise KernelError(f"{name}{files.TENSORS} is not the file that {name}.json names", hint=_PACK)
    return Expected(record=record, tensors=output)


def _model_card(directory: Path, manifest: Manifest) -> bytes | None:
    if manifest.model_card is None or not (directory / author.FILE).exists():
        return None
    name = author.read_author(directory).model_card
    if name is None:
        raise KernelError(f"the manifest names a model card, and {author.FILE} does not", hint=_PACK)
    card = files.read_file(directory, name, limit=files.MAX_CARD_BYTES)
    if str(unixfs.import_bytes(card).cid) != manifest.model_card:
        raise KernelError(f"{name} is not the model card that the manifest says", hint=_PACK)
    return card


def _calibration(directory: Path, manifest: Manifest) -> Calibration | None:
    calibration = read_calibration(directory)
    digest = None if calibration is None else records.digest(calibration).hex()
    if digest != manifest.calibration:
        raise KernelError(f"{files.CALIBRATION} is not the calibration that the manifest says", hint=_PACK)
    check_evidence(manifest, calibration)
    return calibration


def read_calibration(directory: Path) -> Calibration | None:
    """The folder's calibration, if it has one.

    Raises:
        KernelError: it cannot be read.
        CalibrationRecordError: it is no calibration.
    """
    path = directory / files.CALIBRATION
    if not path.exists() and not path.is_symlink():
        return None
    return records.decode(files.read_file(directory, files.CALIBRATION, limit=MAX_RECORD), Calibration)
