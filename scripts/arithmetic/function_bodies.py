"""Keeps the digests of the function bodies of the installed ONNX: `aivm/arithmetic/lower/bodies.json`.

A digest that is there is part of the arithmetic's version: run this for new operators and new versions only, and look
at the difference. A body that changed means another arithmetic, with another name.
"""

from __future__ import annotations

import json
from pathlib import Path

import onnx

from aivm.arithmetic.lower import bodies

PATH = Path(bodies.__file__).with_name("bodies.json")


def render() -> str:
    """The file."""
    document = {"type": "aivm/function-bodies", "version": 1, "onnx": onnx.__version__, "bodies": bodies.current()}
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(render())
