"""Products of matrices, attention, and recurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cases.case import Case, case, fed, rows, setting, single, weights

if TYPE_CHECKING:
    from cases.values import Random


@case("MatMul")
def mat_mul(r: Random, name: str) -> Case:
    m, n, k = (r.extent(65) for _ in range(3))
    b = r.floats([k, n])
    if r.chance(0.5):
        return single(r, name, [rows(r.floats([m, k])), weights(b)])
    if r.chance(0.3):
        batch = r.integer(1, 3)
        return single(r, name, [rows(r.floats([batch, m, k])), rows(r.floats([batch, k, n]))])
    if r.chance(0.3):
        return single(r, name, [fed(r.floats([k])), fed(b)])
    lead = r.shape(2, elements=6)
    return single(r, name, [rows(r.floats([*lead, m, k])), fed(r.floats([*r.broadcast(lead[1:]), k, n]))])


@case("Gemm")
def gemm(r: Random, name: str) -> Case:
    m, n, k = (r.extent(65) for _ in range(3))
    turned, transposed = r.chance(0.2), r.chance(0.5)
    a = r.floats([k, m] if turned else [m, k])
    b = r.floats([n, k] if transposed else [k, n])
    c = r.choice([None, r.normal([n]), r.normal([1, n]), r.normal([]), r.normal([m, 1])])
    alpha, beta = r.choice([(None, None), (0.5, 2.0), (1.0, 1.0)])
    single_row = c is None or c.ndim < 2 or c.shape[0] == 1
    operands = [(fed if turned or not single_row else rows)(a), weights(b), None if c is None else weights(c)]
    flags = {"transA": int(turned), "transB": int(transposed)}
    return single(r, name, operands, alpha=alpha, beta=beta, **flags)


@case("MatMulInteger")
def mat_mul_integer(r: Random, name: str) -> Case:
    m, n, k = (r.extent(65) for _ in range(3))
    left, right = r.choice((np.uint8, np.int8)), r.choice((np.uint8, np.int8))
    a, b = r.integers([m, k], left), r.integers([k, n], right)
    zeros = [fed(r.integers([], left)), fed(r.integers(r.choice([[], [n]]), right))][: r.integer(0, 2)]
    return single(r, name, [rows(a), weights(b), *zeros])


@case("QLinearMatMul")
def q_linear_mat_mul(r: Random, name: str) -> Case:
    m, n, k = (r.extent(33) for _ in range(3))
    left, right = r.choice((np.uint8, np.int8)), r.choice((np.uint8, np.int8))
    operands = [rows(r.integers([m, k], left)), fed(scale(r)), fed(r.integers([], left))]
    operands += [weights(r.integers([k, n], right)), fed(scale(r)), fed(r.integers([], right))]
    return single(r, name, [*operands, fed(scale(r)), fed(r.integers([], left))])


def scale(r: Random) -> Any:
    """A scale of a quantised tensor."""
    return np.asarray(r.positive([]) / 8, np.float32)


@case("Attention")
def attention(r: Random, name: str) -> Case:
    """With fewer heads of keys than of queries, with a cache, with a mask of truths or of numbers."""
    batch, groups, length, others, size, wide = r.integer(1, 2), r.integer(1, 2), *(r.extent(9) for _ in range(4))
    heads, past = groups * r.integer(1, 3), r.integer(1, 4) if r.chance(0.4) else 0

    def stored(count: int, width: int) -> Any:
        return rows(r.normal([batch, groups, count, width]))

    query = r.choice([r.floats, r.normal])([batch, heads, length, size])
    mask_shape = r.choice([[length, past + others], [batch, 1, length, past + others], [1, 1, 1, past + others]])
    mask = r.choice([None, r.normal(mask_shape), r.booleans(mask_shape)])
    if mask is not None:
        mask = (rows if mask.ndim == 4 and mask.shape[0] == batch > 1 else fed)(mask)
    operands = [rows(query), stored(others, size), stored(others, wide), mask]
    operands += [stored(past, size), stored(past, wide)] if past else []
    # What is asked for beside the result: the cache with what was added, and the scores.
    outputs = [True, bool(past), bool(past), not past and r.chance(0.3)]
    return single(
        r,
        name,
        operands,
        outputs=outputs,
        is_causal=int(r.chance(0.4)),
        scale=r.choice([None, 0.3]),
        softcap=r.choice([None, 2.0]),
        qk_matmul_output_mode=r.integer(0, 3) if outputs[3] else None,
        opset=24,
    )


@case("RotaryEmbedding")
def rotary(r: Random, name: str) -> Case:
    batch, heads, length, half = r.integer(1, 2), r.integer(1, 3), r.extent(9), r.extent(9)
    caches = [fed(r.floats([16, half])), fed(r.floats([16, half]))]
    positions = rows(r.integers([batch, length], np.int64, 0, 15))
    x = rows(r.floats([batch, heads, length, 2 * half]))
    return single(r, name, [x, *caches, positions], interleaved=r.integer(0, 1))


@case("LinearAttention")
def linear_attention(r: Random, name: str) -> Case:
    batch, groups, length, size, wide = r.integer(1, 2), r.integer(1, 2), *(r.extent(5) for _ in range(3))
    heads, rule = groups * r.integer(1, 2), r.choice(["linear", "gated", "delta", "gated_delta"])
    extents = [heads * size, groups * size, groups * wide]
    state = rows(r.normal([batch, groups, size, wide])) if r.chance(0.5) else None
    decay = rows(-r.positive([batch, length, r.choice([groups, groups * size])])) if "gated" in rule else None
    beta = rows(r.positive([batch, length, r.choice([1, groups])])) if "delta" in rule else None
    operands = [*(rows(r.floats([batch, length, extent])) for extent in extents), state, decay, beta]
    flags = {"q_num_heads": heads, "kv_num_heads": groups, "scale": r.choice([None, 0.3])}
    return single(r, name, operands, outputs=2, update_rule=rule, **flags)


@case("CausalConvWithState")
def causal_conv(r: Random, name: str) -> Case:
    batch, channels, length, taps = r.integer(1, 2), r.extent(5), r.extent(9), r.integer(2, 4)
    given = [rows(r.floats([batch, channels, length])), weights(r.normal([channels, 1, taps]))]
    bias = weights(r.normal([channels])) if r.chance(0.5) else None
    state = rows(r.normal([batch, channels, taps - 1]))
    return single(r, name, [*given, bias, state], outputs=2, activation=r.choice([None, "silu"]))


@case("SwiGLU")
def swi_glu(r: Random, name: str) -> Case:
    shape = r.shape()
    return single(r, name, [rows(r.floats(shape)), rows(r.floats(shape))], alpha=r.choice([None, 1.5]))


def recurrent(r: Random, name: str, gates: int, outputs: int, *, peepholes: bool = False) -> Case:
    """A recurrent layer."""
    length, batch, inputs, hidden = r.extent(5), r.integer(1, 3), r.extent(9), r.extent(9)
    direction = r.choice(["forward", "reverse", "bidirectional"])
    count = 2 if direction == "bidirectional" else 1
    numbers = r.choice([r.normal, r.normal, r.floats])
    operands = [fed(numbers([length, batch, inputs])), weights(numbers([count, gates * hidden, inputs]))]
    operands.append(weights(r.normal([count, gates * hidden, hidden])))
    optional = [weights(r.normal([count, 2 * gates * hidden])), fed(r.integers([batch], np.int32, 1, length))]
    optional += [fed(numbers([count, batch, hidden])) for _ in range(outputs - 1)]
    if peepholes:
        optional.append(weights(r.normal([count, 3 * hidden])))
    chosen = [item if r.chance(0.5) else None for item in optional]
    extra = {"linear_before_reset": r.integer(0, 1)} if name == "GRU" else {}
    clip = 1.5 if r.chance(0.2) else None
    return single(
        r, name, [*operands, *chosen], outputs=outputs, hidden_size=hidden, direction=direction, clip=clip, **extra
    )


@case("RNN")
def rnn(r: Random, name: str) -> Case:
    return recurrent(r, name, 1, 2)


@case("GRU")
def gru(r: Random, name: str) -> Case:
    return recurrent(r, name, 3, 2)


@case("LSTM")
def lstm(r: Random, name: str) -> Case:
    return recurrent(r, name, 4, 3, peepholes=True)


@case("AffineGrid")
def affine_grid(r: Random, name: str) -> Case:
    batch = r.integer(2, 3)  # the body squeezes every axis of one
    spatial = [r.extent(9) for _ in range(r.integer(2, 3))]
    theta = fed(r.floats([batch, len(spatial), len(spatial) + 1]))
    return single(r, name, [theta, setting([batch, 3, *spatial])], align_corners=r.integer(0, 1))
