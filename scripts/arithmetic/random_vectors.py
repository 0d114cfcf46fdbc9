"""Known answers of the random generator (docs/arithmetic.md §17): `tests/vectors/arithmetic/random.json`.

    blocks    Philox4x32-10: counter, key, words; the first three are those of its authors (Random123, kat_vectors)
    elements  seed, input name, index of the first element, and eight of them in both distributions, as binary32
    normals   words at the ends and the seams of the definition, and the normal numbers that they give

Everything is hexadecimal, 32-bit words with 8 digits. `python scripts/arithmetic/random_vectors.py` writes the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from aivm import seeds

PATH = Path(__file__).parents[2] / "tests" / "vectors" / "arithmetic" / "random.json"

BLOCKS = (
    ("00000000 00000000 00000000 00000000", "00000000 00000000"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0"),
    ("00000001 00000000 80000000 7fffffff", "deadbeef 00000001"),
)
#: The ends; around 1/2; and on both sides of |q| = 0.425, where the definition changes.
WORDS = (
    0,
    1,
    2,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
    0x13333332,
    0x13333333,
    0xECCCCCCC,
    0xECCCCCCD,
    0x40000000,
)
ELEMENTS = (("noise", 0), ("noise", 7), ("noise", (1 << 34) - 2), ("tirage/é", 0), ("", 4 * 65536 - 3))


def words(array: Any) -> str:
    """32-bit words."""
    return " ".join(f"{word:08x}" for word in np.asarray(array).reshape(-1).view(np.uint32).tolist())


def from_words(text: str) -> Any:
    """32-bit words."""
    return np.array([int(word, 16) for word in text.split()], np.uint32)


def render() -> str:
    """The file."""
    blocks = [
        {"counter": counter, "key": key, "words": words(seeds.philox4x32(from_words(counter), from_words(key)))}
        for counter, key in BLOCKS
    ]
    elements = []
    for number, (name, first) in enumerate(ELEMENTS):
        seed = bytes((31 * number + 7 * i) % 256 for i in range(32))
        entry: dict[str, Any] = {"seed": seed.hex(), "name": name, "first": first}
        for distribution in seeds.DISTRIBUTIONS:
            values = [seeds.element(name, first + i, distribution, seed) for i in range(8)]
            entry[distribution] = words(np.array(values, np.float32))
        elements.append(entry)
    given = np.array(WORDS, np.uint32)
    normal = seeds.inverse_normal((given.astype(np.float64) + 0.5) * 2.0**-32).astype(np.float32)
    document = {
        "type": "aivm/random-vectors",
        "version": 1,
        "generator": seeds.GENERATOR,
        "blocks": blocks,
        "elements": elements,
        "normals": {"words": words(given), "normal": words(normal)},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(render())
