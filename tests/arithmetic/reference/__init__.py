"""A second implementation of docs/arithmetic.md: slow, plain, and equal to the engine in every bit.

It shares no code with `aivm`. Moving elements and exact integer work are the standard's own evaluator's, since there
is nothing to choose; composite operators are the standard's function bodies; everything that rounds is here, in the
order of the document's sections.
"""

from reference.graph import run

__all__ = ["run"]
