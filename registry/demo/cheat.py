"""A validator that does not compute: it attests something cheaper and hopes that nobody notices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aivm import tensors
from aivm.execution.protocol import collect
from aivm.records import digest
from registry.validator import Computation

if TYPE_CHECKING:
    from aivm.execution import Execution
    from registry.contracts.types import Attestation


@dataclass(slots=True, kw_only=True)
class CheatingComputation(Computation):
    """Rolls every output by one place, as a model that was never run might.

    Everything else about the attestation is in order: a record that can be fetched, an answer that follows from it, an
    honest commitment to it. Only the majority's digest tells.
    """

    def attestation(self, execution: Execution) -> Attestation:
        """Attests the forged output."""
        forged = tensors.encode({name: np.roll(array, 1, axis=-1) for name, array in execution.outputs.items()})
        outputs, record, answer = collect(self.manifest, forged)
        return Computation.attestation(
            self,
            replace(execution, outputs=outputs, tensors=forged, record=record, digest=digest(record), answer=answer),
        )
