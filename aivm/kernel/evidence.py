"""Whether a tolerance stands on the evidence that the manifest links to (docs/determinism.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.fingerprint.evidence import OTHER_SEED
from aivm.kernel.types import KernelError
from aivm.manifest import Hamming, SeedPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.fingerprint.evidence import Calibration
    from aivm.manifest import Manifest

_AGAIN = "Run `aivm calibrate`, then `aivm kernel pack`."


class EvidenceError(KernelError):
    """A tolerance without evidence, or with evidence of something else; `path` is the member of the calibration."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"calibration.{path}: {message}" if path else message, hint=_AGAIN)
        self.path = path


def check_evidence(manifest: Manifest, calibration: Calibration | None) -> None:
    """Checks that the evidence is about this kernel's model and sketch, and shows this tolerance; `exact` needs none.

    That it does not contradict itself is checked where the record is read.

    Raises:
        EvidenceError: naming the member of the calibration, or that there is none.
    """
    if not isinstance(manifest.aggregation, Hamming):
        return
    if calibration is None:
        raise EvidenceError("the rule hamming needs evidence for its tolerance, and there is none")
    for path, message in _problems(manifest, manifest.aggregation, calibration):
        raise EvidenceError(message, path=path)


def _problems(manifest: Manifest, rule: Hamming, calibration: Calibration) -> Iterator[tuple[str, str]]:
    if calibration.model != manifest.model.cid:
        yield "model", f"is about {calibration.model}, the kernel's is {manifest.model.cid}"
    for member in ("sketch", "output", "layout", "tolerance"):
        have, want = getattr(calibration, member), getattr(rule, member)
        if have != want:
            yield member, f"is {have}, the manifest's aggregation says {want}"
    target = calibration.targets.vote_false_rejection_ppm
    if calibration.honest.rejection_ppm > target:
        yield "honest.rejection_ppm", f"{calibration.honest.rejection_ppm} is above the target, {target}"
    names = {each.name for each in calibration.impostors if each.model is None}
    if manifest.seeds.policy is SeedPolicy.VERIFIABLE and OTHER_SEED not in names:
        yield "impostors", f"want outputs of other seeds, by the name {OTHER_SEED!r}"
    if not any(each.model not in (None, calibration.model) for each in calibration.impostors):
        yield "impostors", "want the outputs of at least one other model on the same inputs"
