"""The smallest model and inputs on which two computations still differ (docs/determinism.md).

    found = minimise(model, inputs, differ, watchers)   # differ: do two environments give other bits for these?
    save(found, Path("reproducer"), a="reproducible", b="onnxruntime")

`differ` decides everything, so a difference that comes of fused operators is minimised like any other.
"""

from aivm.determinism.minimise.reduce import Reproducer, minimise
from aivm.determinism.minimise.runners import differing, engine_runner
from aivm.determinism.minimise.save import save

__all__ = ["Reproducer", "differing", "engine_runner", "minimise", "save"]
