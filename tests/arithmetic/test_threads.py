"""Threads change nothing but time, however many there are and whoever else is running."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from graphs import model
from oracle import bits
from plans import one_step

import aivm
from aivm.arithmetic import _core


def network():
    """A few products, one after the other, large enough for many tasks."""
    rng = np.random.default_rng(3)
    sizes = [(64, 300), (300, 257), (257, 64), (64, 130)]
    x = rng.standard_normal((96, 64), dtype=np.float32)
    weights = [rng.standard_normal(size, dtype=np.float32) for size in sizes]
    buffers = [_core.Buffer("x", "float32", x.shape, "input")]
    buffers += [_core.Buffer(f"w{i}", "float32", w.shape, "constant") for i, w in enumerate(weights)]
    steps, offset, last = [], 0, 0
    for i, w in enumerate(weights):
        final = i == len(weights) - 1
        shape = (96, w.shape[1])
        buffers.append(_core.Buffer(f"y{i}", "float32", shape, "output" if final else "arena", 0 if final else offset))
        offset += (96 * w.shape[1] * 4 + 63) // 64 * 64
        steps.append(_core.Step("matmul", f"m{i}", [last, 1 + i], [len(buffers) - 1], [0, 0, 1]))
        last = len(buffers) - 1
    return _core.Plan(buffers, weights, steps, tiling=_core.Tiling(rows=12, columns=32)), x


def test_any_number_of_threads_gives_the_same_bits():
    plan, x = network()
    wanted = bits(plan.run([x], 1)[0])
    for threads in (2, 3, 4, 8, 17):
        for _ in range(5):
            assert np.array_equal(bits(plan.run([x], threads)[0]), wanted)


def test_runs_may_overlap():
    plan, x = network()
    wanted = [bits(plan.run([x * np.float32(i)], 1)[0]) for i in range(6)]
    wrong = []

    def work(i):
        found = [bits(plan.run([x * np.float32(i)], 1 + i % 3)[0]) for _ in range(20)]
        wrong.extend(i for answer in found if not np.array_equal(answer, wanted[i]))

    callers = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_sessions_of_any_number_of_threads_may_run_at_once():
    rng = np.random.default_rng(4)
    x, w = (rng.standard_normal(shape, dtype=np.float32) for shape in ((90, 257), (257, 190)))
    product = model("product (float[90, 257] x) => (float[90, 190] y) { y = MatMul(x, w) }", w=w).SerializeToString()
    wanted = bits(aivm.load(product, threads=1).run({"x": x})["y"])
    sessions = [aivm.load(product, threads=threads) for threads in (1, 2, 4, 1, 2, 4, 2, 4)]
    wrong = []

    def work(session):
        found = [bits(session.run({"x": x})["y"]) for _ in range(60)]
        wrong.extend(session.settings.threads for answer in found if not np.array_equal(answer, wanted))

    callers = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_workers_without_work_take_no_processor_time():
    plan, x = network()
    for threads in (2, 4, 8):
        plan.run([x], threads)
    time.sleep(0.1)
    before = time.process_time()
    time.sleep(0.4)
    assert time.process_time() - before < 0.02


ON_ONE_PROCESSOR = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from test_threads import network, bits
plan, x = network()
wanted = bits(plan.run([x], 1)[0])
assert all((bits(plan.run([x], threads)[0]) == wanted).all() for threads in (2, 8) for _ in range(20))
"""


def test_more_threads_than_processors_get_on_with_it():
    run_program(ON_ONE_PROCESSOR)


ENDS_AT_ONCE = """
from test_threads import network
plan, x = network()
plan.run([x], 4)
"""


def test_a_process_may_end_while_workers_look_out_for_work():
    for _ in range(3):
        run_program(ENDS_AT_ONCE)


def run_program(text):
    folder = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def run_in_child(queue, seed):
    plan, x = network()
    queue.put((seed, plan.run([x], 2)[0].tobytes()))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    plan, x = network()
    wanted = plan.run([x], 2)[0].tobytes()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=run_in_child, args=(queue, i)) for i in range(2)]
    for child in children:
        child.start()
    found = [queue.get(timeout=60) for _ in children]
    for child in children:
        child.join(timeout=60)
        assert child.exitcode == 0
    assert [answer for _, answer in found] == [wanted, wanted]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_is_forked_while_others_run_has_threads_of_its_own():
    plan, x = network()
    wanted = plan.run([x], 4)[0].tobytes()
    stop = threading.Event()

    def work():
        while not stop.is_set():
            plan.run([x], 4)

    callers = [threading.Thread(target=work) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        for seed in range(4):
            child = context.Process(target=run_in_child, args=(queue, seed))
            child.start()
            assert queue.get(timeout=60) == (seed, wanted)
            child.join(timeout=60)
            assert child.exitcode == 0
    finally:
        stop.set()
        for caller in callers:
            caller.join()


def running():
    return {thread.name for thread in Path("/proc/self/task").iterdir()}


def test_threads_are_kept_from_run_to_run():
    run = one_step("matmul", [np.ones((200, 200), np.float32)] * 2, (200, 200), (0, 0), tiling=_core.Tiling(rows=12))
    for _ in range(5):
        run(3)
    before = running()
    for _ in range(50):
        run(3)
    assert running() <= before


def test_an_error_inside_a_run_reaches_the_caller_and_the_threads_survive():
    data = np.zeros((4, 4), np.float32)
    wrong = np.array([1, 9], np.int64)
    run = one_step("gather", [data, wrong], (2, 4), [0])
    plan, x = network()
    wanted = bits(plan.run([x], 2)[0])
    for _ in range(10):
        with pytest.raises(Exception, match="step 'step'"):
            run(2)
        assert np.array_equal(bits(plan.run([x], 2)[0]), wanted)
