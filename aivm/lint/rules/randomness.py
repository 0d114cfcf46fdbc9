"""Randomness enters a graph only as inputs: what an operator draws for itself nobody else can draw again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.lint.errors import HiddenRandomnessError
from aivm.lint.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.lint.context import Context
    from aivm.lint.graphs import Site

#: Operators that draw, and whether `lift_randomness` can turn them into inputs.
RANDOM_OPERATORS = {
    "RandomNormal": True,
    "RandomNormalLike": True,
    "RandomUniform": True,
    "RandomUniformLike": True,
    "Bernoulli": True,
    "Multinomial": False,
}

_LIFT = "`aivm.lint.lift_randomness` turns it into a random input."
_MULTINOMIAL = "Take the ArgMax of the logits plus Gumbel noise, made from a uniform random input."
_DROPOUT = "Export the model for inference, so that Dropout's training_mode is a constant false."


def check(context: Context) -> Iterator[Finding]:
    """Finds operators that draw random numbers, subgraphs and functions included."""
    for site in context.sites:
        if not site.is_standard:
            continue
        name = site.node.op_type
        if name in RANDOM_OPERATORS:
            seeded = " (its seed attribute means something else in every engine)" if site.attribute("seed") else ""
            remedy = _LIFT if RANDOM_OPERATORS[name] else _MULTINOMIAL
            yield _finding(site, f"{name} draws random numbers inside the graph{seeded}", remedy)
        elif name == "Dropout" and not _dropout_is_inert(site):
            yield _finding(site, "Dropout may run in training mode, where it draws random numbers", _DROPOUT)


def _dropout_is_inert(site: Site) -> bool:
    version = site.opsets.get("ai.onnx", 0)
    if version >= 12:
        if not site.input(2):
            return True
        training = site.constant(2)
        return training is not None and training.size == 1 and not bool(training.reshape(-1)[0])
    if version >= 7:
        return True  # versions 7 and 10 have no training mode
    is_test = site.attribute("is_test")
    return is_test is not None and is_test.i != 0


def _finding(site: Site, message: str, remedy: str) -> Finding:
    return Finding(error=HiddenRandomnessError, where=site.where, message=message, remedy=remedy)
