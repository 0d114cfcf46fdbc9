"""The Appeals: from a committee to a larger one (contracts/interfaces/IAppeals.sol)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from registry.contracts.credits import CreditsContract

if TYPE_CHECKING:
    from registry.contracts.contract import Call
    from registry.contracts.types import JobProgress, JobTerms
    from registry.ids import JobId


class Appeals(CreditsContract):
    """Appeals. Events: Appealed, AppealUpheld, AppealRejected, AppealAbandoned."""

    NAME = "Appeals"

    def appeal(self, job: JobId, terms: JobTerms, progress: JobProgress, environment_class: bytes) -> Call:
        """Takes a settled job to a larger committee; value: at least `quote`. Event: Appealed(job, …, rerun, bond)."""
        return self.prepare("appeal", job, terms, progress, environment_class)

    def resolve(
        self,
        job: JobId,
        terms: JobTerms,
        progress: JobProgress,
        rerun_terms: JobTerms,
        rerun_progress: JobProgress,
    ) -> Call:
        """Compares, once the other job is final. Event: AppealUpheld, AppealRejected or AppealAbandoned(job, …)."""
        return self.prepare("resolve", job, terms, progress, rerun_terms, rerun_progress)

    def abandon(self, job: JobId, terms: JobTerms, progress: JobProgress) -> Call:
        """Ends an appeal whose other job failed. Event: AppealAbandoned(job, appellant)."""
        return self.prepare("abandon", job, terms, progress)

    def quote(self, terms: JobTerms) -> int:
        """What `appeal` costs, the bond included, in wei."""
        return cast("int", self.read("quote", terms))

    def appeal_of(self, job: JobId) -> tuple[str, JobId, bool]:
        """The appellant (the zero address if there is none), the other committee's job, whether it is open."""
        return cast("tuple[str, JobId, bool]", self.read("appealOf", job))
