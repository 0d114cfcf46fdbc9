"""What the determinism suite costs beyond the kernel's own time, at ten thousand pairs of a case and an environment.

Two workers at a time, as on any machine of two processors. Of their time, what is not spent in the engine's runs is the
suite's: starting processes, loading the model, handing inputs over, hashing outputs, the journal, and waiting for the
last environment. Workers import compiled Python files if there are some, as in an installed package: run
`python -m compileall aivm` first in a source tree that has none.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from graphs import model_of
from onnx import TensorProto, helper, numpy_helper

from aivm import kernel
from aivm.determinism import Journal, Wishes, named, of_kernel, plan, run
from aivm.digests import Digest
from aivm.manifest import Answer, AnswerConvention, Dtype, OutputSpec, TensorSpec

JOBS = 2
CASES = 1000
#: Of the kernel: as many products of a vector's rows with one matrix, each followed by a rectifier.
LAYERS, ROWS, WIDTH = 46, 32, 1024
#: With the reference ten environments, all of them confined, and none much slower than the others.
AXES = ("restart", "alignment", "fill", "hashing", "timezone")
FOLDER = Path(__file__).resolve().parents[1] / "kernels" / "digits"


def model() -> bytes:
    """The ONNX file of the kernel."""
    weights = np.random.default_rng(2).standard_normal((WIDTH, WIDTH)).astype(np.float32) / np.float32(WIDTH**0.5)
    nodes = []
    for layer in range(LAYERS):
        nodes.append(helper.make_node("MatMul", [f"x{layer}", "w"], [f"p{layer}"]))
        nodes.append(helper.make_node("Relu", [f"p{layer}"], [f"x{layer + 1}"]))
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [ROWS, WIDTH]) for n in ("x0", f"x{LAYERS}")]
    graph = helper.make_graph(nodes, "layers", ends[:1], ends[1:], [numpy_helper.from_array(weights, "w")])
    return model_of(graph)


def measure() -> dict[str, Any]:
    """Runs the pairs, and once more to see what a suite costs that has nothing left to do."""
    draw = np.random.default_rng(1)
    arrays = draw.standard_normal((CASES, ROWS, WIDTH)).astype(np.float32)
    digits = of_kernel(kernel.load(FOLDER))
    assert digits.manifest is not None
    shape = {"dtype": Dtype.F32, "shape": (ROWS, WIDTH), "description": ""}
    manifest = msgspec.structs.replace(
        digits.manifest,
        answer=Answer(convention=AnswerConvention.NONE, output=None),
        inputs=(TensorSpec(name="x0", minimum=None, maximum=None, **shape),),
        outputs=(OutputSpec(name=f"x{LAYERS}", **shape),),
        limits=msgspec.structs.replace(digits.manifest.limits, output_bytes=1 << 20),
    )
    subject = dataclasses.replace(
        digits,
        manifest=manifest,
        model=model(),
        digest=Digest.of(arrays.tobytes()),
        cases={f"case-{number}": {"x0": array} for number, array in enumerate(arrays)},
        expected={},
        known={},
        rows=None,
    )
    with tempfile.TemporaryDirectory() as folder:
        planned = plan(subject, Wishes(cache=Path(folder)), named(AXES))
        with Journal(Path(folder) / "journal.sqlite") as journal:
            began = time.perf_counter()
            matrix = run(subject, planned, journal, jobs=JOBS)
            wall = time.perf_counter() - began
            began = time.perf_counter()
            run(subject, planned, journal, jobs=JOBS)
            again = time.perf_counter() - began
    assert not any(tried.error for tried in matrix.environments)
    kernels = sum(cell.seconds for tried in matrix.environments for cell in tried.cells.values())
    pairs = len(matrix.environments) * CASES
    spent = JOBS * wall - kernels
    row = {
        "pairs": pairs,
        "environments": len(matrix.environments),
        "determinism_class": matrix.determinism_class().value,
        "wall_s": wall,
        "kernels_s": kernels,
        "overhead": spent / kernels,
        "overhead_of_a_pair_us": 1e6 * (spent - JOBS * again) / pairs,
        "nothing_to_do_s": again,
    }
    print(
        f"\nsuite: {pairs} pairs in {row['environments']} environments, {matrix.determinism_class()}: {wall:.1f} s "
        f"with {JOBS} workers, {1000 * kernels / pairs:.2f} ms a pair in the kernel; overhead {row['overhead']:.1%}: "
        f"{row['overhead_of_a_pair_us']:.0f} us a pair, and {again:.1f} s that it takes with nothing to do"
    )
    return {"group": "suite", "rows": [row]}
