"""Determinism by evidence: a kernel's cases in every environment that this machine can offer (docs/determinism.md).

    subject = of_kernel(kernel.load(folder))
    planned = plan(subject, Wishes(cache=cache))
    with Journal(cache / "journal.sqlite") as journal:
        matrix = run(subject, planned, journal)
        divergences = find(subject, matrix, journal)
    matrix.determinism_class()                       # bitwise, pinned or none
    Certificate.of(subject, matrix, divergences, planned.absences).record()

An `Axis` is a circumstance that must not change bits, a `Setting` how a process is started under some values of it, a
`Place` that process, a `Tried` what came of it, a `Cell` one case there.
"""

from aivm.determinism.axes import AXES, Absence, Axis, Choice, Wishes, named
from aivm.determinism.certificate import Certificate
from aivm.determinism.divergence import FirstDivergence, find
from aivm.determinism.journal import Journal
from aivm.determinism.matrix import Cell, Matrix, Tried
from aivm.determinism.part import Part, draw, run_part
from aivm.determinism.plan import Plan, plan
from aivm.determinism.subject import Rows, Subject, of_kernel, of_program
from aivm.determinism.suite import run

__all__ = [
    "AXES",
    "Absence",
    "Axis",
    "Cell",
    "Certificate",
    "Choice",
    "FirstDivergence",
    "Journal",
    "Matrix",
    "Part",
    "Plan",
    "Rows",
    "Subject",
    "Tried",
    "Wishes",
    "draw",
    "find",
    "named",
    "of_kernel",
    "of_program",
    "plan",
    "run",
    "run_part",
]
