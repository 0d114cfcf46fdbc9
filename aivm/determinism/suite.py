"""The suite: cases by environments, in parallel worker processes on this machine."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from aivm.determinism.feeds import Feeds
from aivm.determinism.matrix import Matrix
from aivm.determinism.running import run_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from aivm.determinism.journal import Journal
    from aivm.determinism.matrix import Tried
    from aivm.determinism.plan import Plan, Planned
    from aivm.determinism.running import Known
    from aivm.determinism.subject import Subject


def at_hand(subject: Subject, journal: Journal) -> Known:
    """By case, the outputs that the journal has now; those that came with the kernel are put into it."""
    known = journal.outputs(subject.digest)
    journal.add_outputs(subject.known)
    for case in subject.cases:
        found = known.setdefault(case, set())
        if subject.expected.get(case) in subject.known:
            found.add(subject.expected[case])
    return known


def run(
    subject: Subject,
    plan: Plan,
    journal: Journal,
    *,
    jobs: int | None = None,
    on_cells: Callable[[int], None] = lambda _: None,
) -> Matrix:
    """Runs what the journal does not have yet.

    Each environment is one worker process, which runs all cases; `jobs` of them work at a time. An interrupt is passed
    on after every finished cell is in the journal, and no worker is left behind.

    Args:
        subject: a kernel or a program, with its cases.
        plan: the environments.
        journal: remembers; give the same one again to go on.
        jobs: as many as there are processors, if None.
        on_cells: is told of cells as they are done, from several threads.
    """
    known = at_hand(subject, journal)
    stop = threading.Event()

    def work(planned: Planned) -> Tried:
        return run_environment(subject, planned, journal, known, feeds=feeds, on_cells=on_cells, stopped=stop.is_set)

    # The slowest begin first, or they would be waited for at the end.
    order = sorted(plan.environments, key=lambda planned: -planned.setting.launcher.slowness)
    with Feeds(subject) as feeds, ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as executor:
        futures = {planned.name: executor.submit(work, planned) for planned in order}
        try:
            tried = tuple(futures[planned.name].result() for planned in plan.environments)
        except BaseException:
            stop.set()
            executor.shutdown(wait=True, cancel_futures=True)
            raise
    return Matrix(cases=tuple(subject.cases), environments=tried, expected=dict(subject.expected))
