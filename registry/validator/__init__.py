"""The validator's side: a journal, a pure rule for what is due, the computation, and the loop around them."""

from registry.validator.computation import Computation
from registry.validator.duties import Duty
from registry.validator.journal import Journal
from registry.validator.validator import Step, Validator

__all__ = ["Computation", "Duty", "Journal", "Step", "Validator"]
