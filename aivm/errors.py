"""The errors of the package: one tree, each saying what failed, where, and what to do."""

from __future__ import annotations


class AivmError(Exception):
    """Base of every error that bad input, a bad machine or a bad peer can cause.

    Args:
        message: what failed, and on which input.
        hint: what the reader can do about it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(hint)  # for whoever meets it in a traceback

    def diagnostics(self) -> str:
        """The text for a person: the kind of error, what failed, what to do."""
        text = f"{type(self).__name__}: {self.message}"
        return f"{text}\n  {self.hint}" if self.hint else text
