"""The elementary functions against ONNX Runtime's, one thread, 65,536 elements, taking turns.

    python benchmarks/bench_functions.py [--isa NAME] [--rounds N] [NAME ...]

Ours are correctly rounded on every machine; ONNX Runtime's are fast approximations. The ratio is that of medians:
above one, ours is quicker. ONNX Runtime always uses the best instructions of the machine, whatever --isa says.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from aivm.arithmetic import _core

ELEMENTS = 65_536
OPERATORS = {
    "exp": "Exp", "tanh": "Tanh", "erf": "Erf", "sigmoid": "Sigmoid", "log": "Log", "sin": "Sin", "cos": "Cos",
    "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh",
    "acosh": "Acosh", "atanh": "Atanh", "sqrt": "Sqrt", "reciprocal": "Reciprocal", "pow": "Pow",
}  # fmt: skip

Floats = NDArray[np.float32]
Run = Callable[[], object]


def arguments_of(name: str) -> list[Floats]:
    """Numbers that such an operator meets: N(0, 2), brought into the domain."""
    generator = np.random.default_rng(1)
    x = generator.standard_normal(ELEMENTS, np.float32) * np.float32(2)
    if name in {"log", "sqrt"}:
        x = np.abs(x)
    elif name == "acosh":
        x = 1 + np.abs(x)
    elif name in {"asin", "acos", "atanh"}:
        x = np.clip(x / 8, -0.99, 0.99)
    elif name == "pow":
        return [np.abs(x), generator.standard_normal(ELEMENTS, np.float32)]
    return [x]


def ours(name: str, inputs: list[Floats], isa: str) -> Run:
    buffers = [_core.Buffer(f"x{i}", "float32", [ELEMENTS], "input") for i in range(len(inputs))]
    buffers.append(_core.Buffer("y", "float32", [ELEMENTS], "output"))
    refs = list(range(len(inputs)))
    plan = _core.Plan(buffers, [], [_core.Step(name, name, refs, [len(inputs)])], isa=isa)
    return lambda: plan.run(inputs, 1)


def theirs(name: str, inputs: list[Floats]) -> Run:
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(OPERATORS[name], names, ["y"])
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [ELEMENTS]) for n in [*names, "y"]]
    graph = helper.make_graph([node], "one", values[:-1], values[-1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    binding, result = session.io_binding(), np.empty(ELEMENTS, np.float32)
    for n, x in zip(names, inputs, strict=True):
        binding.bind_cpu_input(n, x)
    binding.bind_output("y", "cpu", 0, np.float32, [ELEMENTS], result.ctypes.data)
    return lambda: session.run_with_iobinding(binding)


def seconds(run: Run, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def compare(a: Run, b: Run, rounds: int) -> tuple[float, float]:
    """Medians of both, who take turns in going first."""
    times: tuple[list[float], list[float]] = ([], [])
    pair: list[Any] = [(a, times[0]), (b, times[1])]
    repeats = max(1, round(1e-3 / min(seconds(b, 20), seconds(a, 20))))
    for _ in range(rounds):
        pair.reverse()
        for run, kept in pair:
            kept.append(seconds(run, repeats))
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", help="functions; all by default")
    parser.add_argument("--isa", default="", help="the instruction set of ours")
    parser.add_argument("--rounds", type=int, default=41)
    arguments = parser.parse_args()
    print(f"{_core.isa(arguments.isa)}, onnxruntime {ort.__version__}, {ELEMENTS} elements, 1 thread")
    for name in arguments.names or OPERATORS:
        inputs = arguments_of(name)
        mine, other = compare(ours(name, inputs, arguments.isa), theirs(name, inputs), arguments.rounds)
        print(
            f"{name:12} ours {mine * 1e6:7.1f} us   onnxruntime {other * 1e6:7.1f} us   ratio {other / mine:6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
