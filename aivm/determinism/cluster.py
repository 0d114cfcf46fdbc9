"""The suite on a Dask cluster: every host offers its own environments, and runs them.

Hosts differ in processor, system and libraries, which is what a cluster is for here. Each plans for itself; its workers
run its environments; the journal stays with whoever asked. Dask sends pickled objects: join no cluster, and let nobody
into yours, that you would not let run code on your machine. The extra `cluster` installs it.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any, cast

from aivm.determinism.axes import named
from aivm.determinism.divergence import find
from aivm.determinism.feeds import Feeds
from aivm.determinism.matrix import Matrix
from aivm.determinism.notes import Memory
from aivm.determinism.place import Place
from aivm.determinism.plan import Plan, plan
from aivm.determinism.running import run_environment
from aivm.determinism.suite import at_hand
from aivm.errors import AivmError
from aivm.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aivm.arithmetic.trace import Recording
    from aivm.determinism.axes import Absence, Wishes
    from aivm.determinism.divergence import FirstDivergence
    from aivm.determinism.journal import Journal
    from aivm.determinism.matrix import Cell, Tried
    from aivm.determinism.plan import Planned
    from aivm.determinism.running import Known
    from aivm.determinism.subject import Subject
    from aivm.digests import Digest

_SECONDS = 30
#: Between two looks at who is still there.
_LOOK_SECONDS = 5


class ClusterError(AivmError):
    """A cluster that cannot be used."""


def run_on_cluster(
    subject: Subject,
    journal: Journal,
    *,
    scheduler: str,
    wishes: Wishes,
    axes: Sequence[str],
    crossed: Sequence[str] = (),
    on_cells: Callable[[int], None] = lambda _: None,
    on_plan: Callable[[int], None] = lambda _: None,
    on_each: Callable[[str], None] = lambda _: None,
) -> tuple[Matrix, tuple[Absence, ...], tuple[FirstDivergence, ...]]:
    """Runs on every host of a cluster what the journal does not have yet.

    The reference of the matrix is that of the first host. Where there are several, environments are named by `host 1`,
    `host 2`, …, in the order of the hosts' addresses; addresses are in no record.

    Args:
        subject: a kernel or a program, with its cases.
        journal: remembers.
        scheduler: the address of Dask's scheduler, such as `tcp://10.0.0.1:8786`.
        wishes: asked of every host; the cache is a path there.
        axes: names.
        crossed: names of axes whose values are combined.
        on_cells: is told of cells as environments are done.
        on_plan: is told how many cells there will be.
        on_each: is told the names of environments as they are traced.

    Returns:
        The matrix, what the hosts do not offer, and where environments part from the reference, traced on their hosts.

    Raises:
        ClusterError: Dask is not installed, the scheduler does not answer, has no workers, or has lost those of a host.
    """
    with _client(scheduler) as client:
        hosts = _hosts(client)
        shared = _share(client, subject)
        asked = [
            client.submit(_plan, shared, wishes, tuple(axes), tuple(crossed), workers=w, pure=False) for w in hosts
        ]
        answers = dict(_completed(client, asked, hosts))
        plans: list[Plan] = [answers[future] for future in asked]
        on_plan(sum(len(each.environments) for each in plans) * len(subject.cases))
        known = _share(client, (journal.all_cells(subject.digest), at_hand(subject, journal)))
        futures = {}
        for number, (workers, planned) in enumerate(zip(hosts, plans, strict=True), 1):
            for position, each in enumerate(planned.environments):
                slow = each.setting.launcher.slowness
                future = client.submit(_run, shared, each, known, workers=workers, pure=False, priority=slow)
                futures[future] = (number, position)
        found: dict[tuple[int, int], Tried] = {}
        for future, (tried, memory) in _completed(client, futures, hosts):
            memory.write(journal)
            number, position = futures[future]
            host = f"host {number}" if len(hosts) > 1 else ""
            found[number, position] = dataclasses.replace(tried, host=host)
            on_cells(len(subject.cases))
        environments = tuple(found[key] for key in sorted(found))
        matrix = Matrix(cases=tuple(subject.cases), environments=environments, expected=dict(subject.expected))
        places = {tried.name: hosts[number - 1] for (number, _), tried in found.items()}

        def record(tried: Tried, case: str) -> Recording:
            task = client.submit(_trace, shared, tried.planned, case, workers=places[tried.name], pure=False)
            ((_, recording),) = _completed(client, [task], hosts)
            return cast("Recording", recording)

        divergences = find(subject, matrix, journal, on_each=on_each, record=record)
    return matrix, tuple(dict.fromkeys(absence for each in plans for absence in each.absences)), divergences


def _client(scheduler: str) -> Any:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise ClusterError("Dask is not installed", hint=f"run: {install_command('cluster')}") from error
    try:
        return distributed.Client(scheduler, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(f"the scheduler {scheduler} does not answer: {error}") from error


def _hosts(client: Any) -> list[list[str]]:
    """The workers' addresses, by host."""
    workers: dict[str, list[str]] = {}
    for address, facts in client.scheduler_info(n_workers=-1)["workers"].items():
        workers.setdefault(facts["host"], []).append(address)
    if not workers:
        raise ClusterError("the cluster has no workers", hint="run on each host: dask worker ADDRESS")
    return [sorted(workers[host]) for host in sorted(workers)]


def _share(client: Any, what: object) -> Any:
    """Sends the same to every worker.

    Raises:
        ClusterError: one of them has just left the cluster.
    """
    try:
        return client.scatter(what, broadcast=True)
    except OSError as error:
        raise ClusterError("a worker left the cluster", hint="its log says why; run again") from error


def _completed(client: Any, futures: Iterable[Any], hosts: Sequence[Sequence[str]]) -> Iterator[tuple[Any, Any]]:
    """Each future with its result, as they come.

    Raises:
        ClusterError: a host has no worker left. Dask would wait for one to come back, for ever.
    """
    distributed = importlib.import_module("distributed")
    waiting = set(futures)
    while waiting:
        try:
            with client.as_current():
                done, waiting = distributed.wait(waiting, timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED")
        except TimeoutError:
            done = set()
        for future in done:
            yield future, future.result()
        present = {address for workers in _hosts(client) for address in workers}
        lost = [workers for workers in hosts if not present.intersection(workers)]
        if lost and waiting:
            raise ClusterError(
                f"{', '.join(sorted(address for workers in lost for address in workers))} left the cluster",
                hint="its log says why; run again, and what is in the journal is not run twice",
            )


def _plan(subject: Subject, wishes: Wishes, axes: tuple[str, ...], crossed: tuple[str, ...]) -> Plan:
    """On a host: what it offers."""
    return plan(subject, wishes, named(axes), crossed=crossed)


def _run(
    subject: Subject, planned: Planned, known: tuple[dict[Digest, dict[str, Cell]], Known]
) -> tuple[Tried, Memory]:
    """On a host: one environment."""
    done, outputs = known
    memory = Memory(done=done)
    mine = {case: set(found) for case, found in outputs.items()}
    with Feeds(subject) as feeds:
        tried = run_environment(subject, planned, memory, mine, feeds=feeds)
    return tried, dataclasses.replace(memory, done={})


def _trace(subject: Subject, planned: Planned, case: str) -> Recording:
    """On a host: the trace of a case, without its tensors."""
    with Place(subject, planned.setting) as place:
        return dataclasses.replace(place.record(case), fetch=None)
