"""A daemon whose warehouse is a server: a long run holds up no other group, and parallel is parallel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.daemons import running, until
from support.postgres import Postgres, running_postgres
from support.projects import Project, make_project

START = datetime.now(UTC).date() - timedelta(days=2)
SLEEPY = "{{ config(materialized='table') }} select '{{ var('ds') }}' as ds, pg_sleep(60)::text as nothing"
QUICK = (
    "{{ config(materialized='incremental', unique_key='ds', incremental_strategy='delete+insert') }}\n"
    "select '{{ var('ds') }}' as ds, i from generate_series(1, 100) as i"
)
SETTINGS = f"""\
daemon: {{runs: 3}}
groups:
  long: {{select: sleepy, schedule: "@daily", start: {START}}}
  short: {{select: quick checked, schedule: "@daily", start: {START}, max_active_runs: 2}}
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres(durable=False) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, postgres: Postgres) -> Project:
    files = {
        "profiles.yml": postgres.profile("side_by_side"),
        "sqlorch.yml": SETTINGS,
        "models/sleepy.sql": SLEEPY,
        "models/quick.sql": QUICK,
        "models/checked.sql": "select * from {{ ref('quick') }}",
    }
    return make_project(tmp_path, files)


def test_a_long_run_holds_up_no_other_group(project: Project, postgres: Postgres) -> None:
    with running(project) as daemon:
        daemon.until("run_began")
        states = "select group_name, state from run where state in ('running', 'success') order by 1, 2"
        until(
            lambda: (
                (found := project.query_state(states)).count(("short", "success")) == 2
                and ("long", "running") in found
            ),
            "both days of the short group, beside the long one",
        )
        (run_id,) = {run_id for (run_id,) in project.query_state(
            "select run_id from run where group_name = 'long' and state = 'running'")}  # fmt: skip
        project.sqlorch("cancel", run_id).told(0)
        daemon.until("run_ended", count=3)
    assert postgres.query("select ds, count(*) from side_by_side.checked group by 1 order by 1") == [
        (str(START), 100),
        (str(START + timedelta(days=1)), 100),
    ]
    live = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active'"
    here = "datname = current_database() and pid <> pg_backend_pid()"
    assert postgres.query(f"{live} and {here}") == [(0,)]


NAP = (
    "{{ config(materialized='incremental', unique_key='ds', incremental_strategy='delete+insert') }}\n"
    "select '{{ var('ds') }}' as ds, pg_advisory_xact_lock_shared(4711)::text as nothing"
)


def test_a_run_that_waited_for_another_sees_what_that_one_made(tmp_path: Path, postgres: Postgres) -> None:
    """Both were opened while there was no table; the second must not make it anew."""
    group = f'{{select: nap, schedule: "@daily", start: {START}, max_active_runs: 2}}'
    files = {
        "profiles.yml": postgres.profile("naps"),
        "sqlorch.yml": f"daemon: {{runs: 2}}\ngroups:\n  naps: {group}\n",
        "models/nap.sql": NAP,
    }
    project = make_project(tmp_path, files)
    with closing(postgres.connect()) as gate, running(project) as daemon:
        with gate.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(4711)")
        waits = "select 1 from pg_locks where locktype = 'advisory' and objid = 4711 and not granted"
        until(lambda: postgres.query(waits), "the first run to build it")
        daemon.until("run_began", count=2)
        time.sleep(3)  # in which the second is opened, and held back
        assert len(postgres.query(waits)) == 1
        gate.close()
        daemon.until("run_ended", count=2)
    assert {event["state"] for event in daemon.events("run_ended")} == {"success"}
    assert postgres.query("select ds from naps.nap order by ds") == [
        (str(START),),
        (str(START + timedelta(days=1)),),
    ]
