"""What a rule is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import onnx

    from aivm.lint.graphs import FunctionKey, Site
    from aivm.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A parsed model and what it is to be compared with.

    Attributes:
        model: the parsed model.
        size: the bytes of its file.
        sites: every node.
        functions: the model's own functions.
        manifest: the manifest that it should agree with, if any.
        engine: the name of the engine that is to run it, if it is known.
        directory: the folder that external data may lie in; None if none is allowed.
    """

    model: onnx.ModelProto
    size: int
    sites: tuple[Site, ...]
    functions: Mapping[FunctionKey, onnx.FunctionProto]
    manifest: Manifest | None
    engine: str | None
    directory: Path | None
