"""What the linter found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aivm.lint.errors import KernelLintError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and what to do about it.

    Attributes:
        error: the class that `error_of` makes of it; its `rule` is the finding's.
        where: the place in the model.
        message: what is wrong.
        remedy: what the author can do.
    """

    error: type[KernelLintError]
    where: str
    message: str
    remedy: str

    @property
    def rule(self) -> str:
        """The short name of the rule."""
        return self.error.rule

    def exception(self) -> KernelLintError:
        """The finding as an error to raise."""
        return self.error(self.message, where=self.where, hint=self.remedy)

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """All findings, in the order of the rules; none if the model is clean."""

    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def raise_first(self) -> None:
        """Raises the first finding, saying how many more there are.

        Raises:
            KernelLintError: the subclass of that finding's rule.
        """
        if self.clean:
            return
        first = self.findings[0]
        more = f" ({len(self.findings) - 1} more findings)" if len(self.findings) > 1 else ""
        raise first.error(first.message + more, where=first.where, hint=first.remedy)
