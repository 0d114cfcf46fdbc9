"""The suite on a Dask cluster of two hosts, which are two addresses of this machine."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time

import pytest
from subjects import DIGITS, ON_ORT

from aivm.determinism import Journal, Wishes
from aivm.determinism.cluster import ClusterError, run_on_cluster
from aivm.manifest import DeterminismClass

HOSTS = ("127.0.0.1", "127.0.0.2")


@contextlib.contextmanager
def cluster(folder):
    """A scheduler and a worker on each host, in processes of their own: the address, and the processes."""
    with socket.socket() as probe:
        probe.bind((HOSTS[0], 0))
        address = f"tcp://{HOSTS[0]}:{probe.getsockname()[1]}"
    dask = [sys.executable, "-m", "dask"]
    commands = [[*dask, "scheduler", "--host", address, "--no-dashboard", "--no-jupyter"]]
    commands += [
        [*dask, "worker", address, "--host", host, "--nthreads", "2", "--no-nanny", "--no-dashboard"] for host in HOSTS
    ]
    with (folder / "log").open("wb") as log:
        started = [subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) for command in commands]
    try:
        yield address, started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait(30)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The address of a cluster that all of these use."""
    with cluster(tmp_path_factory.mktemp("cluster")) as (address, _):
        yield address


def run_once(subject, scheduler, path, axes, **options):
    with Journal(path / "journal.sqlite") as journal:
        return run_on_cluster(subject, journal, scheduler=scheduler, wishes=Wishes(cache=path), axes=axes, **options)


def run(subject, scheduler, path, axes, **options):
    deadline = time.monotonic() + 60
    while True:
        try:
            matrix, absences, divergences = run_once(subject, scheduler, path, axes, **options)
        except ClusterError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
            continue
        # Until the second worker has come there is one host.
        if any(tried.host for tried in matrix.environments):
            return matrix, absences, divergences
        assert time.monotonic() < deadline


def test_every_host_runs_its_own_environments(scheduler, tmp_path):
    counted = []
    matrix, absences, divergences = run(
        DIGITS, scheduler, tmp_path, ["threads", "optimisation"], on_cells=counted.append
    )
    names = [tried.name for tried in matrix.environments]
    assert names[0] == "host 1 reference"
    assert {"host 1 threads=2", "host 2 reference", "host 2 threads=4"} <= set(names)
    assert matrix.determinism_class() is DeterminismClass.BITWISE
    assert matrix.conforms()
    assert divergences == ()
    assert [absence.axis for absence in absences] == ["optimisation"]
    assert sum(counted) >= len(matrix.environments) * len(matrix.cases)


def test_what_differs_is_traced_on_its_host(scheduler, tmp_path):
    matrix, _, divergences = run(ON_ORT, scheduler, tmp_path, ["optimisation"])
    assert {item.environment for item in divergences} >= {"host 1 optimisation=none", "host 2 optimisation=none"}
    assert all(item.operator_type == "Conv" for item in divergences)
    assert matrix.differing(matrix.environments[0]) == ()


def test_a_host_that_leaves_ends_the_run_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("aivm.determinism.cluster._LOOK_SECONDS", 0.2)
    with cluster(tmp_path) as (address, (_, _, last)):
        run(DIGITS, address, tmp_path, ["threads"])
        (tmp_path / "again").mkdir()
        with pytest.raises(ClusterError, match="left the cluster"):
            run_once(DIGITS, address, tmp_path / "again", ["threads"], on_plan=lambda _: last.kill())


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("aivm.determinism.cluster._SECONDS", 0.5)
    with Journal(tmp_path / "journal.sqlite") as journal, pytest.raises(ClusterError, match="does not answer"):
        run_on_cluster(DIGITS, journal, scheduler="tcp://127.0.0.1:9", wishes=Wishes(cache=tmp_path), axes=[])
