"""The builder that operators are lowered with: everything that writes steps, and the node that they are written for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.emit.matrices import Matrices
from aivm.arithmetic.lower.emit.models import Models
from aivm.arithmetic.lower.emit.movement import Movement
from aivm.arithmetic.lower.emit.reductions import Reductions
from aivm.arithmetic.lower.emit.windows import Windows

if TYPE_CHECKING:
    from aivm.arithmetic.lower.graph import Node


class Builder(Matrices, Movement, Reductions, Windows, Models):
    """Collects the steps of a plan."""

    def enter(self, node: Node, path: str) -> None:
        """Says for which node steps are written from here on."""
        self.place.name = f"{path}{node.name}"
        self.place.title = f"{path}{node.title}" if path else node.title
        self.place.outputs = node.outputs
