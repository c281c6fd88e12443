"""Cancelled, out of time, shut down, killed: on PostgreSQL the query is gone before anything is tried again.

Every process reaches the warehouse through a proxy that keeps a dead client's connection open, as a network
does that loses a host: nothing but sqlorch ends its query then. The model tells how many queries of its like
it found at work when its own began.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.daemons import Daemon, running, until, workers_of
from support.postgres import Postgres, running_postgres
from support.projects import Project, Said, make_project
from support.promises import within
from support.proxy import Proxy, proxied

pytestmark = pytest.mark.postgres
SLEEP = "pg_sleep(case when (select count(*) from {schema}.awake) = 0 then 600 else 0 end)"
SLOW = (
    "{{{{ config(materialized='table') }}}}\n"
    "select (select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()"
    " and query like '%{schema}.awake%') as others, {sleep}::text as slept"
)
DAY = ("--interval", "2013-01-03")
SOON = 2.0  # seconds from asking for a query's end to its end


@dataclass(frozen=True)
class Bed:
    """A project whose only model sleeps for ten minutes, until it is woken."""

    project: Project
    server: Postgres
    proxy: Proxy
    schema: str

    def asleep(self) -> list[tuple[object, ...]]:
        return self.server.query(
            "select pid, application_name from pg_stat_activity where state = 'active' "
            f"and pid <> pg_backend_pid() and query like '%{self.schema}.awake%'"
        )

    def wake(self) -> None:
        """From now on the model takes no time; a query that sleeps goes on sleeping."""
        self.server.query(f"insert into {self.schema}.awake values (1)")

    def ended_within(self, seconds: float) -> float:
        """Seconds until nothing sleeps any more."""
        began = time.monotonic()
        until(lambda: not self.asleep(), "the end of the query", seconds=within(seconds))
        return time.monotonic() - began

    def built(self) -> list[tuple[object, ...]]:
        return self.server.query(f"select others from {self.schema}.slow")

    def runs(self) -> list[tuple[str, str]]:
        return [
            (r["state"], r["reason"]) for r in self.project.sqlorch("runs", "list", "--json").document["runs"]
        ]

    def attempts(self) -> list[str]:
        return [
            outcome
            for (outcome,) in self.project.query_state("select outcome from attempt order by attempt_id")
        ]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False, own=True) as started:
        yield started


@pytest.fixture
def bed(server: Postgres, tmp_path: Path) -> Iterator[Bed]:
    schema = tmp_path.name
    server.query(f"create schema {schema}")
    server.query(f"create table {schema}.awake (n int)")
    with (
        tempfile.TemporaryDirectory(prefix="px", dir="/tmp") as folder,
        proxied(Path(folder), server.socket) as proxy,
    ):
        files = {
            "models/slow.sql": SLOW.format(schema=schema, sleep=SLEEP.format(schema=schema)),
            "sqlorch.yml": "groups:\n  g: {select: '*'}\n",
            "profiles.yml": server.profile(schema, host=folder),
        }
        yield Bed(make_project(tmp_path, files), server, proxy, schema)


@pytest.fixture
def begun(bed: Bed) -> Iterator[subprocess.Popen[str]]:
    """``sqlorch run`` whose query is under way."""
    process = bed.project.process("run", "--json", *DAY)
    try:
        until(bed.asleep, "the query")
        yield process
    finally:
        process.kill()
        process.communicate()


def said_by(process: subprocess.Popen[str]) -> Said:
    out, err = process.communicate(timeout=60)
    return Said(code=process.returncode, out=out, err=err)


class TestACommand:
    def test_cancel_ends_the_query_and_leaves_nothing_in_the_way(
        self, bed: Bed, begun: subprocess.Popen[str]
    ) -> None:
        (run,) = bed.project.sqlorch("runs", "list", "--json").document["runs"]
        assert bed.project.sqlorch("cancel", run["run_id"], "--reason", "wrong day").code == 0
        bed.ended_within(SOON)
        said = said_by(begun)
        assert said.states == {"slow": "cancelled"}
        assert bed.runs() == [("cancelled", "wrong day")]
        bed.wake()
        assert bed.project.sqlorch("run", "--json", *DAY).states == {"slow": "success"}
        assert bed.built() == [(0,)]

    def test_killed_its_query_is_ended_before_the_retry(self, bed: Bed, begun: subprocess.Popen[str]) -> None:
        bed.proxy.half_open = True
        begun.send_signal(signal.SIGKILL)
        begun.wait()
        bed.wake()
        (run,) = bed.project.sqlorch("runs", "list", "--json").document["runs"]
        assert run["state"] == "failed"
        time.sleep(3)  # longer than the server needs to notice a client that is really gone
        (orphan,) = bed.asleep()
        assert str(orphan[1]).startswith("sqlorch-")
        said = bed.project.sqlorch("retry", run["run_id"], "--json")
        assert said.states == {"slow": "success"}
        assert "ended 1 query that a process which is gone had left running" in said.err
        assert bed.built() == [(0,)]
        assert bed.project.sqlorch("run", "--json", *DAY).err == ""  # it is not looked for again

    def test_killed_its_query_is_ended_before_any_other_run(
        self, bed: Bed, begun: subprocess.Popen[str]
    ) -> None:
        bed.proxy.half_open = True
        begun.send_signal(signal.SIGKILL)
        begun.wait()
        bed.wake()
        assert bed.project.sqlorch("run", "--json", "--interval", "2013-01-04").states == {"slow": "success"}
        assert bed.built() == [(0,)]

    def test_without_a_proxy_s_help_the_server_notices_by_itself(
        self, bed: Bed, begun: subprocess.Popen[str]
    ) -> None:
        begun.send_signal(signal.SIGKILL)
        bed.ended_within(5.0)

    def test_a_run_out_of_time_ends_its_query(self, bed: Bed) -> None:
        bed.project.write({"sqlorch.yml": "groups:\n  g: {select: '*', run_timeout: 3s}\n"})
        said = bed.project.sqlorch("run", "--json", *DAY)
        assert bed.asleep() == []
        assert said.states == {"slow": "cancelled"}
        assert bed.runs() == [("failed", "timed out after 3s")]

    def test_a_node_out_of_time_is_tried_again_when_its_query_is_gone(self, bed: Bed) -> None:
        settings = "groups:\n  g: {select: '*', timeout: 2s, retries: 1, retry_delay: 0.1s}\n"
        bed.project.write({"sqlorch.yml": settings})
        process = bed.project.process("run", "--json", *DAY)
        try:
            until(bed.asleep, "the query")
            bed.wake()
            said = said_by(process)
        finally:
            process.kill()
        assert said.states == {"slow": "success"}
        assert said.nodes["slow"]["attempts"] == 2
        assert bed.built() == [(0,)]

    def test_a_connection_that_breaks_leaves_no_query_to_the_retry(self, bed: Bed) -> None:
        bed.project.write({"sqlorch.yml": "groups:\n  g: {select: '*', retries: 1, retry_delay: 0.1s}\n"})
        bed.proxy.half_open = True
        process = bed.project.process("run", "--json", *DAY)
        try:
            until(bed.asleep, "the query")
            bed.wake()
            bed.proxy.cut_clients()
            said = said_by(process)
        finally:
            process.kill()
        assert said.states == {"slow": "success"}
        assert said.nodes["slow"]["attempts"] == 2
        assert bed.built() == [(0,)]

    def test_a_cancel_is_heard_in_a_hook_at_the_end(self, bed: Bed) -> None:
        bed.wake()
        hook = f"select pg_sleep(600) -- {bed.schema}.awake"
        name = 'name: shop\nversion: "1.0"\nprofile: shop\n'
        bed.project.write({"dbt_project.yml": f'{name}on-run-end: ["{hook}"]\n'})
        process = bed.project.process("run", "--json", *DAY)
        try:
            until(bed.asleep, "the hook")
            (run,) = bed.project.sqlorch("runs", "list", "--json").document["runs"]
            bed.project.sqlorch("cancel", run["run_id"])
            bed.ended_within(SOON)
            assert said_by(process).states == {"slow": "success"}
        finally:
            process.kill()
        assert bed.runs()[0][0] == "cancelled"


def triggered(bed: Bed) -> None:
    assert bed.project.sqlorch("trigger", "g", *DAY).code == 0
    until(bed.asleep, "the query")


class TestTheDaemon:
    def test_cancel_and_a_killed_worker(self, bed: Bed) -> None:
        bed.proxy.half_open = True
        with running(bed.project) as daemon:
            triggered(bed)
            assert bed.project.sqlorch("cancel", "--group", "g").code == 0
            bed.ended_within(SOON)
            until(lambda: daemon.events("run_ended"), "the end of the run")
            assert bed.runs()[0][0] == "cancelled"

            triggered(bed)
            daemon.kill_worker()
            bed.wake()
            daemon.until("worker_died")
            until(lambda: bed.runs()[0][0] == "success", "the retry")
            assert bed.built() == [(0,)]
            assert bed.attempts() == ["cancelled", "lost", "success"]
            assert bed.asleep() == []

    def test_told_to_stop_once_twice_three_times_and_killed(self, bed: Bed) -> None:
        with running(bed.project, "--grace", "1") as daemon:
            triggered(bed)
            told(daemon, 1)
            bed.ended_within(1 + SOON)
            assert daemon.process.wait(30) == 0
        with running(bed.project, "--grace", "300") as daemon:
            until(bed.asleep, "the second attempt")
            told(daemon, 1)
            os.kill(daemon.process.pid, signal.SIGINT)
            bed.ended_within(SOON)
            assert daemon.process.wait(30) == 0
        with running(bed.project, "--grace", "300") as daemon:
            until(bed.asleep, "the third attempt")
            daemon.kill()
            bed.ended_within(SOON)  # the worker hears that nobody talks to it any more
            until(lambda: not workers_of(bed.project), "the end of the worker", seconds=30)
        bed.proxy.half_open = True
        with running(bed.project, "--grace", "300") as daemon:
            until(bed.asleep, "the fourth attempt")
            for pid in workers_of(bed.project):
                os.kill(pid, signal.SIGSTOP)  # it hears nothing
            told(daemon, 3)
            assert daemon.process.wait(30) == 0
        assert bed.asleep()
        assert {state for state, _ in bed.runs()} == {"running"}
        bed.wake()
        assert bed.project.spawn("daemon", "--once", "--health", "off").code == 0
        assert bed.runs() == [("success", "")]
        assert bed.built() == [(0,)]
        assert bed.attempts() == ["cancelled", "cancelled", "cancelled", "lost", "success"]


def told(daemon: Daemon, times: int) -> None:
    """Ask it to stop, and wait each time until it has heard; its log has those of earlier starts, too."""
    for number, event in enumerate(["draining", "cutting", "killing"][:times]):
        before = len(daemon.events(event))
        os.kill(daemon.process.pid, signal.SIGINT if number % 2 else signal.SIGTERM)
        daemon.until(event, before + 1)
