"""The fastest plan gives the bits of the plain one: fused results, and channels last between convolutions."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import model, normal

import aivm
from aivm.arithmetic.executor import _run_plan


def both(proto, inputs):
    """The outputs of both plans, which have equal bits, and the operations of the faster one."""
    session = aivm.load(proto, threads=2)
    fast, plain = session.run(inputs), session.run(inputs, run_plan=_run_plan)
    for name, array in fast.items():
        assert array.shape == plain[name].shape
        assert array.tobytes() == plain[name].tobytes(), name
    return fast, [step.op for step in session.runner.prepare(session._feeds(inputs)).program.steps]


def special(*shape, seed=0):
    """Numbers among which are zeros of both signs, infinities and NaN."""
    array = normal(*shape, seed=seed).reshape(-1)
    array[::7] = [-0.0, np.inf, -np.inf, np.nan, 0.0][seed % 5]
    return array.reshape(shape)


@pytest.mark.parametrize("make", [normal, special])
def test_bias_residual_and_activation_join_a_matrix_product(make):
    proto = model(
        """
        g (float[n, 8] x, float[n, 6] r) => (float[n, 6] y, float[n, 6] z, float[n, 6] c)
        {
           a = MatMul (x, w)
           b = Add (bias, a)
           d = Add (b, r)
           y = Relu (d)
           e = MatMul (x, w)
           z = Relu (e)
           f = MatMul (x, w)
           c = Clip (f, low, high)
        }
        """,
        w=normal(8, 6),
        bias=make(6),
        low=np.array(-0.5, np.float32),
        high=np.array(0.5, np.float32),
    )
    _, ops = both(proto, {"x": make(5, 8), "r": make(5, 6, seed=3)})
    assert ops == ["matmul"] * 3


def test_a_product_that_is_read_twice_stays():
    proto = model(
        "g (float[n, 8] x) => (float[n, 6] y, float[n, 6] a) { a = MatMul (x, w)\n y = Relu (a) }", w=normal(8, 6)
    )
    _, ops = both(proto, {"x": normal(5, 8)})
    assert ops == ["matmul", "relu"]


def test_a_sum_after_an_activation_stays():
    proto = model(
        "g (float[n, 8] x, float[n, 6] r) => (float[n, 6] y) { a = MatMul (x, w)\n b = Relu (a)\n y = Add (b, r) }",
        w=normal(8, 6),
    )
    _, ops = both(proto, {"x": normal(5, 8), "r": normal(5, 6)})
    assert ops == ["matmul", "add"]


BLOCK = """
g (float[n, 3, 17, 13] x) => (float[n, 5] y, float[n, 8, 9, 7] inner)
{
   a = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1, b1)
   b = Relu (a)
   c = Conv <pads = [1, 1, 1, 1]> (b, w2)
   s = Mul (c, scale)
   t = Add (s, shift)
   d = Add (t, b)
   e = Relu (d)
   p = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (e)
   q = AveragePool <kernel_shape = [2, 2], pads = [0, 0, 1, 1]> (p)
   dw = Conv <group = 8, pads = [1, 1, 1, 1]> (q, w3)
   cat = Concat <axis = 1> (dw, e)
   half = Conv (cat, w4)
   inner = Sigmoid (half)
   m = GlobalAveragePool (half)
   f = Flatten (m)
   y = Gemm <transB = 1> (f, w5)
}
"""


@pytest.mark.parametrize("make", [normal, special])
def test_a_convolutional_block_keeps_channels_last(make):
    proto = model(
        BLOCK,
        w1=normal(8, 3, 3, 3, seed=1),
        b1=make(8, seed=2),
        w2=normal(8, 8, 3, 3, seed=3),
        scale=make(8, 1, 1, seed=4),
        shift=make(1, 8, 1, 1, seed=5),
        w3=normal(8, 1, 3, 3, seed=6),
        w4=normal(8, 16, 1, 1, seed=7),
        w5=normal(5, 8, seed=8),
    )
    _, ops = both(proto, {"x": make(2, 3, 17, 13)})
    assert ops.count("chain") == 1  # what stands between two convolutions, with the relu behind it
    # The concatenation, and the one output that has the standard's order.
    assert ops.count("copy") == 2


def test_what_minds_the_order_gets_the_standards():
    proto = model(
        """
        g (float[n, 3, 6, 5] x, float[n, 1, 6, 5] mask, float[n, 4, 1, 1] gate)
           => (float[n, 4, 30] y, float[n, 4, 6, 5] z)
        {
           a = Conv <pads = [1, 1, 1, 1]> (x, w)
           b = Mul (a, mask)
           c = Mul (b, gate)
           d = Conv (c, v)
           shape = Constant <value_ints = [0, 0, -1]> ()
           e = Reshape (d, shape)
           y = Softmax <axis = -1> (e)
           z = Tanh (d)
        }
        """,
        w=normal(4, 3, 3, 3),
        v=normal(4, 4, 1, 1),
    )
    both(proto, {"x": normal(2, 3, 6, 5), "mask": normal(2, 1, 6, 5), "gate": normal(2, 4, 1, 1)})


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_decoder_with_skips_keeps_channels_last(mode):
    proto = model(
        f"""
        g (float[n, 3, 8, 8] x) => (float[n, 2, 8, 8] y)
        {{
           a = Conv <pads = [1, 1, 1, 1]> (x, w1)
           b = Relu (a)
           c = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (b, w2)
           d = Relu (c)
           u = Resize <mode = "{mode}"> (d, , scales)
           t = ConvTranspose <strides = [2, 2]> (d, w3)
           s = Concat <axis = 1> (u, b, t)
           y = Conv <pads = [1, 1, 1, 1]> (s, w4)
        }}
        """,
        w1=normal(4, 3, 3, 3),
        w2=normal(6, 4, 3, 3),
        w3=normal(6, 2, 2, 2),
        w4=normal(2, 12, 3, 3),
        scales=np.array([1, 1, 2, 2], np.float32),
    )
    both(proto, {"x": normal(2, 3, 8, 8)})


@pytest.mark.parametrize("rank", [1, 3])
def test_convolutions_over_one_and_three_axes_keep_channels_last(rank):
    space, ones = "[n, 2" + ", 6" * rank + "]", ", ".join(["1"] * 2 * rank)
    proto = model(
        f"""
        g (float{space} x) => (float{space.replace("2", "3", 1)} y)
        {{
           a = Conv <pads = [{ones}]> (x, w)
           b = Relu (a)
           c = Conv <pads = [{ones}]> (b, v)
           y = Neg (c)
        }}
        """,
        w=normal(4, 2, *[3] * rank),
        v=normal(3, 4, *[3] * rank),
    )
    both(proto, {"x": normal(2, 2, *[6] * rank)})


def elementwise(make, op, **initializers):
    """Both plans of a graph of two inputs, and the operations of the faster one."""
    proto = model(f"g (float[n, 5, 7] x, float[n, 5, 7] r) => (float[n, 5, 7] y) {{ {op} }}", **initializers)
    return both(proto, {"x": make(3, 5, 7), "r": make(3, 5, 7, seed=2)})


@pytest.mark.parametrize("make", [normal, special])
@pytest.mark.parametrize(
    "op",
    [
        "a = Sigmoid (x)  y = Mul (x, a)",
        "y = Gelu (x)",
        'y = Gelu <approximate = "tanh"> (x)',
        "y = HardSwish (x)",
        "y = Elu (x)",
        "y = LeakyRelu (x)",
        "a = Greater (x, r)  b = Sqrt (x)  c = Neg (r)  y = Where (a, b, c)",
        "a = Max (x, r)  b = Floor (a)  c = Min (b, x)  y = Div (c, a)",
        "a = Abs (x)  y = Pow (a, r)",
    ],
)
def test_elementwise_steps_are_one_chain(make, op):
    _, ops = elementwise(make, op)
    assert ops == ["chain"]


@pytest.mark.parametrize("make", [normal, special])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (5, 1), (3, 1, 1), (1, 5, 7), (3, 5, 1)])
def test_operands_of_a_chain_broadcast(make, shape):
    _, ops = elementwise(
        make,
        "a = Mul (w, x)  b = Exp (v)  c = Add (a, b)  d = Sub (w, v)  e = Div (c, d)  y = Add (r, e)",
        w=make(*shape) if shape else np.array(3, np.float32),
        v=np.array(0.5, np.float32),
    )
    assert ops == ["chain"]


@pytest.mark.parametrize("size", [1, 2, 15, 17, 1023, 1025, 8193, 20000])
def test_chains_of_any_length_end_where_the_tensor_does(size):
    proto = model(
        "g (float[n] x) => (float[n] y) { a = Exp (x)  b = Add (a, x)  y = Clip (b, low, ) }", low=np.float32(0.25)
    )
    _, ops = both(proto, {"x": special(size)})
    assert ops == (["chain"] if size > 1 else ["exp", "add", "clip"])


def test_what_others_read_stays_out_of_a_chain():
    text = "g (float[n] x) => (float[n] y, float[n] a) { a = Exp (x)  b = Neg (a)  y = Add (b, x) }"
    _, ops = both(model(text), {"x": normal(50)})
    assert ops == ["exp", "chain"]
    text = """g (float[n] x) => (float[n] y, float m)
    { a = Exp (x)  b = Neg (a)  y = Add (b, a)  m = ReduceMax <keepdims = 0> (b) }"""
    _, ops = both(model(text), {"x": normal(50)})
    assert sorted(ops) == ["add", "exp", "neg", "reduce_max"]


def test_a_chain_does_not_go_through_another_shape_or_dtype():
    text = """
    g (float[2, 6] x) => (float[3, 4] y)
    {
       a = Exp (x)
       shape = Constant <value_ints = [3, 4]> ()
       b = Reshape (a, shape)
       c = Neg (b)
       i = Cast <to = 7> (c)
       d = Cast <to = 1> (i)
       y = Add (d, c)
    }
    """
    _, ops = both(model(text), {"x": normal(2, 6)})
    assert "chain" not in ops


def test_long_runs_of_elementwise_steps_become_several_chains():
    lines = "  ".join(f"t{i + 1} = {op} (t{i})" for i, op in enumerate(["Neg", "Abs", "Sqrt", "Tanh"] * 20))
    _, ops = both(model(f"g (float[n] t0) => (float[n] t80) {{ {lines} }}"), {"t0": normal(3000)})
    assert set(ops) == {"chain"}
    assert 1 < len(ops) < 10


def test_a_sum_whose_every_number_is_read_again_is_not_delayed_past_its_memory():
    lines = ["a0 = Exp (x)"]
    lines += [
        f"b{i} = MatMul (a{i}, w)  c{i} = Tanh (b{i})  d{i} = Add (c{i}, a{i})  a{i + 1} = Mul (d{i}, x)"
        for i in range(4)
    ]
    proto = model(f"g (float[n, 40] x) => (float[n, 40] a4) {{ {'  '.join(lines)} }}", w=normal(40, 40))
    both(proto, {"x": normal(33, 40)})
