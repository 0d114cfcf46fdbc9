"""Other steps for the same bits, in less time: neighbouring steps fused, channels last between convolutions.

Nothing here may change a bit of what a plan gives; `tests/arithmetic/test_optimise.py` holds both plans against each
other. Traces and disputes are about the plan as it was before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.optimise.chain import chained
from aivm.arithmetic.lower.optimise.fuse import fuse
from aivm.arithmetic.lower.optimise.layout import channels_last

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from aivm.arithmetic.lower.emit.emitter import Step
    from aivm.arithmetic.lower.values import Storage
    from aivm.tensors import Array


def optimise(steps: Sequence[Step], needed: Container[Storage], find: Callable[[Storage], Array | None]) -> list[Step]:
    """Steps that give the same, sooner.

    Args:
        steps: in order, none without a use.
        needed: what has to be there after a run.
        find: contents of storages that are constant.
    """
    return chained(channels_last(fuse(steps, needed, find), needed, find), needed)
