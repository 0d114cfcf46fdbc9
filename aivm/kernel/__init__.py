"""Kernels: a model with everything that decides its output.

>>> init(Path("digits"), name="digits")  # then write kernel.toml, model.onnx and cases/
>>> kernel = pack(Path("digits"))
>>> kernel == load(Path("digits"))
True
>>> store = dict(blocks(kernel))
>>> from_blocks(kernel.manifest.digest(), store.__getitem__).manifest == kernel.manifest
True
"""

from aivm.kernel.content import blocks, from_blocks, input_record
from aivm.kernel.evidence import EvidenceError
from aivm.kernel.folder import init, load
from aivm.kernel.pack import draft, pack
from aivm.kernel.types import Expected, Kernel, KernelError

__all__ = [
    "EvidenceError",
    "Expected",
    "Kernel",
    "KernelError",
    "blocks",
    "draft",
    "from_blocks",
    "init",
    "input_record",
    "load",
    "pack",
]
