"""The daemon as people meet it: real processes, real dbt, kill -9."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import duckdb
import pytest
from support.daemons import Daemon, running, until, workers_of
from support.projects import Project, make_project

TODAY = datetime.now(UTC).date()
START = TODAY - timedelta(days=3)
FOR_EVER = "select count(*) as n from range(100000000) as a, range(100000000) as b"
INCREMENTAL = (
    "{{ config(materialized='incremental', unique_key='ds', incremental_strategy='delete+insert') }}\n"
)


def daily(root: Path, models: dict[str, str], more: str = "") -> Project:
    settings = f"groups:\n  g:\n    select: '*'\n    schedule: '@daily'\n    start: {START}\n{more}"
    return make_project(root, {"sqlorch.yml": settings, **models})


def run_states(project: Project) -> list[str]:
    return [state for (state,) in project.query_state("select state from run order by interval_start")]


def succeeded(project: Project, count: int) -> bool:
    return run_states(project).count("success") == count


def rows(project: Project, sql: str) -> list[tuple[object, ...]]:
    """Read the warehouse, which the worker lets go of a moment after a run."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return project.query(sql)
        except duckdb.IOException:
            assert time.monotonic() < deadline, "the warehouse is not let go of"
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def test_a_life_of_catching_up_edits_pauses_and_kills(tmp_path: Path) -> None:
    project = daily(tmp_path, {"models/a.sql": INCREMENTAL + "select '{{ var('ds') }}' as ds"})
    port = free_port()
    with running(project, "--health", f"127.0.0.1:{port}") as daemon:
        until(lambda: daemon.events("run_ended") and succeeded(project, 3), "three missed days")
        assert rows(project, "select count(*), count(distinct ds) from a") == [
            (3, 3)
        ]  # the file is let go of
        assert resident_megabytes(daemon.process.pid) < 80
        with urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            assert json.load(answer)["stage"] == "running"
        assert project.spawn("daemon", "--probe", "--health", f"127.0.0.1:{port}").code == 0

        second = project.spawn("daemon")
        assert f"process {daemon.process.pid} on " in second.told(3)
        assert project.sqlorch("daemon", "--status").out.startswith(f"running: process {daemon.process.pid} ")

        assert "is paused" in project.sqlorch("pause", "g", "--reason", "moving house").out
        assert "moving house" in project.sqlorch("why", "g").out
        assert project.sqlorch("resume", "g").code == 0

        daemon.kill_worker()
        daemon.until("worker_died")
        said = project.sqlorch("trigger", "g", "--interval", str(START), "--wait")
        assert (said.code, said.out.split()[-1]) == (0, "success")

        before = len(daemon.events("reloaded"))
        project.write({"models/b.sql": "select * from {{ ref('nowhere') }}"})
        assert "nowhere" in daemon.until("reload_failed")["message"]
        assert project.query_state("select count(*) from alert where kind = 'reload_failed'") == [(1,)]
        said = project.sqlorch(
            "trigger", "g", "--interval", str(START), "--wait"
        )  # the last good state works
        assert said.code == 0
        project.write({"models/b.sql": "select count(*) as n from {{ ref('a') }}"})
        daemon.until("reloaded", before + 1)
        until(lambda: "b" in project.sqlorch("why", "b").out, "the new model")
        assert project.sqlorch("trigger", "g", "--wait").code == 0
        assert len(daemon.events("reload_failed")) == 1
        daemon.kill()

    with running(project) as daemon:
        daemon.until("started", 2)
        assert daemon.stop() == 0
    assert rows(project, "select n from b") == [(3,)]
    assert workers_of(project) == []
    slots = project.query_state("select count(*), count(distinct run_id) from slot where status = 'run'")
    assert slots == [(3, 3)]  # one run each, however often it was killed
    assert "no daemon runs; the last one" in project.sqlorch("daemon", "--status").out


@pytest.fixture
def slow(tmp_path: Path) -> Project:
    first = INCREMENTAL + "select '{{ var('ds') }}' as ds"
    long = "{{ config(materialized='table') }} -- {{ ref('first') }}\n" + FOR_EVER
    return daily(tmp_path, {"models/first.sql": first, "models/slow.sql": long}, "    catchup: latest\n")


def node_is(project: Project, name: str, state: str) -> bool:
    return (name, state) in project.query_state("select name, state from node_run")


def quicken(project: Project) -> None:
    project.write(
        {"models/slow.sql": "{{ config(materialized='table') }} -- {{ ref('first') }}\nselect 7 as n"}
    )


def assert_finished(project: Project, daemon: Daemon) -> None:
    until(lambda: succeeded(project, 1), daemon.log.read_text())
    assert rows(project, "from slow") == [(7,)]
    assert project.query_state("select run_id from attempt where state = 'running'") == []
    done = "select name, count(*) from attempt join node_run using (run_id, unique_id) where attempt.outcome"
    assert project.query_state(f"{done} = 'success' group by 1 order by 1") == [("first", 1), ("slow", 1)]


def test_what_a_killed_daemon_leaves_goes_on_in_the_next(slow: Project) -> None:
    with running(slow) as daemon:
        until(lambda: daemon.events("run_began") and node_is(slow, "slow", "running"), "the slow node")
        daemon.kill()
        until(lambda: workers_of(slow) == [], "the orphaned worker's end", seconds=30)
    quicken(slow)
    with running(slow) as daemon:
        assert_finished(slow, daemon)


def test_a_killed_worker_costs_an_attempt_and_not_the_run(slow: Project) -> None:
    with running(slow) as daemon:
        until(lambda: daemon.events("run_began") and node_is(slow, "slow", "running"), "the slow node")
        quicken(slow)
        daemon.kill_worker()
        assert_finished(slow, daemon)
    lost = slow.query_state("select outcome, count(*) from attempt where outcome = 'lost' group by 1")
    assert lost == [("lost", 1)]


def test_told_to_stop_it_cuts_what_takes_too_long_and_goes_on_later(slow: Project) -> None:
    with running(slow, "--grace", "1") as daemon:
        until(lambda: daemon.events("run_began") and node_is(slow, "slow", "running"), "the slow node")
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 30
    assert run_states(slow)[-1] == "running"
    assert node_is(slow, "slow", "up_for_retry")
    assert slow.query_state("select sum(lost) from node_run") == [(0,)]  # nothing of its budgets is spent
    quicken(slow)
    with running(slow, "--once") as daemon:
        assert daemon.process.wait(timeout=120) == 0
        assert_finished(slow, daemon)


def test_commands_take_their_turn_beside_it_and_cancel_what_it_does(slow: Project) -> None:
    with running(slow) as daemon:
        until(lambda: daemon.events("run_began") and node_is(slow, "slow", "running"), "the slow node")
        day = str(START - timedelta(days=30))
        request = ("run", "--interval", day, "--as-one", "--select", "first")
        assert f"process {daemon.process.pid} on " in slow.sqlorch(*request, "--no-wait").told(2)
        waiting = slow.process(*request, "--json")
        assert waiting.stderr is not None
        assert "is driving runs of this project" in waiting.stderr.readline()
        (run_id,) = slow.query_state("select run_id from run where state = 'running'")[0]
        assert f"{run_id} is cancelled" in slow.sqlorch("cancel", run_id, "--reason", "too slow").out
        out, err = waiting.communicate(timeout=120)
        assert waiting.returncode == 0, (out, err)
        until(lambda: "cancelled" in run_states(slow), "the cancelled run")
        assert "too slow" in slow.sqlorch("why", run_id).out
        quicken(slow)
        daemon.until("reloaded")
        said = slow.sqlorch("retry", run_id)
        assert f"{run_id} is queued again; the daemon (process {daemon.process.pid}) drives it" in said.out
        until(lambda: succeeded(slow, 2), daemon.log.read_text())
        assert rows(slow, "from slow") == [(7,)]
