"""Attributes that leave part of an operator's result open: two correct engines may then differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.lint.errors import UnspecifiedResultError
from aivm.lint.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.lint.context import Context


def check(context: Context) -> Iterator[Finding]:
    """Finds TopK without an order, and normalisation that updates its statistics as it runs."""
    for site in context.sites:
        if not site.is_standard:
            continue
        order, training = site.attribute("sorted"), site.attribute("training_mode")
        if site.node.op_type == "TopK" and order is not None and order.i == 0:
            message, remedy = "TopK with sorted=0 may return its results in any order", "Set sorted=1."
        elif site.node.op_type == "BatchNormalization" and training is not None and training.i != 0:
            message = "BatchNormalization with training_mode=1 uses the statistics of the batch that it is given"
            remedy = "Export the model for inference."
        else:
            continue
        yield Finding(error=UnspecifiedResultError, where=site.where, message=message, remedy=remedy)
