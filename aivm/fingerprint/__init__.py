"""Sketches: fingerprints of at most 256 bits that can be compared within a tolerance (docs/determinism.md).

    sketch = sketches.named("phash-64/1")
    a, b = sketch.of(image), sketch.of(other)      # images [1, 3, 256, 256], any dtype
    distance(a, b)                                 # bits that differ

A sketch is computed in integers, so that equal tensors have equal sketches on every machine. What it costs: two tensors
that look the same have the same sketch, whoever made them. It says "looks the same", not "was computed by this model".
"""

from aivm.fingerprint import sketches
from aivm.fingerprint.hamming import distance, distances
from aivm.fingerprint.layouts import Layout
from aivm.fingerprint.sketches import Sketch, SketchError

__all__ = ["Layout", "Sketch", "SketchError", "distance", "distances", "sketches"]
