"""The inputs of an execution: checked against the manifest, and completed from the seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from aivm.errors import AivmError
from aivm.manifest.enums import SeedPolicy
from aivm.seeds import random_input
from aivm.tensors import TensorFileError, dtype_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aivm.manifest import Manifest, TensorSpec
    from aivm.tensors import Array, Tensors

#: The most bytes of all random inputs of one execution: they are made outside the worker and its limits.
MAX_RANDOM_BYTES = 2**28

#: The seed that conformance cases are run with, and that a kernel without randomness ignores.
NO_SEED = bytes(32)


class InputError(AivmError):
    """An input that breaks the conventions of the kernel."""


class MissingInputError(InputError):
    """An input that the manifest lists was not given."""


class UnexpectedInputError(InputError):
    """An input was given that the manifest does not list, or that comes from the seed."""


class InputDtypeError(InputError):
    """An input has another dtype than the manifest says."""


class InputShapeError(InputError):
    """An input has another shape than the manifest says, or disagrees with another input about a free dimension."""


class InputRangeError(InputError):
    """An element of an input is outside the manifest's bounds."""


def check_inputs(manifest: Manifest, inputs: Tensors) -> dict[str, int]:
    """Checks every input that a requester gives: that it is there, its dtype, its shape and its range.

    Returns:
        The sizes of the free dimensions.

    Raises:
        InputError: naming the input, what the manifest says and what came.
    """
    random = {item.name for item in manifest.seeds.random_inputs}
    wanted = [spec for spec in manifest.inputs if spec.name not in random]
    names = [spec.name for spec in wanted]
    for name in inputs:
        if name in random:
            raise UnexpectedInputError(f"input {name!r} is random", hint="leave it out: it is made from the seed")
        if name not in names:
            raise UnexpectedInputError(f"there is no input {name!r}", hint=f"this kernel's inputs: {_list(names)}")
    sizes: dict[str, int] = {}
    for spec in wanted:
        if spec.name not in inputs:
            raise MissingInputError(f"input {spec.name!r} is missing", hint=f"it is {_describe(spec)}")
        array = inputs[spec.name]
        _check_dtype(spec, array)
        _check_shape(spec, array, sizes)
        _check_range(spec, array)
    return sizes


def feed(manifest: Manifest, inputs: Tensors, seed: bytes = NO_SEED) -> dict[str, Array]:
    """All inputs of the graph: the requester's, checked, and the random ones, made from the seed.

    Args:
        manifest: the kernel's.
        inputs: the requester's.
        seed: the job's 32 bytes; a kernel with a fixed seed uses its own.

    Raises:
        InputError: naming the input, what the manifest says and what came.
    """
    sizes = check_inputs(manifest, inputs)
    fixed = manifest.seeds.fixed_seed
    if manifest.seeds.policy is SeedPolicy.FIXED and fixed is not None:
        seed = bytes.fromhex(fixed[2:])
    distributions = {item.name: item.distribution for item in manifest.seeds.random_inputs}
    _check_random_size([_concrete(spec, sizes) for spec in manifest.inputs if spec.name in distributions])
    return {
        spec.name: random_input(spec.name, _concrete(spec, sizes), distributions[spec.name], seed)
        if spec.name in distributions
        else inputs[spec.name]
        for spec in manifest.inputs
    }


def bind_shape(shape: Sequence[int | str], actual: Sequence[int], sizes: dict[str, int], *, least: int = 1) -> bool:
    """Whether a shape is one that the manifest allows; free dimensions are learnt into `sizes` on first sight.

    Args:
        shape: the manifest's.
        actual: the tensor's.
        sizes: the free dimensions that are known, added to.
        least: the least that a free dimension may be.
    """
    if len(shape) != len(actual):
        return False
    for want, have in zip(shape, actual, strict=True):
        if isinstance(want, str):
            if have < least or sizes.setdefault(want, have) != have:
                return False
        elif have != want:
            return False
    return True


def _concrete(spec: TensorSpec, sizes: dict[str, int]) -> list[int]:
    return [sizes[size] if isinstance(size, str) else size for size in spec.shape]


def _check_random_size(shapes: Sequence[Sequence[int]]) -> None:
    """A free dimension may come several times in a shape: a small input then asks for an enormous random one."""
    size = 4 * sum(math.prod(shape) for shape in shapes)
    if size > MAX_RANDOM_BYTES:
        raise InputShapeError(
            f"the random inputs would take {size} bytes, and at most {MAX_RANDOM_BYTES} are made",
            hint="give inputs with smaller free dimensions",
        )


def _check_dtype(spec: TensorSpec, array: Array) -> None:
    try:
        have = dtype_name(array, spec.name)
    except TensorFileError:
        have = str(array.dtype)
    if have != spec.dtype:
        raise InputDtypeError(f"input {spec.name!r} has dtype {have}", hint=f"it must be {_describe(spec)}")


def _check_shape(spec: TensorSpec, array: Array, sizes: dict[str, int]) -> None:
    known = {size: sizes[size] for size in spec.shape if isinstance(size, str) and size in sizes}
    if not bind_shape(spec.shape, array.shape, sizes):
        where = f", where {_list(f'{name} = {size}' for name, size in known.items())}" if known else ""
        raise InputShapeError(
            f"input {spec.name!r} has shape {list(array.shape)}", hint=f"it must be {_describe(spec)}{where}"
        )


def _check_range(spec: TensorSpec, array: Array) -> None:
    bounds = [None if bound is None else int(bound) for bound in (spec.minimum, spec.maximum)]
    if bounds == [None, None]:
        return
    # Python compares integers and floats exactly, so a bound beyond binary32 is still exact. The extremes of an array
    # with a NaN are NaN, which is in no range.
    least, greatest = np.min(array).item(), np.max(array).item()
    if (bounds[0] is not None and not least >= bounds[0]) or (bounds[1] is not None and not greatest <= bounds[1]):
        raise InputRangeError(
            f"input {spec.name!r} has elements from {least} to {greatest}", hint=f"it must be {_describe(spec)}"
        )


def _describe(spec: TensorSpec) -> str:
    text = f"{spec.dtype} {_shape(spec.shape)}"
    if spec.minimum is not None or spec.maximum is not None:
        text += f", elements from {spec.minimum or '-∞'} to {spec.maximum or '∞'}"
    return text


def _shape(shape: Sequence[int | str]) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"


def _list(items: Iterable[str]) -> str:
    return ", ".join(items) or "none"
