"""Tolerances for kernels that are not bitwise, by evidence (docs/determinism.md).

    subject = images_of(kernel, 600)
    gathered = gather(kernel, subject, plan(subject, wishes), journal, reading=reading, substitutes=others)
    calibration = calibrate(gathered.samples, targets, model=cid, sketch=sketch.name, output="image", ...)
    calibration.tolerance, calibration.impostors[0].acceptance_ppm

A tolerance is the smallest at which honest machines agree. What it lets through is measured too: other seeds, and other
models on the same seed, which are the attack that matters (fewer steps, lower precision, another model).
"""

from aivm.determinism.calibration.calibrate import calibrate, check_images
from aivm.determinism.calibration.campaign import HALF_PRECISION, half_precision, sample
from aivm.determinism.calibration.distances import Samples
from aivm.determinism.calibration.environments import Gathered, gather, images_of
from aivm.determinism.calibration.errors import CalibrationError
from aivm.fingerprint.evidence import Calibration, Targets

__all__ = [
    "HALF_PRECISION",
    "Calibration",
    "CalibrationError",
    "Gathered",
    "Samples",
    "Targets",
    "calibrate",
    "check_images",
    "gather",
    "half_precision",
    "images_of",
    "sample",
]
