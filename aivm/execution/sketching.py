"""The sketch of an execution, by which a committee votes under the rule `hamming` (docs/protocol.md §8, §10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.fingerprint import sketches
from aivm.fingerprint.layouts import arrange
from aivm.manifest.parts import Hamming

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.manifest import Manifest
    from aivm.tensors import Array

#: Bytes of the word that a sketch is attested in.
WORD_BYTES = 32
NO_SKETCH = bytes(WORD_BYTES)


def sketch_of(manifest: Manifest, outputs: Mapping[str, Array]) -> bytes:
    """The sketch of what a kernel gave.

    Args:
        manifest: says which output is sketched, and how it is read.
        outputs: by name.

    Returns:
        32 bytes, the sketch in the lowest bits; zero under the rule `exact`, which asks for none.

    Raises:
        SketchError: the output has none: it is not finite, or not what the manifest's layout reads.
    """
    rule = manifest.aggregation
    if not isinstance(rule, Hamming):
        return NO_SKETCH
    tensor = arrange(outputs[rule.output], rule.layout)
    return sketches.named(rule.sketch).of(tensor).to_bytes(WORD_BYTES)
