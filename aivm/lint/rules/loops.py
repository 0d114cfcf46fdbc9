"""Every Loop needs a constant bound on its rounds, and nested Loops on their product.

Whether a condition ever becomes false cannot be decided, so it may end a Loop early but is not relied on.
Scan and SequenceMap run once for each element of an input, and so end by themselves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aivm.lint.errors import EndlessLoopError
from aivm.lint.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.lint.context import Context
    from aivm.lint.graphs import Site

#: The most rounds of a Loop, those of the Loops around it multiplied in.
MAX_ROUNDS = 2**20

_REMEDY = "Give the Loop a trip count that is an initializer or a Constant, and end it early by its condition."


def check(context: Context) -> Iterator[Finding]:
    """Finds Loops without a constant trip count, and those with too many rounds."""
    for site in context.sites:
        if site.node.op_type != "Loop" or not site.is_standard:
            continue
        message = _unbounded(site)
        if message is None:
            rounds = math.prod(trip_count(loop) or 0 for loop in (*site.loops, site))
            if rounds > MAX_ROUNDS:
                message = f"{rounds} rounds, the Loops around it multiplied in; at most {MAX_ROUNDS} are allowed"
        if message is not None:
            yield Finding(error=EndlessLoopError, where=site.where, message=message, remedy=_REMEDY)


def trip_count(site: Site) -> int | None:
    """The constant trip count of a Loop, or None if it has none; a negative one means no round."""
    value = site.constant(0)
    if value is None or value.size != 1 or value.dtype.kind not in "iu":
        return None
    return max(int(value.reshape(-1)[0]), 0)


def _unbounded(site: Site) -> str | None:
    if trip_count(site) is not None:
        return None
    if site.input(0):
        return f"the trip count {site.input(0)!r} is not a constant, so nothing bounds it"
    condition = site.constant(1)
    begins = not site.input(1) or (condition is not None and condition.size == 1 and bool(condition.reshape(-1)[0]))
    if begins and not _condition_can_change(site):
        return "the Loop has no trip count and its condition stays true: it never ends"
    return "the Loop has no trip count, and nothing shows that its condition becomes false"


def _condition_can_change(site: Site) -> bool:
    """Whether the body computes its condition, rather than passing on the one that it is given, or a constant true."""
    body = site.attribute("body")
    if body is None or not body.g.output:
        return True
    name = body.g.output[0].name
    producers = {output: node for node in body.g.node for output in node.output}
    for _ in range(len(body.g.node) + 1):
        producer = producers.get(name)
        if producer is None or producer.op_type == "Constant":
            return False
        if producer.op_type != "Identity" or not producer.input:
            return True
        name = producer.input[0]
    return True
