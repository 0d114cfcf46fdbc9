"""PyTorch for programs of the suite: the device that the setting names, its switches of determinism set and read back.

No manifest names PyTorch as its engine. A program that computes with it asks here for the device, and so takes part in
the axis `gpu`; everything else it gets from PyTorch as usual.

Source: PyTorch documentation, "Reproducibility", and the functions that are called here.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Final

from aivm.errors import AivmError
from aivm.execution.engine import OptionMismatchError

#: The worker's variable that names the device; the processor where there is none.
DEVICE: Final = "AIVM_TORCH_DEVICE"


class TorchMissingError(AivmError):
    """PyTorch is not installed where a program asks for it."""


def torch_device() -> Any:
    """The device to compute on, a `torch.device`, once nothing there is free to give other bits.

    Raises:
        TorchMissingError: PyTorch cannot be imported.
        OptionMismatchError: a switch is not what it was set to.
    """
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise TorchMissingError(f"PyTorch cannot be imported: {error}", hint="install it, or name no device") from error
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    torch.use_deterministic_algorithms(mode=True)
    torch.set_float32_matmul_precision("highest")
    cudnn.deterministic, cudnn.benchmark = True, False
    cuda.allow_tf32 = cudnn.allow_tf32 = False
    switches = (
        ("deterministic algorithms", torch.are_deterministic_algorithms_enabled(), True),
        ("precision of float32 products", torch.get_float32_matmul_precision(), "highest"),
        ("cuDNN deterministic", cudnn.deterministic, True),
        ("cuDNN benchmark", cudnn.benchmark, False),
        ("TF32 in cuBLAS", cuda.allow_tf32, False),
        ("TF32 in cuDNN", cudnn.allow_tf32, False),
    )
    for name, have, want in switches:
        if have != want:
            raise OptionMismatchError(f"PyTorch's switch {name!r} was set to {want!r}, and is {have!r}")
    return torch.device(os.environ.get(DEVICE, "cpu"))
