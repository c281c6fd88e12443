"""Several daemons drive one project: each interval once, and what one leaves behind another goes on with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.daemons import Daemon, until, workers_of
from support.postgres import Postgres, running_postgres
from support.projects import make_project
from support.several import Fleet, fleet

from sqlorch.domain.lease import LEASE

DAYS = 2
OVERLAPPING = """SELECT other.run_id FROM run AS mine JOIN run AS other
    ON other.run_id <> mine.run_id AND other.started_at < mine.finished_at
    AND coalesce(other.finished_at, 1e18) > mine.started_at WHERE mine.kind = 'manual'"""
TAKEN_UP = """SELECT outcome, n FROM attempt WHERE state = 'done'
    AND run_id IN (SELECT run_id FROM attempt WHERE outcome = 'lost')"""
SLOT = "select '{{ var('data_interval_start') }}' as slot, {{ var('n', 1) }} as n"
MODEL = (
    "{{ config(materialized='incremental', unique_key='slot', incremental_strategy='delete+insert') }}\n"
    + SLOT
)


def files(**models: str) -> dict[str, str]:
    """A group a model, with as many days behind."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    groups = [
        f"  {name}: {{select: {name}, schedule: '@daily', start: {start:%Y-%m-%d}}}\n" for name in models
    ]
    return {
        "sqlorch.yml": "groups:\n" + "".join(groups),
        **{f"models/{name}.sql": text for name, text in models.items()},
    }


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        yield running


def test_every_interval_is_run_once_and_a_command_goes_in_between(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with fleet(server, tmp_path, files(a=MODEL, b=MODEL), monkeypatch) as two:
        first, second = two.start("one"), two.start("two")
        first.until("started")
        second.until("started")
        _refused(first, tmp_path)
        said = two.clone("by-hand").spawn(
            "run", "--interval", "2013-01-03", "--select", "a", "--as-one", "-q"
        )
        assert said.code == 0, said.err
        until(lambda: two.state("SELECT count(*) FROM run WHERE state = 'success'") == [(5,)], "every run")
        assert two.state(OVERLAPPING) == []
        assert two.state("SELECT count(*), count(DISTINCT (group_name, interval_start)) FROM run") == [(5, 5)]
        assert two.state("SELECT count(*) FROM attempt WHERE outcome <> 'success' OR n <> 1") == [(0,)]
        assert two.rows("SELECT count(*), count(DISTINCT slot) FROM a") == [(DAYS + 1, DAYS + 1)]
        assert two.rows("SELECT count(*), count(DISTINCT slot) FROM b") == [(DAYS, DAYS)]
        said = first.project.spawn("daemon", "--status")
        assert said.code == 0
        assert [line.partition(":")[0] for line in said.out.splitlines()[:2]] == ["running, leads", "running"]
        for daemon in two.daemons:
            assert daemon.stop() == 0
            assert not [line for line in daemon.said if line["level"] == "error"]
        assert two.state("SELECT count(*) FROM lease") == [(0,)]


def _refused(first: Daemon, tmp_path: Path) -> None:
    """A folder has one daemon, and a warehouse in a file one host."""
    said = first.project.spawn("daemon", "--once").told(3)
    assert f"process {first.process.pid} on" in said
    assert "another one beside it needs a folder of its own" in said
    local = make_project(tmp_path / "local", files(a=SLOT))
    said = local.spawn("daemon", "--once").told(3)
    assert said.startswith("Error: sqlorch process ")
    assert "one host alone can drive a warehouse of duckdb, which is a file" in said


def test_when_the_leader_dies_another_leads_and_goes_on_with_its_run(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server.query("CREATE TABLE gate (n int)")
    slow = "{{ config(materialized='table') }} select n from gate"
    with fleet(server, tmp_path, files(a=slow), monkeypatch) as two, closing(server.connect()) as keeper:
        keeper.cursor().execute("LOCK TABLE gate")  # no run ends until it is let go of
        first = two.start("one", "--verbose")
        first.until("node_began")
        second = two.start("two", "--verbose")
        second.until("started")
        assert two.leader() is first
        first.kill_with_workers()
        killed = time.monotonic()
        second.until("leads")
        until(lambda: _drives(two, second), "the run in the hands of the second")
        assert time.monotonic() - killed < LEASE + 30
        keeper.rollback()
        until(lambda: two.state("SELECT count(*) FROM run WHERE state = 'success'") == [(DAYS,)], "all runs")
        assert two.state(TAKEN_UP) == [("success", 2)]
        assert two.state("SELECT count(*) FROM attempt WHERE state = 'done'") == [(DAYS,)]


def _drives(here: Fleet, daemon: Daemon) -> bool:
    """Whether a run under way is that daemon's."""
    owners = {pid for (pid,) in here.state("SELECT owner_pid FROM run WHERE state = 'running'")}
    return bool(owners & {daemon.process.pid, *workers_of(daemon.project)})
