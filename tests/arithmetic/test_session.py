"""Sessions: what goes in, what comes out, and what never changes it."""

from __future__ import annotations

import threading

import numpy as np
import onnx
import pytest
from graphs import agrees, load, model, normal, save

import aivm
from aivm.arithmetic import _core
from aivm.arithmetic.errors import ArithmeticEngineError, MalformedModelError

MLP = """
g (float[batch, 16] x) => (float[batch, 4] y)
{
   a = Gemm (x, w1, b1)
   h = Relu (a)
   z = MatMul (h, w2)
   y = Softmax <axis = -1> (z)
}
"""


def mlp(**settings):
    weights = {"w1": normal(16, 33, seed=1), "b1": normal(33, seed=2), "w2": normal(33, 4, seed=3)}
    return aivm.load(model(MLP, **weights), **settings)


def test_a_session_runs_arrays_by_name():
    y = mlp().run({"x": normal(5, 16)})["y"]
    assert y.shape == (5, 4)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)


def test_a_model_is_a_path_bytes_or_a_message(tmp_path):
    proto = model("g (float[2] x) => (float[2] y) { y = Neg (x) }")
    path = save(proto, tmp_path / "model.onnx")
    x = np.array([1, -2], np.float32)
    for source in (path, str(path), path.read_bytes(), proto):
        assert aivm.load(source).run({"x": x})["y"].tolist() == [-1, 2]


def test_data_beside_a_model_is_read_and_belongs_to_its_digest(tmp_path):
    proto = model("g (float[256] x) => (float[256] y) { y = Add (x, w) }", w=normal(256))
    path = tmp_path / "model.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights", size_threshold=0)
    x = normal(256, seed=1)
    assert np.array_equal(aivm.load(path).run({"x": x})["y"], x + normal(256))
    with pytest.raises(MalformedModelError, match="outside of the model"):
        aivm.load(path.read_bytes())


def test_data_outside_of_the_models_folder_is_refused(tmp_path):
    (tmp_path / "inner").mkdir()
    proto = model("g (float[256] x) => (float[256] y) { y = Add (x, w) }", w=normal(256))
    path = tmp_path / "inner" / "model.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights", size_threshold=0)
    (tmp_path / "inner" / "weights").rename(tmp_path / "weights")
    moved = onnx.load(path, load_external_data=False)
    next(e for e in moved.graph.initializer[0].external_data if e.key == "location").value = "../weights"
    path.write_bytes(moved.SerializeToString())
    with pytest.raises(ArithmeticEngineError):
        aivm.load(path)


def test_an_initializer_that_is_an_input_is_its_default():
    proto = model("g (float[2] x, float[2] w) => (float[2] y) { y = Add (x, w) }", w=np.array([1, 2], np.float32))
    session = aivm.load(proto)
    x = np.zeros(2, np.float32)
    assert session.run({"x": x})["y"].tolist() == [1, 2]
    assert session.run({"x": x, "w": np.array([5, 6], np.float32)})["y"].tolist() == [5, 6]


def test_outputs_are_the_callers_own():
    proto = model(
        """
        g (float[2] x) => (float[2] same, float[1, 2] view, float[2] constant, float[2] made, float[2] twice)
        {
           same = Identity (x)
           one = Constant <value_ints = [1, 2]> ()
           view = Reshape (x, one)
           constant = Identity (w)
           made = Neg (x)
           twice = Identity (made)
        }
        """,
        w=np.array([3, 4], np.float32),
    )
    session, x = aivm.load(proto), np.array([1, 2], np.float32)
    first = session.run({"x": x})
    for array in first.values():
        array.fill(100)
    assert x.tolist() == [1, 2]
    assert {name: array.reshape(-1).tolist() for name, array in session.run({"x": x}).items()} == {
        "same": [1, 2],
        "view": [1, 2],
        "constant": [3, 4],
        "made": [-1, -2],
        "twice": [-1, -2],
    }


@pytest.mark.parametrize("isa", _core.isas())
def test_threads_and_instruction_sets_change_no_bit(isa, monkeypatch):
    expected = mlp(threads=1).run({"x": normal(19, 16)})["y"].tobytes()
    monkeypatch.setenv("AIVM_ISA", isa)
    for threads in (1, 2, 4):
        session = mlp(threads=threads)
        assert session.isa == isa
        assert session.run({"x": normal(19, 16)})["y"].tobytes() == expected


def test_a_row_of_a_batch_is_the_row_alone():
    session, x = mlp(), normal(23, 16)
    batch = session.run({"x": x})["y"]
    for row in range(len(x)):
        assert session.run({"x": x[row : row + 1]})["y"].tobytes() == batch[row : row + 1].tobytes()


def test_a_session_may_be_used_by_several_threads():
    session, x = mlp(threads=2), normal(7, 16)
    expected, failures = session.run({"x": x})["y"].tobytes(), []

    def work():
        failures.extend(1 for _ in range(50) if session.run({"x": x})["y"].tobytes() != expected)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_plans_are_kept_for_each_shape():
    session = mlp()
    first = session.runner.prepare({"x": normal(3, 16)})
    assert session.runner.prepare({"x": normal(3, 16, seed=9)}) is first
    assert session.runner.prepare({"x": normal(4, 16)}) is not first


def test_a_machine_without_fused_multiply_add_says_so(monkeypatch):
    monkeypatch.setenv("AIVM_ISA", "portable")
    has = _core.hardware_fma("portable")
    assert bool(mlp().warnings) != has


def test_onnx_runtime_stands_behind_the_same_interface():
    pytest.importorskip("onnxruntime")
    x = normal(5, 16)
    np.testing.assert_allclose(mlp(engine="onnxruntime").run({"x": x})["y"], mlp().run({"x": x})["y"], rtol=1e-5)


def test_an_engine_that_there_is_not_is_named():
    with pytest.raises(ArithmeticEngineError, match="no engine 'tensorrt'"):
        mlp(engine="tensorrt")


def test_sequences_and_optionals_go_in_and_out():
    proto = model(
        """
        g (seq(float[2]) s, optional(float[2]) o) => (seq(float[2]) t, bool has)
        {
           first = Constant <value_int = 0> ()
           x = SequenceAt (s, first)
           n = Neg (x)
           t = SequenceInsert (s, n)
           has = OptionalHasElement (o)
        }
        """
    )
    x = np.array([1, 2], np.float32)
    result = aivm.load(proto).run({"s": [x], "o": None})
    assert [item.tolist() for item in result["t"]] == [[1, 2], [-1, -2]]
    assert not result["has"]


def test_an_empty_tensor_goes_through():
    proto = model(
        "g (float[n, 3] x) => (float[n, 2] y, float[3] s) { y = MatMul (x, w)\n s = ReduceSum <keepdims = 0> (x, a) }",
        w=normal(3, 2),
        a=np.array([0], np.int64),
    )
    result = agrees(proto, {"x": np.zeros((0, 3), np.float32)})
    assert result["y"].shape == (0, 2)


def test_scalars_have_no_axes():
    session = load("g (float x, float y) => (float z) { z = Mul (x, y) }")
    z = session.run({"x": np.array(2, np.float32), "y": np.array(3, np.float32)})["z"]
    assert z.shape == ()
    assert z == 6
