"""Running a kernel and its substitutes on many seeds, and keeping the sketches.

Engines run in this process: a calibration is made by the publisher, of a model that the publisher made.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import numpy_helper

from aivm.arithmetic.choice import Choice
from aivm.determinism.calibration.distances import Samples
from aivm.determinism.calibration.errors import CalibrationError
from aivm.execution.inputs import feed
from aivm.fingerprint.layouts import arrange
from aivm.manifest import SeedPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aivm.arithmetic.ort import OrtSession
    from aivm.arithmetic.session import Session
    from aivm.kernel import Kernel
    from aivm.kernel.aggregating import Reading
    from aivm.tensors import Array

#: The name of the substitute that every calibration has.
HALF_PRECISION = "float16 weights"


def sample(
    kernel: Kernel,
    *,
    reading: Reading,
    engines: Sequence[str],
    substitutes: Mapping[str, bytes],
    images: int,
    on_image: Callable[[int], None] = lambda _: None,
) -> Samples:
    """Makes the images of a calibration: the kernel's cases in turn, each time with another seed.

    Args:
        kernel: with random inputs; its cases say what is asked for.
        reading: which output is the image, and how it becomes bits.
        engines: honest environments, such as `reproducible` and `onnxruntime:level=none`; the first one also runs the
            substitutes.
        substitutes: other models by name, ONNX files with the same inputs and that output.
        images: how many.
        on_image: called with the number of images that are done.

    Raises:
        CalibrationError: the kernel has no seeds.
        ArithmeticEngineError: a model cannot be run.
        SketchError: an output has no sketch.
    """
    if kernel.manifest.seeds.policy is not SeedPolicy.VERIFIABLE:
        raise CalibrationError(
            "the kernel takes no seed from its jobs, so engines have no images to compare",
            hint="leave out the engines: in the suite's environments inputs are drawn within the manifest's bounds",
        )
    if len(set(engines)) < len(engines):
        raise CalibrationError("an engine is named twice, and would agree with itself")
    honest = {engine: Choice.parse(engine).open(kernel.model) for engine in engines}
    others = {name: Choice.parse(engines[0]).open(data) for name, data in substitutes.items()}
    runs: dict[str, list[int]] = {name: [] for name in (*honest, *others)}
    for index, inputs in enumerate(seeded_inputs(kernel, images)):
        for name, session in (*honest.items(), *others.items()):
            image = _run(session, inputs, reading.output, name)
            runs[name].append(reading.sketch.of(arrange(image, reading.layout)))
        on_image(index + 1)
    return Samples(
        bits=reading.sketch.bits,
        groups=[index % len(kernel.cases) for index in range(images)],
        honest={name: runs[name] for name in honest},
        substitutes={name: runs[name] for name in others},
    )


def seeded_inputs(kernel: Kernel, images: int) -> Iterator[dict[str, Array]]:
    """All inputs of each image: the kernel's cases in turn, each time with another seed."""
    cases = list(kernel.cases.values())
    for index in range(images):
        seed = hashlib.sha256(b"aivm/calibration/1" + index.to_bytes(8, "big")).digest()
        yield feed(kernel.manifest, cases[index % len(cases)], seed)


def _run(session: Session | OrtSession, inputs: Mapping[str, Array], output: str, name: str) -> Array:
    value = session.run(inputs).get(output)
    if not isinstance(value, np.ndarray):
        raise CalibrationError(f"the model {name!r} gave no tensor {output!r}")
    return value


def half_precision(model: bytes) -> bytes:
    """The model with every float32 constant rounded to float16 and back: a cheaper model, as a cheat would run it.

    Raises:
        CalibrationError: the model has no float32 constant, or one that float16 has no finite number for.
    """
    proto = onnx.load_model_from_string(model)
    rounded = 0
    for tensor in proto.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        with np.errstate(over="ignore"):
            half = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
        if not np.isfinite(half).all():
            raise CalibrationError(f"constant {tensor.name!r} does not fit into float16")
        tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
        rounded += 1
    if not rounded:
        raise CalibrationError("the model has no float32 constant to round")
    data: bytes = proto.SerializeToString(deterministic=True)
    return data
