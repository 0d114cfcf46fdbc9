"""The suite's result as one HTML file: the matrix, how far apart outputs are, and where they part.

    Path("matrix.html").write_text(render(subject, matrix, divergences, absences, journal.output))

It has no scripts, loads nothing, and everything in it that came from elsewhere is escaped.
"""

from aivm.determinism.page.render import render

__all__ = ["render"]
