"""Kernels: a model with everything that decides its output."""

from aivm.kernel.types import Expected, Kernel, KernelError

__all__ = ["Expected", "Kernel", "KernelError"]
