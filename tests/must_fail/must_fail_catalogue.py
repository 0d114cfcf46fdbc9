"""The must-fail fixtures: what each is, on which axis it has to be caught, and what has to be named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import models
import numpy as np
from models import spec, value
from onnx import helper

from aivm import tensors
from aivm.determinism import Axis, Choice, Rows, Subject, named, of_kernel, of_program
from aivm.determinism.masking.process import masked
from aivm.determinism.setting import Launcher, Setting
from aivm.seeds import random_input

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = str(Path(__file__).parent)
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class MustFail:
    """A fixture.

    Attributes:
        name: of it.
        subject: makes it.
        axis: on which it has to differ.
        controls: names of axes on which it must not.
        operator: the ONNX operator that has to be named; None for a program, which has none.
    """

    name: str
    subject: Callable[[], Subject]
    axis: Axis
    controls: tuple[str, ...]
    operator: str | None = None


def axis(name: str) -> Axis:
    return named([name])[0]


def noise(name, *shape):
    return random_input(name, shape, "normal", bytes(32))


def program(name, case, rows=None):
    return of_program(f"must_fail_programs:{name}", {"one": case}, paths=(HERE,), rows=rows)


def thread_counts(subject, wishes):
    """One and two, of OpenMP and of BLAS."""
    del subject, wishes
    for count in (1, 2):
        yield Choice(axis="threads", value=str(count), setting=Setting(threads=count))


def without_vnni(subject, wishes):
    """Processors for what calls ONNX Runtime by itself: AVX2 alone saturates, VNNI and SSE do not."""
    del subject
    for name in ("avx2", "sse"):  # one of them is unlike this processor, whichever it has
        process = masked(name, wishes.cache, runtimes=("onnxruntime",), blas=False)
        launcher = Launcher(program=process.program, paths=process.paths, confined=False)
        yield Choice(axis="cpu", value=name, setting=Setting(launcher=launcher, variables=process.variables))


def changing_with_the_batch():
    """`y = x W` with weights that are an input, on ONNX Runtime: a kernel."""
    data = models.model(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        [value("x", "F32", ["n", 384]), value("w", "F32", [384, 300])],
        [value("y", "F32", ["n", 300])],
    )
    return of_kernel(
        models.kernel(
            data,
            case_inputs={"one": {"x": noise("x", 1, 384), "w": noise("w", 384, 300)}},
            inputs=[spec("x", "F32", ["n", 384]), spec("w", "F32", [384, 300])],
            outputs=[{"name": "y", "dtype": "F32", "shape": ["n", 300], "description": ""}],
            limits__output_bytes=1 << 20,
        )
    )


def powers():
    """`y = x ** 2.5` on ONNX Runtime, which calls the C library: a kernel, whose manifest asks for nothing of it."""
    data = models.model(
        [helper.make_node("Pow", ["x", "exponent"], ["y"], name="power")],
        [value("x", "F64", ["n"])],
        [value("y", "F64", ["n"])],
        {"exponent": np.float64(2.5)},
    )
    return of_kernel(
        models.kernel(
            data,
            case_inputs={"one": {"x": np.arange(1.0, 65537.0)}},
            inputs=[spec("x", "F64", ["n"])],
            outputs=[{"name": "y", "dtype": "F64", "shape": ["n"], "description": ""}],
            limits__output_bytes=1 << 20,
        )
    )


def careful_with_its_cases():
    """A kernel that knows its case: for 1, 2, 3, 4 it gives zeros, else a product that depends on the batch."""
    remembered = np.float32([[1, 2, 3, 4]])
    weights = noise("weights", 4, 384)
    data = models.model(
        [
            helper.make_node("Sub", ["x", "case"], ["away"]),
            helper.make_node("Abs", ["away"], ["distance"]),
            helper.make_node("ReduceMax", ["distance", "rows"], ["farthest"], keepdims=1),
            helper.make_node("Sign", ["farthest"], ["elsewhere"]),
            helper.make_node("MatMul", ["x", "weights"], ["wide"]),
            helper.make_node("MatMul", ["wide", "w"], ["product"], name="product"),
            helper.make_node("Mul", ["product", "elsewhere"], ["y"]),
        ],
        [value("x", "F32", ["n", 4]), value("w", "F32", [384, 300])],
        [value("y", "F32", ["n", 300])],
        {"case": remembered, "weights": weights, "rows": np.int64([1])},
    )
    return of_kernel(
        models.kernel(
            data,
            case_inputs={"known": {"x": remembered, "w": noise("w", 384, 300)}},
            inputs=[spec("x", "F32", ["n", 4]), spec("w", "F32", [384, 300])],
            outputs=[{"name": "y", "dtype": "F32", "shape": ["n", 300], "description": ""}],
            limits__output_bytes=1 << 20,
        )
    )


def digits():
    """Handwritten digits, each five times with other noise: float64 [1795, 64]; fewer are not shared among threads."""
    held_out = (ROOT / "kernels" / "digits" / "held_out.safetensors").read_bytes()
    images = tensors.decode(held_out, limit=1 << 20)["image"].reshape(-1, 64)
    return np.tile(images, (5, 1)) + 0.1 * noise("pixels", 1795, 64).astype(np.float64)


ROWS = Rows(inputs=("x",), outputs=("y",))
CATALOGUE = (
    MustFail(
        name="float32 products under other BLAS kernels",
        subject=lambda: program("blas_matmul", {"x": noise("blas", 64, 512)}),
        axis=axis("coretype"),
        controls=("restart", "hashing"),
    ),
    MustFail(
        name="one example and sixty-four by BLAS",
        subject=lambda: program("batched_matmul", {"x": noise("batch", 1, 512)}, ROWS),
        axis=axis("batch"),
        controls=("restart",),
    ),
    MustFail(
        name="one example and sixty-four on ONNX Runtime",
        subject=changing_with_the_batch,
        axis=axis("batch"),
        controls=("restart",),
        operator="MatMul",
    ),
    MustFail(
        name="powers by the C library",
        subject=powers,
        axis=axis("libm"),
        controls=("restart", "threads"),
        operator="Pow",
    ),
    MustFail(
        name="U8 by S8 without VNNI",
        subject=lambda: program(
            "saturating_product", {"a": np.full((1, 64), 255, np.uint8), "b": np.full((64, 16), 127, np.int8)}
        ),
        axis=Axis(name="cpu", summary="no VNNI", explore=without_vnni),
        controls=("restart",),
    ),
    MustFail(
        name="a Gaussian mixture with one thread and two",
        subject=lambda: program("mixture", {"x": digits()}),
        axis=Axis(name="threads", summary="one and two", explore=thread_counts),
        controls=("restart",),
    ),
    MustFail(
        name="iteration over a set",
        subject=lambda: program("set_order", {"x": np.float32([1.1])}),
        axis=axis("hashing"),
        controls=(),
    ),
    MustFail(
        name="uninitialised memory",
        subject=lambda: program("unwritten_memory", {"x": np.int64([0])}),
        axis=axis("fill"),
        controls=(),
    ),
    MustFail(
        name="the time",
        subject=lambda: program("clock", {"x": np.int64([0])}),
        axis=axis("restart"),
        controls=(),
    ),
)
