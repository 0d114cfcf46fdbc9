"""Whose bits depend on what: digests of one output over threads, batches, levels of graph optimisation and processors.

The same model and the same numbers are given to both engines again and again, with one circumstance changed. Of a
batch, the digest is that of its first example, which is the same in all of them.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from graphs import floats, model_of
from harness import Case, Engine, store
from models import minilm, resnet, unet
from onnx import TensorProto, helper

import aivm

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphs import Array

#: ONNX Runtime's levels of graph optimisation, by the numbers of its GraphOptimizationLevel.
LEVELS = {"none": 0, "basic": 1, "extended": 2, "all": 99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model to look at.

    Attributes:
        name: for people.
        model: gives the file.
        inputs: gives the inputs of a batch of so many examples, the first of which is always the same.
    """

    name: str
    model: Callable[[], bytes]
    inputs: Callable[[int], dict[str, Array]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a run was given. The level is ONNX Runtime's; ours has none to choose. The mask hides features."""

    threads: int = 1
    batch: int = 1
    level: str = "all"
    mask: str | None = None


#: One circumstance at a time; the first of each is the one that the others are held against.
SETTINGS = {
    "threads": tuple(Setting(threads=n) for n in (1, 2, 3, 4)),
    "batch": tuple(Setting(batch=n) for n in (1, 2, 3, 5)),
    "optimisation": tuple(Setting(level=level) for level in ("all", "extended", "basic", "none")),
    "processor": tuple(Setting(mask=mask) for mask in (None, "avx2", "avx", "sse")),
}
#: What hiding features takes: masks are for x86-64, and are made by a C compiler and by objdump.
MASKS = platform.machine() == "x86_64" and all(map(shutil.which, ("cc", "objdump")))


def _one(operator: str, inputs: dict[str, list[int | str]]) -> bytes:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    node = helper.make_node(operator, list(inputs), ["y"])
    graph = helper.make_graph([node], operator, values, [helper.make_empty_tensor_value_info("y")])
    return model_of(graph)


def subjects() -> list[Subject]:
    """Two operators and three networks."""
    a, b = floats(1, 5, 300), floats(2, 300, 384)
    numbers = np.abs(floats(3, 5, 100_003))
    images, noisy = resnet.inputs(5)["image"], unet.inputs(5)
    tokens = minilm.inputs(5, 64)
    return [
        Subject(
            name="MatMul",
            model=lambda: _one("MatMul", {"a": ["rows", 300], "b": [300, 384]}),
            inputs=lambda batch: {"a": a[:batch], "b": b},
        ),
        Subject(
            name="Log",
            model=lambda: _one("Log", {"x": ["n", 100_003]}),
            inputs=lambda batch: {"x": numbers[:batch]},
        ),
        Subject(
            name="all-MiniLM-L6-v2",
            model=minilm.model,
            inputs=lambda batch: {name: array[:batch] for name, array in tokens.items()},
        ),
        Subject(name="ResNet-18 shape", model=resnet.model, inputs=lambda batch: {"image": images[:batch]}),
        Subject(
            name="U-Net",
            model=unet.model,
            inputs=lambda batch: {name: array[:batch] for name, array in noisy.items()},
        ),
    ]


def measure() -> dict[str, Any]:
    """For each engine, subject and circumstance: the digests, and how far their outputs are from the first."""
    rows = []
    circumstances = {name: settings for name, settings in SETTINGS.items() if MASKS or name != "processor"}
    if len(circumstances) < len(SETTINGS):
        print("no features can be hidden here: that takes x86-64, a C compiler named cc, and objdump", file=sys.stderr)
    print("\ndigests of one output: how many; which part differs, by how many units in the last place (median, most)")
    for subject in subjects():
        model = subject.model()
        for engine in ("aivm", "onnxruntime"):
            row: dict[str, Any] = {"name": subject.name, "engine": engine}
            for circumstance, settings in circumstances.items():
                outputs = [_run(engine, model, subject, setting) for setting in settings]
                row[circumstance] = [_cell(outputs[0], output) for output in outputs]
            rows.append(row)
            print(
                f"{subject.name:24} {engine:12} " + "   ".join(f"{c} {_summary(row[c])}" for c in circumstances),
                flush=True,
            )
    return {"group": "digests", "rows": rows}


def _cell(first: Array, output: Array) -> dict[str, Any]:
    """A digest; which part of the elements differs from the first output's, and by how much, of those that do."""
    ulps = _ulps(first, output)
    others = ulps[ulps != 0]
    return {
        "digest": hashlib.sha256(output.tobytes()).hexdigest(),
        "differing": float(np.mean(ulps != 0)),
        "median_ulps": float(np.median(others)) if others.size else 0.0,
        "most_ulps": int(ulps.max()),
    }


def _summary(cells: list[dict[str, Any]]) -> str:
    count = len({cell["digest"] for cell in cells})
    worst = max(cells, key=lambda cell: cell["differing"])
    if count == 1:
        return "1"
    return f"{count} ({worst['differing']:.0%} differ, by {worst['median_ulps']:.0f}, at most {worst['most_ulps']})"


def _run(engine: str, model: bytes, subject: Subject, setting: Setting) -> Array:
    """The first example's output."""
    inputs = subject.inputs(setting.batch)
    if setting.mask is not None:
        return _masked(engine, Case(name=subject.name, make=lambda: (model, inputs)), setting)
    if engine == "aivm":
        results = list(aivm.load(model, threads=setting.threads).run(inputs).values())
    else:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = setting.threads
        options.graph_optimization_level = ort.GraphOptimizationLevel(LEVELS[setting.level])
        options.log_severity_level = 3
        results = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, inputs)
    return np.ascontiguousarray(results[0][:1])


def _masked(engine: str, case: Case, setting: Setting) -> Array:
    """The same in a process of its own; the inputs are made here, since NumPy's functions too depend on features."""
    with tempfile.TemporaryDirectory() as folder, Engine(engine, setting.threads, setting.mask) as worker:
        store(case, Path(folder))
        worker.ask(open=folder)
        with np.load(Path(folder) / f"{engine}.npz") as results:
            return np.ascontiguousarray(results["arr_0"][:1])


def _ulps(a: Array, b: Array) -> Array:
    """How many units in the last place lie between, element by element."""

    def ordered(x: Array) -> Array:
        whole = x.view(np.int32).astype(np.int64)
        return np.where(whole < 0, -(whole & 0x7FFFFFFF), whole)

    return np.abs(ordered(a) - ordered(b))
