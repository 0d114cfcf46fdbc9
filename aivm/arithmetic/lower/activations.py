"""The activations of recurrent layers, by name and with parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.values import Value

#: Default alpha and beta; None where there is no such parameter.
DEFAULTS: dict[str, tuple[float | None, float | None]] = {
    "relu": (None, None),
    "tanh": (None, None),
    "sigmoid": (None, None),
    "affine": (1.0, 0.0),
    "leakyrelu": (0.01, None),
    "thresholdedrelu": (1.0, None),
    "scaledtanh": (1.0, 1.0),
    "hardsigmoid": (0.2, 0.5),
    "elu": (1.0, None),
    "softsign": (None, None),
    "softplus": (None, None),
}


def activate(b: Builder, x: Value, name: str, alpha: float, beta: float) -> Value:  # noqa: PLR0911 - one for each name
    """One activation, as ONNX's operator of that name computes it."""
    zero, one = b.scalar(0, x.dtype), b.scalar(1, x.dtype)
    a, c = b.scalar(alpha, x.dtype), b.scalar(beta, x.dtype)
    if name in ("relu", "tanh", "sigmoid"):
        return b.unary(name, x)
    if name == "affine":
        return b.add(b.mul(a, x), c)
    if name == "leakyrelu":
        return b.where(b.compare("less", x, zero), b.mul(a, x), x)
    if name == "thresholdedrelu":
        return b.where(b.compare("less", a, x), x, zero)
    if name == "scaledtanh":
        return b.mul(a, b.unary("tanh", b.mul(c, x)))
    if name == "hardsigmoid":
        return b.binary("max", zero, b.binary("min", one, b.add(b.mul(a, x), c)))
    if name == "elu":
        return b.where(b.compare("less", x, zero), b.mul(a, b.sub(b.unary("exp", x), one)), x)
    if name == "softsign":
        return b.div(x, b.add(one, b.unary("abs", x)))
    return b.unary("log", b.add(b.unary("exp", x), one))
