"""Tolerances for kernels that are not bitwise, by evidence (docs/determinism.md).

    samples = sample(kernel, sketch=sketch, output="image", engines=engines, substitutes=others, images=600)
    calibration = calibrate(samples, targets, model=cid, sketch=sketch.name, output="image", substitutes=cids)
    calibration.tolerance, calibration.impostors[0].acceptance_ppm

A tolerance is the smallest at which honest machines agree. What it lets through is measured too: other seeds, and other
models on the same seed, which are the attack that matters (fewer steps, lower precision, another model).
"""

from aivm.determinism.calibration.calibrate import calibrate
from aivm.determinism.calibration.campaign import half_precision, sample
from aivm.determinism.calibration.distances import Samples
from aivm.determinism.calibration.errors import CalibrationError
from aivm.fingerprint.evidence import Calibration, Targets

__all__ = ["Calibration", "CalibrationError", "Samples", "Targets", "calibrate", "half_precision", "sample"]
