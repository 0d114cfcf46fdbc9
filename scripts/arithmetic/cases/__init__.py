"""Random cases of every operator: what golden vectors are drawn from, and what the campaign runs by the thousand.

case = CASES["Conv"](Random(seed))
case.model, case.feeds
"""

from cases import elementwise, matrices, movement, others, reductions, windows
from cases.case import CASES, FAMILIES, Case
from cases.values import Random

__all__ = [
    "CASES",
    "FAMILIES",
    "Case",
    "Random",
    "elementwise",
    "matrices",
    "movement",
    "others",
    "reductions",
    "windows",
]
